"""Somebody with an AWS account reads docs/aws.md and types what stands there: all of it exists, by that very name."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import get_session

from portal.tests.aws.templates import FOLDER, TEMPLATES, load
from portal.tests.test_compose import check_command, settings_names

ROOT = FOLDER.parents[1]
TEXTS = {name: (ROOT / "docs" / name).read_text() for name in ("aws.md", "aws-serverless.md", "scaling.md")}
ALL = "\n".join(TEXTS.values())
BLOCKS = re.findall(r"```sh\n(.+?)```", ALL, re.DOTALL)
# Every command: lines of blocks without their remarks, and what is quoted in running text and remarks.
LINES = [line.split(" #")[0].strip() for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]
QUOTED = [" ".join(found.split()) for found in re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"```", "", ALL))]
COMMANDS = [words for words in (*LINES, *QUOTED) if words and not words.startswith("#")]
AWS = sorted({words for words in COMMANDS if re.match(r"aws [a-z0-9]+ [a-z]", words)} - {""})
# Of the AWS CLI itself, no operations: what is made of several.
OF_THE_CLI = {("cloudformation", "deploy"), ("s3", "rb"), ("ecs", "execute-command")}
MANAGE = sorted(
    {words.partition("manage.py ")[2] for words in COMMANDS if re.match(r"(python3? )?manage\.py [a-z]", words)}
)
OURS = {"bootstrap", "doctor", "sync-things"}


@cache
def model(service: str) -> Any:
    return get_session().get_service_model(service)


@pytest.mark.parametrize("words", [words for words in AWS if words.split()[1] not in OURS])
def test_a_command_of_the_aws_cli_exists_with_its_options(words: str) -> None:
    _, service, verb, *rest = shlex.split(words)
    given = {word[2:].replace("-", "_") for word in rest if word.startswith("--")}
    if (service, verb) in OF_THE_CLI:
        return
    if verb == "wait":
        verb = {"stack-delete-complete": "describe-stacks"}[rest[0]]
    operation = next(name for name in model(service).operation_names if xform_name(name, "-") == verb)
    known = {xform_name(name) for name in model(service).operation_model(operation).input_shape.members}
    assert given <= known


def test_it_finds_commands_at_all() -> None:
    assert len(AWS) > 12 and len(MANAGE) > 6 and any("create-thing" in words for words in AWS)


@pytest.mark.parametrize("words", MANAGE)
def test_a_command_of_ours_exists_with_its_options(words: str) -> None:
    shown = words.replace("…", "x").replace("PATH", "x")
    check_command(["python", "manage.py", *shlex.split(shown)])


def test_each_value_that_one_may_give_is_a_parameter_or_a_setting() -> None:
    parameters = {name for path in TEMPLATES for name in load(path)["Parameters"]}
    given = set(re.findall(r"`[^`]*?\b([A-Z]\w+)=", ALL)) | set(re.findall(r"\b([A-Z][A-Za-z]+)=", "\n".join(BLOCKS)))
    assert {"Broker", "DeletionProtection", "PassThroughPort", "SubnetIds"} <= given
    assert given <= parameters | settings_names() | {"ALARM_EMAIL"}


def test_outputs_that_are_named_exist() -> None:
    outputs = load(FOLDER / "chargeyard.yaml")["Outputs"].keys()
    (named,) = re.findall(r"outputs of the stack `chargeyard`: (.+?)\.\n", TEXTS["aws-serverless.md"])
    assert set(named.split(", ")) <= outputs
    assert set(re.findall(r"the output \*(\w+)\*", ALL)) == {"FilesBucket"} <= outputs
    # And what is read there fits what asks for it.
    given = set(re.findall(r"(\w+)=…", TEXTS["aws-serverless.md"]))
    assert given <= load(FOLDER / "serverless/template.yaml")["Parameters"].keys()


def test_files_that_are_named_exist() -> None:
    named = set(re.findall(r"`((?:deploy|gateway|portal|chargers)/[\w./-]+)`", ALL))
    assert len(named) > 15
    assert not {name for name in named if not (ROOT / name).exists()}


def said_in_code() -> str:
    """Every text in the code, one after the other; what is put into it is left out."""
    found: list[str] = []
    for folder in ("gateway", "chargers", "portal"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "/tests/" not in path.as_posix():
                texts = (node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant))
                found += [text for text in texts if isinstance(text, str)]
    return "\n".join(found)


def test_what_to_do_when_something_is_wrong_is_told_for_the_very_words_of_the_log() -> None:
    table = TEXTS["aws.md"].partition("## When something is wrong")[2]
    rows = [row.split(" | ")[0] for row in table.splitlines() if row.startswith("| ")][1:]
    quoted = [words for row in rows for words in re.findall(r"`([^`]+)`", row)]
    code = said_in_code()
    assert len(quoted) > 12
    assert not [words for words in quoted if words.removesuffix(" …") not in code]


def test_what_stays_after_the_stacks_are_deleted_is_named_in_the_clean_up() -> None:
    (clean_up,) = [block for block in BLOCKS if "delete-stack" in block]
    kept = {
        resource["Type"]
        for path in TEMPLATES
        for resource in load(path)["Resources"].values()
        if resource.get("DeletionPolicy") in ("Retain", "Snapshot")
    }
    assert kept == {"AWS::RDS::DBInstance", "AWS::S3::Bucket"}
    for said in (
        "s3 rb",
        "delete-db-snapshot",
        "delete-policy",
        "delete-certificate",
        "delete-secret",
        "delete-thing-type",
    ):
        assert said in clean_up
