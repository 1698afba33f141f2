"""The core of the certification once more, with SQS in the place of the workers' subscription: what chargers say goes
through the rule that we ship into a queue that keeps no order and brings some messages twice. On the same yard a Thing
is removed under a charger that charges.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
import orjson
import pytest
from moto.server import ThreadedMotoServer
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from gateway.testing.charger import FakeCharger
from gateway.testing.iot_sql import compile_rule
from portal.bench import yard
from portal.certify import run
from portal.certify.catalogue import chosen
from portal.certify.desk import CARDS, Desk
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
def aws_server() -> Iterator[tuple[str, Any, Any]]:
    """SQS and AWS IoT on loopback: their address, and clients of SQS and of Things."""
    server = ThreadedMotoServer(ip_address=ports.LOOPBACK, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"region_name": "eu-central-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    try:
        address = f"http://{host}:{port}"
        yield address, *(boto3.client(name, endpoint_url=address, **keys) for name in ("sqs", "iot"))
    finally:
        server.stop()


BOOT = {"chargePointVendor": "Acme", "chargePointModel": "Wallbox 22"}


@dataclass
class Removed:
    """What came of a charger whose Thing was removed while it charged, and made again."""

    mqtt: Client
    iot: Any
    database: str
    desk: Desk
    close_code: int | None = None
    boots: list[str] = field(default_factory=list)
    registrations: list[str] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)

    async def play(self) -> None:
        await self.desk.post("chargers/", {"identity": "CP-7", "security_profile": 0})
        transaction = await self.charge()
        await self.look()
        self.boots.append(await self.boot())
        self.iot.create_thing(thingName="CP-7", thingTypeName="Charger")
        self.tell("created")
        await self.desk.until(lambda seen: seen["registration"] == "accepted", "chargers/CP-7/")
        self.boots.append(await self.boot(stops=transaction))
        await self.look()

    async def charge(self) -> int:
        """Until its Thing is removed; the number of its transaction."""
        async with FakeCharger(self.desk.ocpp_url, "CP-7", timeout_s=40) as charger:
            self.boots.append((await charger.call("BootNotification", BOOT))["status"])
            start: dict[str, Any] = {
                "connectorId": 1,
                "idTag": CARDS["accepted"]["value"],
                "meterStart": 1000,
                "timestamp": now(),
            }
            transaction = int((await charger.call("StartTransaction", start))["transactionId"])
            await self.until_its_thing_is_told()
            self.iot.delete_thing(thingName="CP-7")
            self.tell("deleted")
            self.close_code = await charger.closed()
        await self.desk.until(lambda seen: not seen["is_online"], "chargers/CP-7/")
        return transaction

    async def until_its_thing_is_told(self) -> None:
        """Until it stands in our books that AWS has it: what is removed before that is made once more."""
        for _ in range(300):
            with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as database:
                if database.execute("SELECT 1 FROM chargers_twin WHERE thing = 'CP-7' AND is_there").fetchone():
                    return
            await asyncio.sleep(0.2)
        raise AssertionError("AWS was not told of CP-7.")

    async def boot(self, stops: int | None = None) -> str:
        """Dial and boot; stop the transaction that still runs, if that is asked for."""
        async with FakeCharger(self.desk.ocpp_url, "CP-7", timeout_s=40) as charger:
            status = str((await charger.call("BootNotification", BOOT))["status"])
            if stops is not None:
                stop = {"transactionId": stops, "meterStop": 8250, "timestamp": now(), "reason": "Local"}
                await charger.call("StopTransaction", stop)
        return status

    async def look(self) -> None:
        self.registrations.append((await self.desk.charger("CP-7"))["registration"])
        self.sessions += (await self.desk.get("sessions/", charger="CP-7"))["results"]

    def tell(self, what: str) -> None:
        """As AWS IoT does."""
        body: dict[str, Any] = {
            "eventType": "THING_EVENT",
            "operation": what.upper(),
            "thingName": "CP-7",
            "thingTypeName": "Charger",
        }
        body |= {"timestamp": int(time.time() * 1000)}
        self.mqtt.publish(f"$aws/events/thing/CP-7/{what}", orjson.dumps(body), qos=1)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, run.Outcome], Rule, Removed]]:
    with aws_server() as (address, sqs, iot), parts.nats() as mqtt_url:
        queue_url = sqs.create_queue(QueueName="frames")["QueueUrl"]
        iot.create_thing_type(thingTypeName="Charger")
        rule = Rule(mqtt_url, sqs, queue_url)
        settings = CREDENTIALS | SETTINGS | made_once.settings(tmp_path_factory.mktemp("sqs")) | {
            "AWS_ENDPOINT_URL": address,
            "AWS_IOT_THINGS": "true",
            "INGEST_QUEUE_URL": queue_url,
            "MQTT_URL": mqtt_url,
            "MQTT_SHARED_SUBSCRIPTIONS": "false",
        }  # fmt: skip
        with yard.running("embedded", settings=settings) as site:
            desk = Desk(f"http://{ports.LOOPBACK}:{site.port}", site.told("create_api_key", "sqs"))
            desk.hand_out_cards()
            outcomes = asyncio.run(run.run(chosen(ids=CASES), desk))
            removed = Removed(rule.client, iot, settings["DATABASE_URL"].removeprefix("sqlite:///"), desk)
            asyncio.run(removed.play())
        rule.stop()
        yield {outcome.case.id: outcome for outcome in outcomes}, rule, removed


def test_a_charger_whose_thing_is_removed_is_hung_up_and_comes_back_with_its_thing(played: Any) -> None:
    removed = played[2]
    assert removed.close_code == 1008
    assert removed.boots == ["Accepted", "Rejected", "Accepted"]
    assert removed.registrations == ["rejected", "accepted"]


def test_its_session_ends_when_it_says_so_and_with_what_its_meter_says(played: Any) -> None:
    open_, closed = played[2].sessions
    assert open_["id"] == closed["id"] and open_["stopped_at"] is None
    assert closed["stopped_at"] is not None and closed["energy_wh"] == 7250


@pytest.mark.parametrize("case", CASES)
def test_a_case_passes_over_sqs(played: Any, case: str) -> None:
    outcome = played[0][case]
    assert outcome.result == run.PASSED, outcome.reason


def test_the_frames_came_by_the_queue(played: Any) -> None:
    assert played[1].handed_on > 3 * len(CASES)
