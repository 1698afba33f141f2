"""`docs/ocpp-coverage.md` and the code say the same."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.dialect import Dialect
from gateway.registry import DIALECTS

TEXT = (Path(__file__).parents[2] / "docs" / "ocpp-coverage.md").read_text()
CHAPTER = {"ocpp1.6": "## OCPP 1.6", "ocpp2.0.1": "## OCPP 2.0.1", "ocpp2.1": "## OCPP 2.1"}
EACH = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))


def documented(dialect: Dialect) -> dict[str, tuple[str, str]]:
    """Action → (who sends it, state) of a version's table, on top of that of the version it is based on."""
    older = documented(dialect.based_on) if dialect.based_on else {}
    chapter = TEXT.split(CHAPTER[dialect.subprotocol], 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (\w+) \| (charger|us|both) \| (.+) \|$", chapter, re.MULTILINE)
    return older | {action: (sender, state) for action, sender, state in rows}


def actions(dialect: Dialect) -> set[str]:
    names = {file.name.removesuffix(".json") for file in (files("ocpp") / dialect.schemas / "schemas").iterdir()}
    return {name.removesuffix("Request") for name in names if not name.endswith("Response")}


def sent(dialect: Dialect) -> str:
    """The source of a version's package, and of what it is based on: a sent action stands in it as text."""
    older = sent(dialect.based_on) if dialect.based_on else ""
    folder = Path(__file__).parents[1] / dialect.subprotocol.replace(".", "")
    return "\n".join([older, *(path.read_text() for path in folder.glob("*.py"))])


@EACH
def test_each_action_of_the_schemas_is_documented(dialect):
    assert set(documented(dialect)) == actions(dialect)


@EACH
def test_what_is_documented_as_served_is_handled_and_nothing_else(dialect):
    served = {action for action, (_, state) in documented(dialect).items() if state.startswith("served")}
    assert served == set(dialect.handlers) | set(dialect.listeners)


@EACH
def test_what_is_documented_as_sent_has_a_wording_and_nothing_else(dialect):
    said = set(re.findall(r'"(\w+)"', sent(dialect))) & actions(dialect)
    documented_as_sent = {action for action, (_, state) in documented(dialect).items() if "sent" in state}
    assert documented_as_sent == said - (set(dialect.handlers) - {"DataTransfer"}) - set(dialect.listeners)


@EACH
def test_what_we_make_of_answers_belongs_to_what_we_send(dialect):
    assert set(dialect.readings) <= {action for action, (who, _) in documented(dialect).items() if who != "charger"}


def test_a_newer_version_knows_each_verb_of_an_older_one():
    verbs = [set(dialect.wordings) for dialect in DIALECTS.values()]
    assert all(older <= newer for older, newer in pairwise(verbs))


@EACH
def test_money_is_never_left_without_a_confirmation(dialect):
    money = {"StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent", "NotifySettlement"}
    money &= set(dialect.handlers)
    assert set(dialect.money) == money
    assert all(confirmation == {} for action, confirmation in dialect.money.items() if action != "StartTransaction")
