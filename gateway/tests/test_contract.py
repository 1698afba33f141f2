"""`docs/asyncapi.yaml`: what integrators hear over MQTT. That each event is as described, every `Talk` checks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from jsonschema_rs import Draft7Validator

from gateway import topics
from gateway.tests import contract
from smartcharging import meter

EVENT = re.compile(r"call\.event\(\s*\"(\w+)\"")
MESSAGES = contract.document()["components"]["messages"]
EXAMPLES = [(name, each["payload"]) for name, message in MESSAGES.items() for each in message.get("examples", ())]


def test_each_topic_that_is_published_is_described_and_no_other():
    told = {
        topic for file in Path(settings.BASE_DIR, "gateway").rglob("*.py") for topic in EVENT.findall(file.read_text())
    }
    described = {name for name, channel in contract.document()["channels"].items() if "/events/" in channel["address"]}
    assert told == described


def test_addresses_are_where_we_publish():
    channels = {name: channel["address"] for name, channel in contract.document()["channels"].items()}
    for name, address in channels.items():
        if "/events/" in address:
            assert address.format(key="CP-1") == topics.event("CP-1", name)
    assert channels["from_charger"].format(key="CP-1") == topics.inbound("CP-1")
    assert channels["to_charger"].format(key="CP-1") == topics.outbound("CP-1")
    assert channels["site_meter"].format(number=7) == topics.site(7, "meter")


@pytest.mark.parametrize(("name", "payload"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_examples_are_as_described(name, payload):
    contract.check(name, payload)


def test_a_field_that_is_not_described_is_found():
    name, payload = EXAMPLES[0]
    with pytest.raises(AssertionError, match="surprise"):
        contract.check(name, payload | {"surprise": 1})


def test_what_a_meter_sends_by_the_example_is_read():
    example = json.dumps(dict(EXAMPLES)["site_meter"]).encode()
    assert meter.read(example, volts=230, at=timezone.now()).load_a == (12.5, 8, 9.1)


def test_references_lead_somewhere():
    document = contract.document()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(target := node.get(contract.REF), str):
                found = document
                for step in target.removeprefix("#/").split("/"):
                    found = found[step]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    for name in document["components"]["schemas"]:
        Draft7Validator(contract.schema_of(name))
