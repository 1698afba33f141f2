"""The core of the certification once more, with SQS in the place of the workers' subscription: what chargers say goes
through the rule that we ship into a queue that keeps no order and brings some messages twice.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import boto3
import orjson
import pytest
from moto.server import ThreadedMotoServer
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from gateway.testing.iot_sql import compile_rule
from portal.tests import parts
from portal.tests.aws.templates import rule_sql
from portal.tests.certification.conftest import cards  # noqa: F401
from portal.tests.certification.test_16_charging import (  # noqa: F401
    test_tc_001_cold_boot,
    test_tc_003_plugged_in_first,
    test_tc_005_1_unplugged_at_the_car,
    test_tc_010_remote_start,
    test_tc_039_offline_session,
)
from portal.tests.certification.test_201_charging import (  # noqa: F401
    test_201_start,
    test_tc_b_01_cold_boot,
    test_tc_e_21_remote_stop,
)
from portal.tests.journeys.stack import Stack, running
from portal.tests.journeys.wire import booted

pytestmark = [pytest.mark.xdist_group("over sqs"), pytest.mark.timeout(180)]
CREDENTIALS = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


class Rule:
    """IoT Core's part: hears the broker, runs the rule, fills the queue, a tenth of it twice."""

    def __init__(self, mqtt_url: str, sqs: Any, queue_url: str) -> None:
        self._rule, self._sqs, self._queue_url = compile_rule(rule_sql("FramesRule")), sqs, queue_url
        self._chance = random.Random(7)
        self.handed_on = 0
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._heard
        where = urlsplit(mqtt_url)
        self._client.connect(str(where.hostname), where.port or 1883)
        self._client.subscribe("+/in", 0)
        self._client.loop_start()

    def _heard(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        found = self._rule.run(message.topic, bytes(message.payload), at_ms=int(time.time() * 1000))
        for _ in range(1 if self._chance.random() > 0.1 else 2):
            self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=orjson.dumps(found).decode())
            self.handed_on += 1

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def sqs_server() -> Iterator[tuple[str, Any]]:
    """An SQS on loopback: its address, and a client."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    try:
        yield url, boto3.client("sqs", endpoint_url=url, region_name="eu-central-1", aws_access_key_id="test",
                                aws_secret_access_key="test")  # fmt: skip
    finally:
        server.stop()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with sqs_server() as (address, sqs), parts.nats() as mqtt_url:
        queue_url = sqs.create_queue(QueueName="frames")["QueueUrl"]
        rule = Rule(mqtt_url, sqs, queue_url)
        env = CREDENTIALS | {
            "AWS_ENDPOINT_URL_SQS": address,
            "INGEST_QUEUE_URL": queue_url,
            "MQTT_URL": mqtt_url,
            "MQTT_SHARED_SUBSCRIPTIONS": "false",
        }
        with running(tmp_path_factory.mktemp("sqs"), "--no-demo", **env) as stack:
            yield stack
        rule.stop()


async def test_every_frame_went_through_the_rule(stack: Stack) -> None:
    async with booted(stack) as wire:
        assert await wire.is_alive()
    worker = (stack.home / "logs/worker.log").read_text()
    assert "queue_not" not in worker and "message_is_no_frame" not in worker


async def test_a_large_frame_comes_by_reference_through_the_queue(stack: Stack) -> None:
    async with booted(stack) as wire:
        answer = await wire.told("DataTransfer", {"vendorId": "Acme", "data": "x" * 200_000})
        assert answer["status"] in {"Accepted", "UnknownVendorId", "UnknownVendor", "Rejected"}
