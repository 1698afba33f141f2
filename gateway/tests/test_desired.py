"""What is wanted of a charger, in its own words on the wire: written and read back in 1.6 and 2.0.1."""

from __future__ import annotations

import json

import pytest
from django.db import transaction
from django.utils import timezone

from chargers import commands
from chargers.desired import rollouts, standings, steps, templates
from chargers.models import Command, SettingQuarantine, SettingTemplate, Write
from gateway.call import Books
from gateway.delivery import deliver
from gateway.tests.post import post

VARIABLE = "SampledDataCtrlr.TxUpdatedInterval"
PLACE = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}


@pytest.fixture(autouse=True)
def at_once(db, settings, monkeypatch):
    monkeypatch.setattr(transaction, "on_commit", lambda do, **_: do())
    settings.CONFIGURATION_TRIAL_S = 0


def next_call(charger, answer=None):
    """What goes out to it next, after its answer (message id and payload): message id, action, payload."""
    calls = post(charger, json.dumps([3, *answer])).commands if answer else []
    if not calls:
        steps.advance_all(at=timezone.now())
        published = deliver({charger.pk}, books := Books(timezone.now()))
        books.write()
        calls = [json.loads(publication.payload) for publication in published]
    ((_, message_id, action, payload),) = calls
    return message_id, action, payload


def apply(dialect, path, value):
    row = SettingTemplate(name="T", is_for_all=True)
    templates.save(row, values=[(dialect, path, value)], by=None)
    standings.look_due(at=timezone.now())
    return rollouts.start("T", template=row, by=None)


def test_a_variable_of_2_0_1_is_read_written_and_read_back(cp2):
    apply("variable", VARIABLE, "30")
    message_id, action, payload = next_call(cp2)
    assert (action, payload) == ("GetVariables", {"getVariableData": [PLACE]})
    has = {"getVariableResult": [{**PLACE, "attributeStatus": "Accepted", "attributeValue": "60"}]}
    message_id, action, payload = next_call(cp2, (message_id, has))
    assert (action, payload) == ("SetVariables", {"setVariableData": [{**PLACE, "attributeValue": "30"}]})
    message_id, action, _ = next_call(
        cp2, (message_id, {"setVariableResult": [{**PLACE, "attributeStatus": "Accepted"}]})
    )
    assert action == "GetVariables"
    has["getVariableResult"][0]["attributeValue"] = "30"
    post(cp2, json.dumps([3, message_id, has]))
    write = Write.objects.get()
    assert (write.status, write.old_value, write.read_value) == ("done", "60", "30")


def test_a_rejected_variable_is_told_in_the_chargers_own_word(cp2):
    apply("variable", VARIABLE, "30")
    message_id, *_ = next_call(cp2)
    has = {"getVariableResult": [{**PLACE, "attributeStatus": "Accepted", "attributeValue": "60"}]}
    message_id, *_ = next_call(cp2, (message_id, has))
    post(cp2, json.dumps([3, message_id, {"setVariableResult": [{**PLACE, "attributeStatus": "Rejected"}]}]))
    assert (Write.objects.get().status, Write.objects.get().why) == ("rejected", "It answered Rejected.")


def test_a_key_of_1_6_with_a_dot_in_its_name_stays_a_key(cp1):
    apply("key", "Vendor.Light:1", "on")
    message_id, action, payload = next_call(cp1)
    assert (action, payload) == ("GetConfiguration", {"key": ["Vendor.Light:1"]})
    told = {"configurationKey": [{"key": "Vendor.Light:1", "readonly": False, "value": "off"}]}
    _, action, payload = next_call(cp1, (message_id, told))
    assert (action, payload) == ("ChangeConfiguration", {"key": "Vendor.Light:1", "value": "on"})


@pytest.mark.parametrize(("more", "status"), [({}, "failed"), ({"is_back": True}, "sent")])
def test_a_setting_in_quarantine_goes_out_only_to_take_it_back(cp1, more, status):
    SettingQuarantine.objects.create(
        vendor="Acme", model="Wallbox 22", firmware="1.0.0", path="A", path_folded="a", why="It looped.",
        opened_at=timezone.now(),
    )  # fmt: skip
    order = {"settings": [{"name": "A", "value": "1"}], **more}
    command = commands.request(cp1, "write_settings", arguments=order)
    deliver({cp1.pk}, books := Books(timezone.now()))
    books.write()
    command.refresh_from_db()
    assert command.status == status
    assert ("It looped." in command.explanation) == (status == "failed")


def test_a_raw_order_passes_a_quarantine(cp1):
    SettingQuarantine.objects.create(
        vendor="Acme", model="Wallbox 22", firmware="1.0.0", path="A", path_folded="a", opened_at=timezone.now()
    )
    commands.request(cp1, action="ChangeConfiguration", payload={"key": "A", "value": "1"})
    assert len(deliver({cp1.pk}, Books(timezone.now()))) == 1
    assert Command.objects.get().status == "sent"
