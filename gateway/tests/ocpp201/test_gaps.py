"""Events that a station has not told are asked for, where that can help."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Command
from gateway.tests.talk import Talk
from sessions import gaps
from sessions.models import ChargingSession, SessionEvent


def tell(two: Talk, kind: str, seq_no: int) -> ChargingSession:
    two.call(
        "TransactionEvent", eventType=kind, timestamp=two.clock(), triggerReason="CablePluggedIn", seqNo=seq_no,
        transactionInfo={"transactionId": "tx-1"}, evse={"id": 1},
    )  # fmt: skip
    return ChargingSession.objects.get()


@pytest.fixture
def gap(two) -> ChargingSession:
    tell(two, "Started", 0)
    session = tell(two, "Ended", 2)
    assert session.is_incomplete
    return session


def ask(**delta: float) -> int:
    """So long after the last event."""
    last = SessionEvent.objects.latest("received_at").received_at
    return gaps.ask(at=last + timedelta(**delta))


def later(**delta: float) -> int:
    """And long after the last order."""
    Command.objects.update(created_at=timezone.now() - timedelta(days=1))
    return ask(**delta)


def test_a_station_is_asked_for_what_is_missing_once_it_has_been_silent(two, gap):
    assert ask(seconds=30) == 0
    assert ask(seconds=70) == 1
    order = Command.objects.get()
    assert two.dialect.word(order) == ("GetTransactionStatus", {"transactionId": "tx-1"})


def test_it_is_asked_three_times_at_most(gap):
    for minutes in (2, 3, 14, 16, 20, 119, 121, 600, 1400):
        later(minutes=minutes)
        Command.objects.update(status="accepted")
    assert Command.objects.count() == 3


def test_what_fills_the_gap_ends_the_questions(two, gap):
    later(minutes=2)
    Command.objects.update(status="accepted")
    tell(two, "Updated", 1)
    assert not ChargingSession.objects.get().is_incomplete
    assert later(minutes=20) == 0


def test_a_whole_session_and_one_of_1_6_are_left_alone(two, make_charger):
    tell(two, "Started", 0)
    one = Talk(make_charger("CP-1", "ocpp1.6"))
    one.call("StopTransaction", transactionId=4711, meterStop=9, timestamp=one.clock())
    assert ChargingSession.objects.filter(is_incomplete=True).count() == 1
    assert later(minutes=2) == 0


@pytest.mark.parametrize("field", [{"is_strict": True}, {"is_online": False}, {"is_booted": False}])
def test_who_is_certified_or_away_is_not_asked(gap, field):
    type(gap.charger).objects.update(**field)
    assert later(minutes=2) == 0


def test_orders_of_people_go_first_and_one_question_is_enough_for_a_station(two, gap):
    order = commands.request(two.charger, "unlock", arguments={"evse_id": 1})
    assert ask(minutes=2) == 0
    Command.objects.filter(pk=order.pk).update(status="accepted")
    other = ChargingSession.objects.get()
    events = list(SessionEvent.objects.all())
    other.pk, other.transaction_id = None, "tx-2"
    other.save()
    SessionEvent.objects.create(
        charger=two.charger, session=other, kind="updated", key=events[0].digest, digest=events[0].digest,
        received_at=events[0].received_at, payload={},
    )  # fmt: skip
    assert ask(minutes=2) == 1


def test_a_look_at_many_sessions_is_one_question(gap, django_assert_num_queries):
    ChargingSession.objects.update(is_incomplete=False)
    with django_assert_num_queries(1):
        gaps.ask(at=timezone.now())
