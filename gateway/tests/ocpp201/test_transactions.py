from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from chargers.models import Connector
from sessions import tariffs
from sessions.models import ChargingSession, IdToken, MeterValue, SessionEvent

CARD = {"idToken": "04A2B3C4", "type": "ISO14443"}


@pytest.fixture
def tariff(two):
    return tariffs.set_tariff(None, currency="EUR", per_kwh=Decimal("0.50"), at=two.at - timedelta(days=1), by=None)


def event(two, kind, seq, *, name="tx-1", wh=None, context="Sample.Periodic", state=None, at=None, **more):
    info = {"transactionId": name, **({"chargingState": state} if state else {}), **more.pop("info", {})}
    at = at or two.clock()
    meter = {"meterValue": [reading(at, wh, context)]} if wh is not None else {}
    trigger = more.pop("trigger", "MeterValuePeriodic")
    return two.call(
        "TransactionEvent",
        eventType=kind, timestamp=at, triggerReason=trigger, seqNo=seq, transactionInfo=info, **meter, **more,
    )  # fmt: skip


def reading(at, wh, context):
    what = {"measurand": "Energy.Active.Import.Register", "unitOfMeasure": {"unit": "kWh"}}
    return {"timestamp": at, "sampledValue": [{"value": wh / 1000, "context": context, **what}]}


def charge(two, *, stop_at=8500):
    event(two, "Started", 0, wh=1000, context="Transaction.Begin", state="EVConnected", trigger="CablePluggedIn",
          evse={"id": 1, "connectorId": 1})  # fmt: skip
    two.later(minutes=1)
    event(two, "Updated", 1, state="Charging", idToken=CARD, trigger="Authorized")
    two.later(minutes=30)
    event(two, "Updated", 2, wh=5000)
    two.later(minutes=30)
    return event(two, "Ended", 3, wh=stop_at, context="Transaction.End", trigger="EVDeparted",
                 info={"stoppedReason": "EVDisconnected"})  # fmt: skip


def test_a_session_from_plug_to_plug(two, card):
    assert charge(two) == {}
    session = ChargingSession.objects.get()
    assert (session.meter_start_wh, session.meter_stop_wh, session.energy_wh) == (1000, 8500, 7500)
    assert (session.token_verdict, session.id_token, session.stop_reason) == ("accepted", card, "EVDisconnected")
    assert (session.is_incomplete, session.needs_review, session.last_seq_no) == (False, False, 3)
    assert session.stopped_at == session.started_at + timedelta(minutes=61)
    assert MeterValue.objects.filter(session=session).count() == 3


def test_a_token_is_answered_in_every_event_that_brings_one(two, card):
    assert event(two, "Started", 0, idToken=CARD)["idTokenInfo"] == {
        "status": "Accepted",
        "groupIdToken": {"idToken": "fleet-7", "type": "Central"},
    }
    assert (
        event(two, "Updated", 1, idToken={"idToken": "FFFF", "type": "ISO14443"})["idTokenInfo"]["status"] == "Invalid"
    )
    repeat = event(two, "Started", 0, idToken=CARD, offline=True, at=two.clock(hours=-1))
    assert repeat["idTokenInfo"]["status"] == "Accepted"


def test_no_authorization_needs_no_card(two):
    answer = event(two, "Started", 0, idToken={"idToken": "", "type": "NoAuthorization"})
    assert answer["idTokenInfo"]["status"] == "Accepted"


def test_a_blocked_card_is_told_so_and_the_session_recorded(two, card):
    IdToken.objects.update(status="blocked")
    assert event(two, "Started", 0, idToken=CARD)["idTokenInfo"]["status"] == "Blocked"
    assert ChargingSession.objects.get().token_verdict == "blocked"


def test_an_event_that_comes_again_changes_nothing(two, card):
    at = two.clock()
    for _ in range(3):
        event(two, "Started", 0, wh=1000, at=at)
    assert SessionEvent.objects.count() == MeterValue.objects.count() == 1


def test_the_same_event_told_differently_is_a_conflict(two):
    at = two.clock()
    event(two, "Started", 0, at=at, state="Charging")
    event(two, "Started", 0, at=at, state="SuspendedEV")
    session = ChargingSession.objects.get()
    assert (session.charging_state, session.needs_review) == ("charging", True)
    assert SessionEvent.objects.filter(is_conflict=True).count() == 1


def test_an_event_that_comes_again_from_the_queue_is_no_conflict(two):
    at = two.clock()
    event(two, "Started", 0, at=at, state="Charging")
    event(two, "Started", 0, at=at, state="Charging", offline=True)
    assert SessionEvent.objects.count() == 1


def test_the_first_end_stays_whichever_comes_first(two):
    event(two, "Started", 0, wh=1000)
    first, second = two.later(hours=1), two.later(minutes=1)
    event(two, "Ended", 2, wh=9999, at=second)
    event(two, "Ended", 1, wh=8500, at=first)
    session = ChargingSession.objects.get()
    assert (session.stopped_device_time, session.energy_wh, session.needs_review) == (first, 7500, True)


def test_a_gap_makes_it_incomplete_until_it_is_filled(two):
    event(two, "Started", 0)
    event(two, "Updated", 2, at=two.clock(minutes=2))
    assert ChargingSession.objects.get().is_incomplete
    event(two, "Updated", 1, at=two.clock(minutes=1))
    assert not ChargingSession.objects.get().is_incomplete


def test_a_late_event_does_not_take_the_state_back(two):
    event(two, "Started", 0)
    event(two, "Updated", 2, state="SuspendedEV", at=two.clock(minutes=2))
    event(two, "Updated", 1, state="Charging", at=two.clock(minutes=1))
    assert ChargingSession.objects.get().charging_state == "suspended_ev"


def test_a_session_can_begin_with_its_end(two, card):
    begun, ended = two.clock(), two.later(hours=1)
    event(two, "Ended", 1, wh=8500, context="Transaction.End", at=ended, info={"stoppedReason": "Local"})
    assert ChargingSession.objects.get().is_incomplete
    event(two, "Started", 0, wh=1000, context="Transaction.Begin", at=begun, idToken=CARD, evse={"id": 2})
    session = ChargingSession.objects.get()
    assert (session.is_incomplete, session.energy_wh, session.evse_id, session.id_token) == (False, 7500, 2, card)
    assert session.started_device_time == begun


def test_an_update_of_an_unknown_session_creates_it(two):
    event(two, "Updated", 4, wh=1000, evse={"id": 1})
    session = ChargingSession.objects.get()
    assert (session.is_incomplete, session.meter_start_wh, session.is_open) == (True, 1000, True)


def test_seq_no_0_in_start_and_end_is_two_events(two):
    event(two, "Started", 0, wh=1000)
    event(two, "Ended", 0, wh=2000, at=two.later(minutes=5))
    session = ChargingSession.objects.get()
    assert (session.energy_wh, session.is_incomplete, session.is_open) == (1000, False, False)


def test_the_connector_shows_what_the_session_tells(two):
    two.call("StatusNotification", evseId=1, connectorId=1, connectorStatus="Occupied", timestamp=two.clock())
    event(two, "Started", 0, evse={"id": 1, "connectorId": 1}, state="EVConnected")
    seen = [Connector.objects.get().status]
    for seq, state in enumerate(("Charging", "SuspendedEVSE", "SuspendedEV"), 1):
        event(two, "Updated", seq, state=state)
        seen.append(Connector.objects.get().status)
    event(two, "Ended", 4)
    seen.append(Connector.objects.get().status)
    assert seen == ["preparing", "charging", "suspended_evse", "suspended_ev", "finishing"]


def test_a_session_that_was_charged_offline_leaves_the_connector_alone(two):
    two.call("StatusNotification", evseId=1, connectorId=1, connectorStatus="Available", timestamp=two.clock())
    event(two, "Started", 0, evse={"id": 1, "connectorId": 1}, state="Charging", offline=True, at=two.clock(hours=-3))
    assert Connector.objects.get().status == "available"


def test_the_card_that_ends_a_session_is_not_the_one_that_began_it(two, card):
    IdToken.objects.create(value="04FFFFFF", group="fleet-7")
    event(two, "Started", 0, idToken=CARD)
    event(two, "Updated", 1, idToken={"idToken": "04FFFFFF", "type": "ISO14443"}, trigger="StopAuthorized")
    session = ChargingSession.objects.get()
    assert (session.token_value, session.stopped_by_token) == ("04A2B3C4", "04FFFFFF")


def test_a_remote_start_leads_back_to_its_command(two, card):
    from sessions.remote import remote_start_id

    command = two.answers("remote_start", {"status": "Accepted"}, token=card.value, evse_id=1)
    number = command.payload["remoteStartId"]
    event(two, "Started", 0, info={"remoteStartId": number}, trigger="RemoteStart")
    assert ChargingSession.objects.get().remote_start_id == number == remote_start_id(command.pk)


def test_a_new_session_supersedes_the_one_on_its_evse(two):
    event(two, "Started", 0, name="old", evse={"id": 1}, wh=1000)
    event(two, "Started", 0, name="new", evse={"id": 1}, at=two.later(hours=1))
    assert ChargingSession.objects.get(transaction_id="old").is_superseded
    assert ChargingSession.objects.get(transaction_id="new").is_open


def test_a_session_that_finds_its_evse_later_supersedes_then(two):
    event(two, "Started", 0, name="old", evse={"id": 1})
    event(two, "Started", 0, name="new", at=two.later(hours=1))
    assert ChargingSession.objects.get(transaction_id="old").is_open
    event(two, "Updated", 1, name="new", evse={"id": 1})
    assert ChargingSession.objects.get(transaction_id="old").is_superseded


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"eventType": "Started"},
        {"eventType": "Exploded", "transactionInfo": {"transactionId": "x"}},
        {"transactionInfo": 7},
    ],
)
def test_an_event_of_no_session_is_confirmed(two, payload):
    assert two.call("TransactionEvent", **payload) == {}
    assert not ChargingSession.objects.exists()


def test_an_event_of_no_session_still_hears_about_its_token(two, card):
    assert two.call("TransactionEvent", idToken=CARD)["idTokenInfo"]["status"] == "Accepted"


def test_an_event_with_only_its_name_is_taken(two):
    two.call("TransactionEvent", eventType="Started", transactionInfo={"transactionId": "tx-1"})
    assert ChargingSession.objects.get().started_at == two.at


def test_an_end_without_a_register_counts_to_the_last_reading_and_is_flagged(two):
    event(two, "Started", 0, wh=1000)
    event(two, "Updated", 1, wh=4000, at=two.later(minutes=30))
    event(two, "Ended", 2, at=two.later(minutes=30))
    session = ChargingSession.objects.get()
    assert (session.meter_stop_wh, session.energy_wh, session.needs_review) == (None, 3000, True)


def test_a_deleted_token_does_not_stop_a_late_event(two, card):
    event(two, "Started", 0, idToken=CARD)
    event(two, "Updated", 2, at=two.clock(minutes=2))
    card.delete()
    event(two, "Updated", 1, at=two.clock(minutes=1))
    session = ChargingSession.objects.get()
    assert (session.id_token, session.token_value) == (None, "04A2B3C4")


def test_a_session_that_idles_does_not_occupy_a_connector_that_is_free(two):
    two.call("StatusNotification", evseId=1, connectorId=1, connectorStatus="Occupied", timestamp=two.clock())
    event(two, "Started", 0, evse={"id": 1, "connectorId": 1}, state="Charging")
    two.call("StatusNotification", evseId=1, connectorId=1, connectorStatus="Available", timestamp=two.clock())
    event(two, "Updated", 1, state="Idle", trigger="EVCommunicationLost")
    assert Connector.objects.get().status == "available"
    assert ChargingSession.objects.get().charging_state == "preparing"


def test_what_a_session_costs_is_told_while_it_runs_and_at_its_end(two, card, tariff):
    begin = event(two, "Started", 0, wh=1000, context="Transaction.Begin", evse={"id": 1}, idToken=CARD)
    assert "totalCost" not in begin
    two.later(minutes=30)
    event(two, "Updated", 1, wh=5000)
    two.later(minutes=30)
    assert event(two, "Updated", 2, wh=6000) == {"totalCost": 2.0}  # of the reading before
    end = {"wh": 8500, "context": "Transaction.End", "at": two.clock(), "info": {"stoppedReason": "Local"}}
    assert event(two, "Ended", 3, **end) == {"totalCost": 3.75}
    assert event(two, "Ended", 3, offline=True, **end) == {"totalCost": 3.75}, "told again, the same"
    assert ChargingSession.objects.get().tariff == tariff


def test_no_cost_is_told_where_the_energy_is_in_doubt(two, card, tariff):
    event(two, "Started", 0, wh=9000, context="Transaction.Begin", evse={"id": 1}, idToken=CARD)
    two.later(minutes=30)
    assert event(two, "Ended", 1, wh=1000, context="Transaction.End") == {}
    assert ChargingSession.objects.get().needs_review
