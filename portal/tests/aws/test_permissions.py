"""Each call to AWS in the code is allowed by the role of who makes it, and stands in the table of docs/aws.md."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from botocore.session import get_session

from portal.tests.aws.templates import FOLDER, load

ROOT = FOLDER.parents[1]
SERVICES = {
    "iot": "iot", "iot-data": "iot", "sqs": "sqs", "s3": "s3", "secretsmanager": "secretsmanager", "sts": "sts",
    "dynamodb": "dynamodb",
}  # fmt: skip
# Where an action is not called as the operation is.
OTHERWISE = {
    "s3:HeadBucket": "s3:ListBucket",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
TABLE = (ROOT / "docs/aws.md").read_text().partition("## Permissions")[2].partition("\n## ")[0]


@cache
def operations(service: str) -> frozenset[str]:
    return frozenset(get_session().get_service_model(service).operation_names)


def actions(*modules: str) -> set[str]:
    """What these modules may ask of AWS: every text in them that names an operation of a service that they name."""
    found = set()
    for module in modules:
        tree = ast.parse((ROOT / module).read_text())
        texts = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        for service in SERVICES.keys() & texts:
            found |= {f"{SERVICES[service]}:{text}" for text in texts & operations(service)}
    return {OTHERWISE.get(action, action) for action in found}


def allowed(template: str, *roles: str) -> set[str]:
    found: set[str] = set()
    for role in roles:
        for policy in load(FOLDER / template)["Resources"][role]["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                said = statement["Action"]
                found |= {said} if isinstance(said, str) else set(said)
    return found


def documented(*who: str) -> set[str]:
    rows = [row for row in TABLE.splitlines() if any(row.startswith(f"| {name} |") for name in who)]
    assert len(rows) >= len(who)
    return set(re.findall(r"`([a-z0-9]+:\w+)`", " ".join(rows)))


WORKER = ("gateway/iot/things.py", "gateway/iot/teller.py", "gateway/ingest/queue.py")
FUNCTIONS = ("gateway/serverless.py", "gateway/unanswered.py", "gateway/iot/table.py")


def test_it_finds_what_is_called() -> None:
    assert actions("gateway/iot/things.py") == {
        "iot:CreateThing", "iot:UpdateThing", "iot:DeleteThing", "iot:DescribeThing", "iot:ListThings",
        "iot:ListThingPrincipals",
        "iot:DetachThingPrincipal", "iot:UpdateThingShadow", "iot:GetThingShadow",
    }  # fmt: skip
    assert "secretsmanager:PutSecretValue" in actions("gateway/iot/account.py")
    assert actions("gateway/ingest/queue.py") >= {"sqs:ReceiveMessage", "sqs:DeleteMessage"}


def test_no_module_that_calls_aws_is_forgotten() -> None:
    calling = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gateway").rglob("*.py")
        if "/tests/" not in path.as_posix() and re.search(r"\bcloud\.call\(", path.read_text())
    }
    assert calling == {"gateway/iot/account.py", "gateway/iot/doctor.py", *WORKER, *FUNCTIONS} - {
        "gateway/iot/teller.py"
    }


@pytest.mark.parametrize(
    ("modules", "template", "roles", "who"),
    [
        (WORKER, "chargeyard.yaml", ("WorkerRole",), ("worker", "you, `aws sync-things`")),
        (
            FUNCTIONS,
            "serverless/template.yaml",
            ("ConnectRole", "DisconnectRole", "MessageRole", "AgainRole", "DeliverRole", "ControlRole"),
            ("functions without containers",),
        ),
    ],
    ids=["worker", "functions"],
)
def test_a_role_allows_each_call_and_the_table_names_it(
    modules: tuple[str, ...], template: str, roles: tuple[str, ...], who: tuple[str, ...]
) -> None:
    called = actions(*modules)
    assert called <= allowed(template, *roles)
    assert called <= documented(*who)


def test_the_table_names_what_a_person_needs_for_each_command() -> None:
    assert actions("gateway/iot/account.py") <= documented("you, `aws bootstrap`")
    assert actions("gateway/iot/doctor.py") <= documented("you, `aws doctor`", "you, `aws bootstrap`")


def test_the_table_names_each_action_of_the_roles_and_no_other() -> None:
    worker = documented("worker", "worker, portal", "you, `aws sync-things`")
    assert allowed("chargeyard.yaml", "WorkerRole") == worker | documented("worker, gateway, portal")
    assert allowed("chargeyard.yaml", "PortalRole") == documented("worker, portal", "worker, gateway, portal")
