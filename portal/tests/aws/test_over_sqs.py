"""The core of the certification once more, with SQS in the place of the workers' subscription: what chargers say goes
through the rule that we ship into a queue that keeps no order and brings some messages twice.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import orjson
import pytest
from moto.server import ThreadedMotoServer
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from gateway.testing.iot_sql import compile_rule
from portal.bench import yard
from portal.certify import run
from portal.certify.catalogue import chosen
from portal.certify.desk import Desk
from portal.certify.judged import SETTINGS
from portal.supervisor import ports
from portal.tests import made_once, parts
from portal.tests.aws.templates import rule_sql

pytestmark = pytest.mark.timeout(400)

CASES = ["TC_001", "TC_003", "TC_005_1", "TC_010", "TC_012", "TC_039", "TC_B_01", "TC_E_01", "TC_E_21"]
CREDENTIALS = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass
class Rule:
    """IoT Core's part: hears the broker, runs the rule, fills the queue, a tenth of it twice."""

    mqtt_url: str
    sqs: Any
    queue_url: str
    handed_on: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        self.rule = compile_rule(rule_sql("FramesRule"))
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = self.heard
        where = urlsplit(self.mqtt_url)
        self.client.connect(str(where.hostname), where.port or 1883)
        self.client.subscribe("+/in", 0)
        self.client.loop_start()

    def heard(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        found = self.rule.run(message.topic, bytes(message.payload), at_ms=int(time.time() * 1000))
        for _ in range(1 if self.chance.random() > 0.1 else 2):
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=orjson.dumps(found).decode())
            self.handed_on += 1

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def sqs_server() -> Iterator[tuple[str, Any]]:
    """An SQS on loopback: its address, and a client."""
    server = ThreadedMotoServer(ip_address=ports.LOOPBACK, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"region_name": "eu-central-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    try:
        yield f"http://{host}:{port}", boto3.client("sqs", endpoint_url=f"http://{host}:{port}", **keys)
    finally:
        server.stop()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, run.Outcome], Rule]]:
    with sqs_server() as (address, sqs), parts.nats() as mqtt_url:
        queue_url = sqs.create_queue(QueueName="frames")["QueueUrl"]
        rule = Rule(mqtt_url, sqs, queue_url)
        settings = CREDENTIALS | SETTINGS | made_once.settings(tmp_path_factory.mktemp("sqs")) | {
            "AWS_ENDPOINT_URL_SQS": address,
            "INGEST_QUEUE_URL": queue_url,
            "MQTT_URL": mqtt_url,
            "MQTT_SHARED_SUBSCRIPTIONS": "false",
        }  # fmt: skip
        with yard.running("embedded", settings=settings) as site:
            desk = Desk(f"http://{ports.LOOPBACK}:{site.port}", site.told("create_api_key", "sqs"))
            desk.hand_out_cards()
            outcomes = asyncio.run(run.run(chosen(ids=CASES), desk))
        rule.stop()
        yield {outcome.case.id: outcome for outcome in outcomes}, rule


@pytest.mark.parametrize("case", CASES)
def test_a_case_passes_over_sqs(played: tuple[dict[str, run.Outcome], Rule], case: str) -> None:
    outcome = played[0][case]
    assert outcome.result == run.PASSED, outcome.reason


def test_the_frames_came_by_the_queue(played: tuple[dict[str, run.Outcome], Rule]) -> None:
    assert played[1].handed_on > 3 * len(CASES)
