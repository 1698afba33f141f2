"""The CloudFormation templates of deploy/aws as data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[3] / "deploy/aws"
TEMPLATES = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("serverless/*.yaml")])


class _Loader(yaml.SafeLoader):
    """Reads ``!Ref`` and its like as what they stand for in JSON."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def load(path: Path) -> Any:
    return yaml.load(path.read_text(), _Loader)


NOTHING = {"Ref": "AWS::NoValue"}


def chosen(value: Any, is_so: Callable[[str], bool | None] = lambda condition: True) -> Any:
    """What a template says where each of its conditions ``is_so``, or is not; None: left as it is."""
    match value:
        case {"Fn::If": [condition, yes, no]} if (answer := is_so(condition)) is not None:
            return chosen(yes if answer else no, is_so)
        case dict():
            return {name: chosen(part, is_so) for name, part in value.items()}
        case list():
            parts = [chosen(part, is_so) for part in value]
            return [part for part in parts if part != NOTHING]
    return value


def rule_sql(name: str, *, prefix: str = "", template: str = "rules.yaml") -> str:
    """The SQL of a rule in a template, of a yard with this ``MqttPrefix``."""
    rule = load(FOLDER / template)["Resources"][name]["Properties"]["TopicRulePayload"]
    text, values = chosen(rule["Sql"], {"HasPrefix": bool(prefix)}.get)["Fn::Sub"]
    for variable, value in (values | {"MqttPrefix": prefix}).items():
        text = text.replace(f"${{{variable}}}", value)
    assert "$" not in text
    return str(text)
