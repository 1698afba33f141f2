from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Command, CommandStatus, Setting
from portal.tests.desk.conftest import part


def order(desk, name, data):
    return desk.post(f"/chargers/CP-1/commands/?do={name}", data, headers={"HX-Request": "true", "HX-Target": "act"})


def confirmed(response) -> str:
    from html import unescape

    found = re.search(r'name="confirmed" value="([^"]*)"', response.content.decode())
    assert found, "it did not ask"
    return unescape(found[1])


def test_a_harmless_command_goes_straight_to_the_outbox(desk, cp1, alice):
    response = order(desk, "trigger", {"message": "Heartbeat", "evse_id": "0"})
    assert "Ordered." in response.content.decode()
    command = Command.objects.get()
    assert (command.verb, command.arguments["message"]) == ("trigger", "Heartbeat")
    assert (command.requested_by, command.requested_via) == (alice, "portal")


def test_harm_asks_first_and_says_what_it_will_hit(desk, cp1, plug, start):
    plug(cp1, status="charging")
    start(cp1, energy_wh=4200)
    question = confirmed(order(desk, "reset", {"kind": "hard"}))
    assert question == "Hard restart of CP-1. 1 session is running (4.20 kWh so far)."
    assert not Command.objects.exists()
    order(desk, "reset", {"kind": "hard", "confirmed": question})
    assert Command.objects.get().arguments == {"kind": "hard"}


def test_what_was_agreed_to_must_be_what_will_be_hit(desk, cp1, plug, start):
    plug(cp1, status="available")
    question = confirmed(order(desk, "reset", {"kind": "hard"}))
    start(cp1, energy_wh=100)
    again = confirmed(order(desk, "reset", {"kind": "hard", "confirmed": question}))
    assert "1 session is running" in again
    assert not Command.objects.exists()


def test_a_wrong_form_orders_nothing_and_says_why(desk, cp1):
    response = order(desk, "raw", {"action": "Reset", "payload": "{not json"})
    assert "This is not JSON" in response.content.decode()
    assert not Command.objects.exists()


def test_a_raw_message_goes_as_it_stands(desk, cp1):
    data = {"action": "GetLocalListVersion", "payload": "{}"}
    data["confirmed"] = confirmed(order(desk, "raw", data))
    order(desk, "raw", data)
    command = Command.objects.get()
    assert (command.verb, command.action, command.payload) == ("", "GetLocalListVersion", {})


def test_only_a_session_that_runs_here_can_be_stopped(desk, cp1, cp2, start):
    elsewhere = start(cp2)
    response = order(desk, "remote_stop", {"session_id": str(elsewhere.pk)})
    assert "Select a valid choice" in response.content.decode()
    assert "No session is running on this charger." in response.content.decode()


@pytest.mark.parametrize(
    ("schedule", "objection"),
    [
        ("10 16", "must start at 0"),
        ("0 16\n0 32", "order of time"),
        ("0 sixteen", "is not “seconds limit”"),
        ("", "required"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(desk, cp1, plug, schedule, objection):
    plug(cp1)
    data = {"evse_id": "1", "profile_id": "1", "stack_level": "0", "purpose": "tx_default", "unit": "A"}
    assert objection in order(desk, "set_profile", {**data, "schedule": schedule}).content.decode()


def test_the_life_of_a_command_is_shown_with_its_raw_answer(desk, cp1):
    command = commands.request(cp1, "reset", arguments={"kind": "soft"})
    assert "waiting" in part(desk, "/chargers/CP-1/commands/", "orders")
    sent = timezone.now()
    Command.objects.update(status=CommandStatus.SENT, sent_at=sent)
    assert "waiting for its answer" in part(desk, "/chargers/CP-1/commands/", "orders")
    answer = {"status": "Rejected"}
    commands.settle(command.pk, status=CommandStatus.REJECTED, answer=answer, at=sent + timedelta(milliseconds=140))
    life = part(desk, "/chargers/CP-1/commands/", "orders")
    assert "Rejected" in life
    assert '140\xa0<span class="unit">ms</span>' in life
    assert "&quot;status&quot;: &quot;Rejected&quot;" in life


def test_what_still_waits_can_be_withdrawn_and_what_is_sent_cannot(desk, cp1):
    command = commands.request(cp1, "reset", arguments={"kind": "soft"})
    desk.post(f"/commands/{command.pk}/cancel/")
    command.refresh_from_db()
    assert command.status == CommandStatus.CANCELLED
    late = desk.post(f"/commands/{command.pk}/cancel/", follow=True)
    assert "Too late" in late.content.decode()


def test_a_setting_is_changed_in_its_row_and_the_write_is_shown_there(desk, cp1):
    row = Setting.objects.create(charger=cp1, name="HeartbeatInterval", value="300", reported_at=timezone.now())
    url = f"/chargers/CP-1/configuration/{row.pk}/"
    headers = {"HX-Request": "true"}
    assert 'value="300"' in desk.get(f"{url}?edit", headers=headers).content.decode()
    answer = desk.post(url, {"value": "60"}, headers=headers).content.decode()
    assert "waiting" in answer
    command = Command.objects.get()
    assert command.verb == "write_settings"
    assert command.arguments["settings"][0]["name"] == "HeartbeatInterval"
    assert command.arguments["settings"][0]["value"] == "60"
    row.refresh_from_db()
    assert row.value == "300"


def test_a_setting_shows_the_write_of_itself_and_not_of_its_neighbour(desk, cp1):
    for name in ("A", "B"):
        Setting.objects.create(charger=cp1, component="Ctrlr", name=name, value="1", reported_at=timezone.now())
    row = Setting.objects.get(name="B")
    desk.post(f"/chargers/CP-1/configuration/{row.pk}/", {"value": "2"}, headers={"HX-Request": "true"})
    from portal.views.configuration import last_writes

    assert set(last_writes(cp1)) == {"Ctrlr.B"}


def test_a_setting_with_known_choices_takes_no_other(desk, cp1):
    row = Setting.objects.create(
        charger=cp1, name="Mode", value="a", options="a,b", data_type="OptionList", reported_at=timezone.now()
    )
    answer = desk.post(f"/chargers/CP-1/configuration/{row.pk}/", {"value": "c"}, headers={"HX-Request": "true"})
    assert "Select a valid choice" in answer.content.decode()
    assert not Command.objects.exists()


def test_a_configuration_never_fetched_offers_the_button(desk, cp1):
    assert "Fetch the configuration" in desk.get("/chargers/CP-1/configuration/").content.decode()
    desk.post("/chargers/CP-1/configuration/")
    assert Command.objects.get().verb == "read_settings"
