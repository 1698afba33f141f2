"""deploy/aws: CloudFormation would take it, it makes what the documents say, and it names only what exists."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from gateway import leaving
from gateway.testing.iot_sql import compile_rule
from portal.tests.aws.templates import FOLDER, TEMPLATES, chosen, load, rule_sql
from portal.tests.test_compose import check_command, settings_names

SETS = ("small", "medium", "standard", "large")
MAIN = load(FOLDER / "chargeyard.yaml")
GIVEN = {
    "Image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/chargeyard:1",
    "PublicUrl": "https://csms.example",
    "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/1",
    "IotEndpoint": "a1-ats.iot.eu-central-1.amazonaws.com",
    "MqttClientPemArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:mqtt",
    "ChargerCaPemArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:ca",
}


def parameters(size: str) -> dict[str, str]:
    return dict(entry.split("=", 1) for entry in json.loads((FOLDER / f"{size}.json").read_text()))


def containers() -> list[Any]:
    tasks = [r for r in MAIN["Resources"].values() if r["Type"] == "AWS::ECS::TaskDefinition"]
    found = [container for task in tasks for container in task["Properties"]["ContainerDefinitions"]]
    return list(chosen(found))


OURS = [container for container in containers() if container["Name"] != "broker"]


def words(command: list[Any]) -> list[str]:
    """A command with the defaults of what it refers to."""
    named = [w["Fn::Sub"] if isinstance(w, dict) and "Fn::Sub" in w else w for w in command]
    return [str(MAIN["Parameters"][w["Ref"]]["Default"]) if isinstance(w, dict) else w for w in named]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_cloudformation_would_take_it(template: Path) -> None:
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "eu-central-1", "--", str(template)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("container", OURS, ids=lambda container: str(container["Name"]))
def test_each_container_runs_a_command_that_exists_with_settings_that_exist(container: Any) -> None:
    check_command(words(container["Command"]))
    given = {entry["Name"] for entry in container["Environment"] + container["Secrets"]}
    assert given <= settings_names() | {"DATABASE_URL"}
    # Longer than a gateway takes to let its chargers go, and a worker for its batch.
    assert container["StopTimeout"] > leaving.WITHIN_S + leaving.FINISH_S + leaving.CLOSE_S + 10


def test_beat_is_one_and_waits_for_the_migration() -> None:
    beat = MAIN["Resources"]["Beat"]["Properties"]
    assert (beat["DesiredCount"], beat["DeploymentConfiguration"]["MaximumPercent"]) == (1, 100)
    (task,) = [one for one in containers() if one["Name"] == "beat"]
    assert task["DependsOn"] == [{"ContainerName": "migrate", "Condition": "SUCCESS"}]
    for service in ("Gateway", "Portal", "Worker"):
        assert "Beat" in MAIN["Resources"][service]["DependsOn"]


def test_only_the_balancer_reaches_our_tasks_and_only_they_the_data() -> None:
    for group, source in (("TasksGroup", "BalancerGroup"), ("DataGroup", "TasksGroup")):
        rules = MAIN["Resources"][group]["Properties"]["SecurityGroupIngress"]
        assert all(rule["SourceSecurityGroupId"] == {"Ref": source} for rule in rules)


def test_a_charger_with_a_certificate_reaches_our_own_tls_door() -> None:
    resources = MAIN["Resources"]
    listener, targets = resources["PassThroughListener"]["Properties"], resources["PassThroughTargets"]["Properties"]
    assert (listener["Protocol"], targets["Protocol"]) == ("TCP", "TCP")  # TLS is handed through
    (gateway,) = [one for one in containers() if one["Name"] == "gateway"]
    environment = {entry["Name"]: entry.get("Value") for entry in gateway["Environment"]}
    assert int(environment["TLS_PORT"]) == targets["Port"]
    assert {"ContainerPort": targets["Port"]} in gateway["PortMappings"]
    registered = chosen(resources["Gateway"]["Properties"]["LoadBalancers"])
    assert {
        "ContainerName": "gateway",
        "ContainerPort": 9443,
        "TargetGroupArn": {"Ref": "PassThroughTargets"},
    } in registered
    assert "TLS_CERTIFICATE_PEM" in {entry["Name"] for entry in gateway["Secrets"]}
    # The door answers for itself.
    assert targets["HealthCheckProtocol"] == "HTTPS" and "HealthCheckPort" not in targets
    opened = resources["TasksGroup"]["Properties"]["SecurityGroupIngress"][0]
    assert opened["FromPort"] <= targets["Port"] <= opened["ToPort"]


def test_chargers_and_people_are_told_apart_by_their_own_addresses() -> None:
    """By the balancer's one address they would share their failed attempts."""
    groups = [r for r in MAIN["Resources"].values() if r["Type"] == "AWS::ElasticLoadBalancingV2::TargetGroup"]
    assert len(groups) == 3
    for group in groups:
        assert {"Key": "preserve_client_ip.enabled", "Value": "true"} in group["Properties"]["TargetGroupAttributes"]


def test_no_role_may_do_everything() -> None:
    for path in TEMPLATES:
        for resource in load(path)["Resources"].values():
            for policy in resource.get("Properties", {}).get("Policies", ()):
                if resource["Type"] != "AWS::IAM::Role":
                    continue
                for statement in policy["PolicyDocument"]["Statement"]:
                    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                    assert not [action for action in actions if "*" in action]


@pytest.mark.parametrize("size", SETS)
def test_a_parameter_set_sets_only_what_there_is(size: str) -> None:
    assert parameters(size).keys() <= MAIN["Parameters"].keys()


@pytest.fixture
def cloudformation() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("cloudformation", region_name="eu-central-1")


def create(cloudformation: Any, name: str, template: str, values: dict[str, str]) -> dict[str, str]:
    """Make a stack of what moto knows; its resources by logical id."""
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    found = cloudformation.list_stack_resources(StackName=name)["StackResourceSummaries"]
    return {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found}


def test_the_stack_of_rules_comes_up(cloudformation: Any) -> None:
    """But for the rules themselves, which moto does not know; `test_rules` runs their SQL."""
    made = create(cloudformation, "yard-rules", (FOLDER / "rules.yaml").read_text(), {"IngestByQueue": "true"})
    sqs = boto3.client("sqs", region_name="eu-central-1")
    redrive = sqs.get_queue_attributes(QueueUrl=made["Frames"], AttributeNames=["RedrivePolicy"])["Attributes"]
    assert json.loads(redrive["RedrivePolicy"])["maxReceiveCount"] == 10


def test_frames_go_to_the_queue_only_where_workers_read_it() -> None:
    rules = load(FOLDER / "rules.yaml")["Resources"]
    assert (rules["FramesRule"]["Condition"], "Condition" in rules["HeartbeatRule"]) == ("ByQueue", False)


APART = {"Broker": "apart", "IngestByQueue": "false"}
MUTUAL_TLS = {"PassThroughPort": "9443", "TlsCertificatePemArn": "arn:tls"}


@pytest.mark.parametrize(
    ("size", "more"),
    [("small", {}), ("medium", {}), ("standard", MUTUAL_TLS), ("large", {}), ("large", APART)],
    ids=lambda value: str(value)[:14],
)
def test_each_size_comes_up(cloudformation: Any, size: str, more: dict[str, str]) -> None:
    create(cloudformation, "chargeyard-rules", (FOLDER / "rules.yaml").read_text(), {})
    acm = boto3.client("acm", region_name="eu-central-1")
    certificate = acm.request_certificate(DomainName="csms.example")["CertificateArn"]
    values = GIVEN | parameters(size) | {"CertificateArn": certificate} | more
    made = create(cloudformation, "chargeyard", _for_moto(values), values)
    assert {"Balancer", "GatewayTask", "WorkerTask", "BeatTask", "Database", "Files"} <= made.keys()
    assert ("Portal" in made) is (size not in ("small", "medium"))
    assert ("TasksGroupBroker" in made) is (size in ("small", "medium") or more == APART)
    assert ("BrokerTask" in made) is ("BrokerService" in made) is (more == APART)
    assert ("PassThroughListener" in made) is (more == MUTUAL_TLS)


def _for_moto(values: dict[str, str]) -> str:
    """The template with other words for what moto does not know: TLS and TCP on an NLB, names, addresses in texts, and
    what is left out of a list.
    """
    broker = values.get("Broker", "iot-core")
    is_so = {"OwnBroker": broker != "iot-core", "BrokerBeside": broker == "own", "BrokerApart": broker == "apart"}
    is_so |= {"PassThrough": "PassThroughPort" in values}
    text = json.dumps(chosen(MAIN, is_so.get))
    text = re.sub(r'"Fn::GetAtt": "(\w+)\.([\w.]+)"', r'"Fn::GetAtt": ["\1", "\2"]', text)
    text = re.sub(r'"Protocol": "(TLS|TCP)", "Port": ', r'"Protocol": "HTTP", "Port": ', text)
    text = text.replace('{"Fn::GetAtt": ["BrokerName", "Arn"]}', '"arn:of:broker"')
    return re.sub(r"\$\{(Database|Cache)\.\w+\.(\w+)\}", r"\1-\2", text)


# -- without containers ------------------------------------------------------------------------------------------------

SERVERLESS = load(FOLDER / "serverless/template.yaml")


UNKNOWN_TO_MOTO = ("AWS::ApiGatewayV2::", "AWS::CloudFront::", "AWS::IoT::TopicRule")


def test_the_stack_without_containers_comes_up(cloudformation: Any) -> None:
    """But for what moto does not know, of which the others are given a name."""
    values = {name: "x" for name, parameter in SERVERLESS["Parameters"].items() if "Default" not in parameter}
    values |= {"Image": GIVEN["Image"], "DatabasePasswordArn": GIVEN["ChargerCaPemArn"], "SecretKeyArn": "arn:aws:x"}
    made = create(cloudformation, "chargeyard-serverless", json.dumps(_known_to_moto(SERVERLESS)), values)
    functions = [name for name, one in SERVERLESS["Resources"].items() if one["Type"] == "AWS::Lambda::Function"]
    assert len(functions) == 6
    assert {*functions, "Connections", "Unanswered", "AgainMapping", "MessageRole"} <= made.keys()


def _known_to_moto(template: Any) -> Any:
    kinds = {name: one["Type"] for name, one in template["Resources"].items()}
    strange = {name for name, kind in kinds.items() if kind.startswith(UNKNOWN_TO_MOTO)}

    def known(value: Any) -> Any:
        match value:
            case {"Ref": str(name)} if name in strange:
                return f"arn:of:{name}"
            case {"Fn::GetAtt": str(path)}:
                name, _, attribute = path.partition(".")
                return f"arn:of:{name}" if name in strange else {"Fn::GetAtt": [name, attribute]}
            case {"Fn::Sub": str(text)}:
                return {"Fn::Sub": re.sub(r"\$\{(\w+)(\.\w+)?\}", lambda m: m[1] if m[1] in strange else m[0], text)}
            case dict():
                return {name: known(part) for name, part in value.items() if name not in ("DependsOn",)}
            case list():
                return [known(part) for part in value]
        return value

    kept = {name: one for name, one in template["Resources"].items() if name not in strange}
    return known(template | {"Resources": kept, "Outputs": {"None": {"Value": "none"}}})


def test_each_function_runs_code_that_exists() -> None:
    from gateway import serverless

    functions = [r for r in SERVERLESS["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    assert len(functions) == 6
    for function in functions:
        (command,) = function["Properties"]["ImageConfig"]["Command"]
        assert callable(getattr(serverless, command.removeprefix("gateway.serverless.")))
        names = set(function["Properties"]["Environment"]["Variables"])
        assert names <= settings_names() | {"DATABASE_URL", "CONNECTIONS_TABLE", "UNANSWERED_QUEUE_URL", "DOOR_KEY"}


def test_functions_hear_only_what_is_said_in_their_own_yard() -> None:
    def key(topic: str, prefix: str) -> Any:
        sql = rule_sql("DeliverRule", prefix=prefix, template="serverless/template.yaml")
        found = compile_rule(sql).run(topic, b"[3]", at_ms=0)
        return found and found["key"]

    assert key("CP-1/out", "") == key("north/CP-1/out", "north/") == "CP-1"
    assert key("CP-1/out", "north/") is key("north/CP-1/out", "") is key("south/CP-1/out", "north/") is None


def test_what_a_charger_asks_comes_back_to_the_function_that_asks_again() -> None:
    resources = SERVERLESS["Resources"]
    mapping = resources["AgainMapping"]["Properties"]
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": "Unanswered.Arn"}
    assert mapping["FunctionName"] == {"Ref": "AgainFunction"}
    # Else one failure would bring ten back, and those that were asked again would be asked twice.
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (
        resources["Unanswered"]["Properties"]["VisibilityTimeout"] > resources["AgainFunction"]["Properties"]["Timeout"]
    )


def test_the_template_holds_the_cloudfront_function_that_is_tested() -> None:
    code = SERVERLESS["Resources"]["IdentityFunction"]["Properties"]["FunctionCode"]
    assert code.strip() == (FOLDER / "serverless/identity.js").read_text().strip()
