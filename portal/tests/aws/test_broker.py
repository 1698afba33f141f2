"""The broker that the small set runs beside beat: its configuration as the template gives it, on a real Mosquitto, with
another one that is as strict about certificates in the place of AWS IoT Core.
"""

from __future__ import annotations

import json
import queue
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from gateway.ingest.subscriber import Subscriber
from gateway.iot import news
from gateway.testing.authority import Authority
from portal.bench import servers
from portal.supervisor import ports
from portal.supervisor.children import Program
from portal.tests.aws.templates import FOLDER, chosen, load
from portal.tests.tls import mosquitto

ROOT = FOLDER.parents[1]
TEMPLATE = load(FOLDER / "chargeyard.yaml")


def container(task: str) -> Any:
    """The broker in a task."""
    there = chosen(TEMPLATE["Resources"][task])["Properties"]["ContainerDefinitions"]
    (broker,) = [one for one in there if one["Name"] == "broker"]
    return broker


def configuration(*, is_bridged: bool, prefix: str = "") -> str:
    """What the container is given, before CloudFormation puts names in."""
    (entry,) = container("BeatTask")["Environment"]
    text, more = entry["Value"]["Fn::Sub"]
    frames = more["Frames"]["Fn::Sub"].replace("${MqttPrefix}", prefix) if is_bridged else ""
    return str(text).replace("${Frames}", frames).replace("${Name}", "yard")


@contextmanager
def own_broker(iot_core: str, authority: Authority, *, is_bridged: bool) -> Iterator[int]:
    """A Mosquitto with that configuration, on loopback; its port."""
    port, there = ports.free(), urlsplit(iot_core)
    with servers.own_folder() as folder:
        (folder / "ca.pem").write_text(authority.certificate)
        (folder / "client.pem").write_text(authority.issue("yard"))
        text = configuration(is_bridged=is_bridged)
        for of_aws, of_ours in {
            "${IotEndpoint}:8883": f"{there.hostname}:{there.port}",
            "listener 1883": f"listener {port} {ports.LOOPBACK}\nuser root",  # or it could not read our folder
            "bridge_capath /etc/ssl/certs": f"bridge_cafile {folder}/ca.pem",
            "/tmp/client.pem": f"{folder}/client.pem",
        }.items():
            assert of_aws in text
            text = text.replace(of_aws, of_ours)
        (folder / "mosquitto.conf").write_text(text)
        program = Program("mosquitto", (servers._program("mosquitto"), "-c", str(folder / "mosquitto.conf")))
        missing = lambda: "" if ports.accepts(ports.LOOPBACK, port) else "no answer"  # noqa: E731
        with servers.running(program, folder, missing):
            yield port


class Ear:
    """A client that hears ``filters``, and says things."""

    def __init__(self, port: int, *filters: str, tls: ssl.SSLContext | None = None) -> None:
        self.heard: queue.Queue[str] = queue.Queue()
        self.ready: queue.Queue[bool] = queue.Queue()
        self.client = Client(CallbackAPIVersion.VERSION2)
        if tls is not None:
            self.client.tls_set_context(tls)
        self.client.on_message = lambda client, data, message: self.heard.put(message.topic)
        self.client.on_subscribe = lambda *rest: self.ready.put(True)
        self.client.connect(ports.LOOPBACK, port)
        self.client.loop_start()
        self.client.subscribe([(name, 0) for name in filters])
        assert self.ready.get(timeout=10)

    def hears(self, topic: str, *, of: Ear, within_s: float = 20) -> bool:
        """Whether it hears what the other one says, again and again until the bridge stands."""
        for _ in range(int(within_s / 0.25)):
            of.client.publish(topic, b"x")
            try:
                if self.heard.get(timeout=0.25) == topic:
                    return True
            except queue.Empty:
                continue
        return False

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def shown(authority: Authority, folder: Path) -> ssl.SSLContext:
    (folder / "somebody.pem").write_text(authority.issue("somebody"))
    context = ssl.create_default_context(cadata=authority.certificate)
    context.load_cert_chain(folder / "somebody.pem")
    return context


@pytest.mark.parametrize("is_bridged", [False, True], ids=["things only", "frames as well"])
def test_it_brings_news_of_things_from_iot_core_and_frames_there_only_if_asked(
    is_bridged: bool, tmp_path: Path
) -> None:
    authority = Authority()
    with (
        mosquitto(authority) as iot_core,
        own_broker(iot_core, authority, is_bridged=is_bridged) as port,
    ):
        there = Ear(urlsplit(iot_core).port or 0, "+/in", "+/out", tls=shown(authority, tmp_path))
        here = Ear(port, *news.TOPICS)
        for topic in ("$aws/events/thing/CP-1/created", "$aws/things/CP-1/shadow/name/configuration/update/documents"):
            assert here.hears(topic, of=there)
        # By now the bridge stands, so silence means that it takes no frames.
        assert there.hears("CP-1/in", of=here, within_s=20 if is_bridged else 2) is is_bridged
        there.stop()
        here.stop()


def test_it_bridges_the_frames_of_its_own_yard_only() -> None:
    lines = configuration(is_bridged=True, prefix="north/").splitlines()
    assert [line for line in lines if " out " in line] == ["topic north/+/in out 0", "topic north/+/out out 0"]


def test_apart_it_is_the_same_one_and_a_deploy_leaves_it_alone() -> None:
    assert container("BrokerTask") == container("BeatTask")
    task = json.dumps(TEMPLATE["Resources"]["BrokerTask"])
    assert '"Ref": "Image"' not in task and "TaskRoleArn" not in task  # no version of ours, and no rights
    service = TEMPLATE["Resources"]["BrokerService"]["Properties"]
    assert (service["DesiredCount"], service["DeploymentConfiguration"]["MaximumPercent"]) == (1, 100)
    assert service["ServiceRegistries"] == chosen(TEMPLATE["Resources"]["Beat"]["Properties"]["ServiceRegistries"])


def test_what_a_dead_worker_would_have_had_goes_to_the_others(settings: Any) -> None:
    """A broker that stays outlives its workers, and on ECS none comes back under its name."""
    (worker,) = chosen(TEMPLATE["Resources"]["WorkerTask"])["Properties"]["ContainerDefinitions"]
    (told,) = [entry for entry in worker["Environment"] if entry["Name"] == "MQTT_WORKER_SESSIONS"]
    settings.MQTT_WORKER_SESSIONS = told["Value"] == "true"
    authority = Authority()
    with mosquitto(authority) as iot_core, own_broker(iot_core, authority, is_bridged=False) as port:
        settings.MQTT_URL = f"mqtt://{ports.LOOPBACK}:{port}"
        heard: dict[str, queue.Queue[bytes]] = {name: queue.Queue() for name in ("worker-a", "worker-b")}
        workers = {
            name: Subscriber(name, on_frame=lambda frame, frames=frames: frames.put(frame.payload))  # type: ignore[misc]
            for name, frames in heard.items()
        }
        for worker in workers.values():
            worker.start()
        charger = Ear(port, "CP-1/out")
        for name, frames in heard.items():
            assert hears_one(charger, frames), name
        killed = workers.pop("worker-a")._client
        killed.loop_stop()
        line = killed.socket()
        assert line is not None
        line.close()
        time.sleep(1)  # until the broker has seen it
        while not heard["worker-b"].empty():
            heard["worker-b"].get()
        for number in range(20):
            charger.client.publish("CP-1/in", b"frame %d" % number, qos=1)
        assert {heard["worker-b"].get(timeout=20) for _ in range(20)} == {b"frame %d" % n for n in range(20)}
        workers["worker-b"].stop()
        charger.stop()


def hears_one(charger: Ear, frames: queue.Queue[bytes]) -> bool:
    for _ in range(80):
        charger.client.publish("CP-1/in", b"hello", qos=1)
        try:
            frames.get(timeout=0.25)
        except queue.Empty:
            continue
        return True
    return False


def test_it_is_the_broker_of_compose_but_for_what_is_kept_on_disk() -> None:
    ours = {line for line in configuration(is_bridged=False).splitlines() if line}
    known = (ROOT / "deploy/mosquitto.conf").read_text().splitlines()
    kept_on_disk = ("global_plugin", "plugin_opt", "persistence_location")
    wanted = {line for line in known if line and not line.startswith(("#", *kept_on_disk))}
    assert wanted <= ours


def test_the_bridge_brings_all_that_workers_listen_for() -> None:
    lines = configuration(is_bridged=False).splitlines()
    assert [line.split()[1] for line in lines if line.startswith("topic ")] == list(news.TOPICS)


def test_tasks_find_it_by_its_name_and_nobody_else_may() -> None:
    resources = TEMPLATE["Resources"]
    opened = resources["TasksGroupBroker"]["Properties"]
    assert opened["SourceSecurityGroupId"] == opened["GroupId"] == {"Ref": "TasksGroup"}
    assert chosen(resources["Beat"]["Properties"]["ServiceRegistries"]) == [
        {"RegistryArn": {"Fn::GetAtt": "BrokerName.Arn"}}
    ]
    name = resources["BrokerName"]["Properties"]["Name"]
    for task in ("GatewayTask", "PortalTask", "WorkerTask", "BeatTask"):
        for container in chosen(resources[task])["Properties"]["ContainerDefinitions"]:
            given = {entry["Name"]: entry.get("Value") for entry in container["Environment"]}
            if "MQTT_URL" in given:
                assert given["MQTT_URL"] == {"Fn::Sub": f"mqtt://{name}.${{Name}}.internal:1883"}
