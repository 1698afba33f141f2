"""The rules that we ship, run on the frames that we speak."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway import topics
from gateway.ingest.queue import read
from gateway.testing import frames
from gateway.testing.iot_sql import NoJson, compile_rule
from portal.tests.aws.templates import rule_sql

AT_MS = 1_790_000_000_123
RECORDED = [name for version in ("ocpp16", "ocpp201", "ocpp21") for name in frames.names(version)]


def call(name: str) -> bytes:
    return orjson.dumps([2, "17", frames.action(name), frames.load(name)])


def run(rule: str, topic: str, payload: bytes, prefix: str = "") -> Any:
    return compile_rule(rule_sql(rule, prefix=prefix)).run(topic, payload, at_ms=AT_MS)


def test_the_rule_of_the_aws_sample_is_there_to_the_letter():
    assert rule_sql("HeartbeatRule") == (
        "SELECT topic(1) AS chargePointId, timestamp() AS lastTimestamp FROM '+/in' WHERE get(*, 2) = 'Heartbeat'"
    )


@pytest.mark.parametrize("prefix", ["", "north/"])
def test_rules_of_two_yards_in_one_account_take_their_own_frames(prefix, settings):
    settings.MQTT_PREFIX = prefix
    payload = call("ocpp16/heartbeat.json")
    assert run("HeartbeatRule", topics.inbound("CP-1"), payload, prefix)["chargePointId"] == "CP-1"
    assert run("FramesRule", topics.inbound("CP-1"), payload, prefix)["key"] == "CP-1"
    settings.MQTT_PREFIX = "south/"
    assert run("HeartbeatRule", topics.inbound("CP-1"), payload, prefix) is None


@pytest.mark.parametrize("name", RECORDED)
def test_only_a_heartbeat_is_one(name):
    found = run("HeartbeatRule", "CP-1/in", call(name))
    expected = {"chargePointId": "CP-1", "lastTimestamp": AT_MS} if frames.action(name) == "Heartbeat" else None
    assert found == expected


@pytest.mark.parametrize("payload", [b'[3,"17",{}]', b'[4,"17","GenericError","",{}]', b"[]", b"{}", b'"Heartbeat"'])
def test_an_answer_and_nonsense_are_no_heartbeat(payload):
    assert run("HeartbeatRule", "CP-1/in", payload) is None


@pytest.mark.parametrize("name", RECORDED)
def test_a_frame_comes_out_of_the_queue_as_it_went_in(name):
    key, payload = topics.key("DE*ABC 1"), call(name)
    body = orjson.dumps(run("FramesRule", f"{key}/in", payload)).decode()
    assert read(body) == (key, payload, AT_MS / 1000)


@pytest.mark.parametrize(
    "payload", [b'[2, "1",  "Heartbeat",{} ]', b"no json", b"\xff\xfe", b"", '[2,"ä\u2028"]'.encode()]
)
def test_its_text_is_untouched_whatever_it_is(payload):
    assert read(orjson.dumps(run("FramesRule", "CP-1/in", payload)).decode())[1] == payload


def test_what_goes_to_chargers_and_between_us_is_not_taken():
    for topic in ("CP-1/out", "chargeyard/workers/w/status", "chargeyard/events/CP-1/boot"):
        assert run("FramesRule", topic, call("ocpp16/heartbeat.json")) is None


def test_the_evaluator_is_as_strict_as_aws():
    with pytest.raises(NoJson):
        compile_rule("SELECT * FROM '+/in'").run("CP-1/in", b"no json", at_ms=0)
    for wrong in ("SELECT FROM 'a'", "SELECT lower(*) FROM 'a'", "SELECT * FROM a", "SELECT * FROM 'a' LIMIT 1"):
        with pytest.raises(ValueError):
            compile_rule(wrong)
    both = compile_rule("SELECT 1 AS one FROM 'a' WHERE get(*, 0) = 2 AND get(*, 1) <> 'x' OR get(*, 0) = 3")
    assert both.run("a", b'[2,"y"]', at_ms=0) == {"one": 1}
    assert both.run("a", b'[2,"x"]', at_ms=0) is None
    assert both.run("a", b"[3]", at_ms=0) == {"one": 1}
