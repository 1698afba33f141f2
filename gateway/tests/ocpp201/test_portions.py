from __future__ import annotations

import json

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Command, Setting
from gateway.call import Books
from gateway.delivery import deliver
from gateway.tests.post import post

NAMES = [f"OCPPCommCtrlr.V{n}" for n in range(5)]


def limit(charger, component, message, value):
    Setting.objects.create(
        charger=charger, component=component, name="ItemsPerMessage", instance=message, value=value,
        reported_at=timezone.now(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "argument", "items", "component", "message", "field"),
    [
        ("read_settings", "names", NAMES, "DeviceDataCtrlr", "GetVariables", "getVariableData"),
        ("write_settings", "settings", [{"component": "A", "name": name, "value": 1} for name in "abcde"],
         "DeviceDataCtrlr", "SetVariables", "setVariableData"),
        ("set_monitors", "monitors", [{"name": name, "kind": "upper", "value": 1} for name in NAMES],
         "MonitoringCtrlr", "SetVariableMonitoring", "setMonitoringData"),
        ("clear_monitors", "ids", [1, 2, 3, 4, 5], "MonitoringCtrlr", "ClearVariableMonitoring", "id"),
    ],
)  # fmt: skip
def test_an_order_is_cut_to_what_a_station_takes(cp2, verb, argument, items, component, message, field):
    limit(cp2, component, message, "2")
    commands.request(cp2, verb, arguments={argument: items}, via="rest")
    (publication,) = deliver({cp2.pk}, Books(timezone.now()))
    heard, told = [json.loads(publication.payload)], []
    while heard:
        ((_, message_id, action, payload),) = heard
        told.append(len(payload[field]))
        heard = post(cp2, json.dumps([4, message_id, "GenericError", "", {}])).commands
    assert (told, action) == ([2, 2, 1], message)
    assert {(order.verb, order.requested_via) for order in Command.objects.all()} == {(verb, "rest")}
    assert sorted(len(order.arguments[argument]) for order in Command.objects.all()) == [1, 2, 2]


@pytest.mark.parametrize("value", ["", "0", "many", "9"])
def test_without_a_limit_that_makes_sense_all_goes_at_once(two, value):
    limit(two.charger, "DeviceDataCtrlr", "GetVariables", value)
    assert len(two.told("read_settings", names=NAMES)[1]["getVariableData"]) == 5
