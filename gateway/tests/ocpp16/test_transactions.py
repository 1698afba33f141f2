from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.errors import ProtocolError
from gateway.tests.talk import Talk
from sessions.models import ChargingSession, IdToken, MeterValue, SessionEvent


def start(one, *, connector=1, meter=1000, tag="04A2B3C4", at=None, **more):
    told = {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": at or one.clock(), **more}
    return one.call("StartTransaction", **told)


def stop(one, number, *, meter=8500, at=None, **more):
    return one.call("StopTransaction", transactionId=number, meterStop=meter, timestamp=at or one.clock(), **more)


def test_a_session_from_start_to_stop(one, card):
    begun = start(one)
    assert begun["idTagInfo"] == {"status": "Accepted", "parentIdTag": "fleet-7"}
    one.later(hours=1)
    assert (
        stop(one, begun["transactionId"], reason="EVDisconnected", idTag=card.value)["idTagInfo"]["status"]
        == "Accepted"
    )
    session = ChargingSession.objects.get()
    assert (session.energy_wh, session.stop_reason, session.needs_review) == (7500, "EVDisconnected", False)
    assert session.stopped_at == session.started_at + timedelta(hours=1)
    assert [event.kind for event in session.events.all()] == ["started", "stopped"]


def test_a_start_that_comes_again_is_the_same_transaction(one, card):
    at = one.clock()
    first = start(one, at=at)
    one.later(seconds=30)
    assert start(one, at=at) == first
    assert ChargingSession.objects.count() == SessionEvent.objects.count() == 1


def test_the_same_start_told_differently_is_a_conflict_and_the_same_transaction(one, card):
    at = one.clock()
    first = start(one, at=at)
    assert start(one, at=at, reservationId=7)["transactionId"] == first["transactionId"]
    assert SessionEvent.objects.filter(is_conflict=True).count() == 1
    assert ChargingSession.objects.get().needs_review


@pytest.mark.parametrize(("status", "answer"), [("blocked", "Blocked"), ("unknown", "Invalid"), ("expired", "Expired")])
def test_a_bad_card_gets_a_number_and_the_truth(one, card, status, answer):
    if status == "unknown":
        IdToken.objects.all().delete()
    else:
        past = one.at - timedelta(days=1)
        IdToken.objects.update(**{"status": "blocked"} if status == "blocked" else {"expires_at": past})
    begun = start(one)
    assert begun["transactionId"] > 0
    assert begun["idTagInfo"]["status"] == answer
    assert ChargingSession.objects.get().token_verdict == answer.lower()


def test_one_card_may_charge_two_cars(one, card):
    start(one, connector=1)
    assert start(one, connector=2)["idTagInfo"]["status"] == "Accepted"


def test_one_card_may_not_charge_two_cars_where_that_is_forbidden(one, card, settings):
    settings.ONE_SESSION_PER_TOKEN = True
    start(one, connector=1)
    assert start(one, connector=2)["idTagInfo"]["status"] == "ConcurrentTx"
    assert one.call("Authorize", idTag=card.value)["idTagInfo"]["status"] == "Accepted"


def test_a_card_charges_as_many_cars_as_its_own_limit_says(one, card, settings):
    IdToken.objects.filter(pk=card.pk).update(session_limit=2)
    settings.ONE_SESSION_PER_TOKEN = True  # the card's own limit goes before the yard's
    start(one, connector=1)
    assert start(one, connector=2)["idTagInfo"]["status"] == "Accepted"
    assert start(one, connector=3)["idTagInfo"]["status"] == "ConcurrentTx"


def test_a_start_on_a_busy_connector_supersedes_the_session_there(one, card):
    old = start(one, meter=1000)["transactionId"]
    one.call("MeterValues", connectorId=1, transactionId=old, meterValue=[reading(one.later(minutes=10), 3000)])
    one.later(minutes=10)
    start(one, meter=3100)
    session = ChargingSession.objects.get(pk=old)
    assert (session.is_superseded, session.energy_wh, session.needs_review) == (True, 2000, True)


def test_the_stop_of_a_superseded_session_still_counts(one, card):
    old = start(one, meter=1000)["transactionId"]
    one.later(minutes=10)
    start(one, meter=3100)
    stop(one, old, meter=3050)
    session = ChargingSession.objects.get(pk=old)
    assert (session.is_superseded, session.energy_wh, session.needs_review) == (False, 2050, False)


def test_a_start_that_was_queued_does_not_supersede_a_newer_session(one, card):
    newer = start(one, meter=5000)["transactionId"]
    older = start(one, meter=1000, at=one.clock(hours=-2))["transactionId"]
    assert ChargingSession.objects.get(pk=newer).is_open
    assert ChargingSession.objects.get(pk=older).is_superseded


def test_the_first_stop_stays(one, card):
    number = start(one)["transactionId"]
    at = one.later(hours=1)
    stop(one, number, meter=8500, at=at)
    assert stop(one, number, meter=8500, at=at) == {}
    assert stop(one, number, meter=9999, at=at) == {}
    session = ChargingSession.objects.get()
    assert (session.energy_wh, session.needs_review) == (7500, True)
    assert SessionEvent.objects.filter(kind="stopped").count() == 2


@pytest.mark.parametrize("number", [0, -1, 424242])
def test_a_stop_for_no_session_of_ours_is_confirmed_and_kept(one, card, number):
    assert stop(one, number, idTag=card.value)["idTagInfo"]["status"] == "Accepted"
    session = ChargingSession.objects.get()
    assert (session.is_incomplete, session.needs_review, session.energy_wh) == (True, True, None)
    assert session.review_reasons == [f"It was stopped and never started here (the charger calls it {number})."]


def test_two_stops_without_a_number_are_two_sessions(one):
    at = one.clock()
    stop(one, -1, meter=100, at=at)
    stop(one, -1, meter=100, at=at)
    stop(one, -1, meter=900, at=one.later(hours=1))
    assert ChargingSession.objects.count() == 2


def test_a_stop_never_touches_another_chargers_session(one, card, make_charger):
    number = start(one)["transactionId"]
    thief = Talk(make_charger("CP-9", "ocpp1.6"))
    assert stop(thief, number) == {}
    assert ChargingSession.objects.get(charger=one.charger).stopped_at is None


def test_a_stop_that_came_before_its_start_is_joined_to_it(one, card):
    begun_at, ended_at = one.clock(hours=-2), one.clock(hours=-1)
    stop(one, -1, meter=8500, at=ended_at, idTag=card.value)
    number = start(one, meter=1000, at=begun_at)["transactionId"]
    session = ChargingSession.objects.get()
    assert (session.pk, session.energy_wh, session.is_incomplete) == (number, 7500, False)


def test_a_new_session_is_not_joined_to_an_older_stop(one, card):
    stop(one, -1, meter=8500, at=one.clock(hours=-1), idTag=card.value)
    number = start(one, meter=8500)["transactionId"]
    assert ChargingSession.objects.get(pk=number).is_open


def test_a_meter_that_ran_backwards_is_stored_as_sent_and_bills_nothing(one, card):
    stop(one, start(one, meter=5000)["transactionId"], meter=200)
    session = ChargingSession.objects.get()
    assert (session.meter_start_wh, session.meter_stop_wh, session.energy_wh) == (5000, 200, None)
    assert session.needs_review


def test_a_meter_that_jumped_bills_nothing(one, card):
    number = start(one, meter=0)["transactionId"]
    one.later(hours=1)
    stop(one, number, meter=10**9)
    session = ChargingSession.objects.get()
    assert (session.meter_stop_wh, session.energy_wh, session.needs_review) == (10**9, None, True)


def test_a_clock_that_jumps_back_makes_no_negative_session(one, card):
    number = start(one)["transactionId"]
    one.later(hours=1)
    stop(one, number, at=one.clock(hours=-30))
    session = ChargingSession.objects.get()
    assert session.stopped_at == session.started_at + timedelta(hours=1)


@pytest.mark.parametrize(
    "moment", ["1970-01-01T00:00:12Z", "2036-02-07T06:28:16Z", "30.02.2026", "2026-02-30T10:00:00Z"]
)
def test_a_time_that_cannot_be_is_kept_as_text_and_ours_is_used(one, card, moment):
    start(one, at=moment)
    session = ChargingSession.objects.get()
    assert (session.started_at, session.started_device_time) == (one.at, moment)


def test_a_start_with_half_of_its_fields_is_taken(one, card):
    answer = one.call("StartTransaction", connectorId=1, idTag=card.value)
    assert answer["idTagInfo"]["status"] == "Accepted"
    session = ChargingSession.objects.get()
    assert (session.meter_start_wh, session.started_at) == (None, one.at)


def test_a_start_that_says_nothing_is_refused(one):
    with pytest.raises(ProtocolError):
        one.call("StartTransaction")


def test_a_stop_that_says_nothing_is_confirmed(one):
    assert one.call("StopTransaction") == {}
    assert not ChargingSession.objects.exists()


def test_the_data_of_a_stop_are_readings_of_its_session(one, card):
    number = start(one)["transactionId"]
    begun, ended = one.clock(), one.later(minutes=30)
    data = [reading(begun, 1000, "Transaction.Begin"), reading(ended, 8500, "Transaction.End")]
    stop(one, number, transactionData=data)
    stop(one, number, transactionData=data)
    assert list(MeterValue.objects.values_list("energy_wh", "session_id")) == [(1000, number), (8500, number)]


def test_a_remote_start_is_known_again_in_the_session_it_brought(one, card):
    command = one.answers("remote_start", {"status": "Accepted"}, token=card.value.lower(), evse_id=1)
    command.status, command.sent_at = "accepted", one.at
    command.save()
    start(one)
    from sessions.remote import remote_start_id

    assert ChargingSession.objects.get().remote_start_id == remote_start_id(command.pk)


def reading(at, wh, context="Sample.Periodic"):
    return {"timestamp": at, "sampledValue": [{"value": str(wh), "context": context}]}
