"""A session's frames may come in any order, and each more than once: the rows are the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from chargers.models import Connector
from gateway.tests.talk import Talk
from sessions.models import ChargingSession, MeterValue, SessionEvent

BEGIN = timedelta(hours=-3)
REGISTERS = (1000, 1000, 4000, 6500, 8500)
LAST = len(REGISTERS) - 1


def clock(talk: Talk, minutes: int) -> str:
    return talk.clock(seconds=BEGIN.total_seconds() + 60 * minutes)


def rows() -> dict[str, Any]:
    """All that frames leave behind but our own keys and times of receipt."""
    session = {
        column: value
        for column, value in ChargingSession.objects.values().get().items()
        if column not in ("id", "transaction_id", "start_key", "started_received_at", "stopped_received_at")
    }
    readings = MeterValue.objects.order_by("measured_at", "context", "energy_wh")
    return {
        "session": session,
        "readings": list(readings.values_list("measured_at", "context", "energy_wh", "power_w", "is_suspect")),
        "events": sorted(SessionEvent.objects.values_list("kind", "device_time", "is_conflict")),
        # An end that comes before we know its place cannot still the connector; never metered is as good as still.
        "power_now_w": sum(connector.power_w or 0 for connector in Connector.objects.all()),
    }


def outcome(play: Callable[[], None]) -> dict[str, Any]:
    """What a play leaves behind; it is taken back afterwards."""
    left: dict[str, Any] = {}

    class Curtain(Exception):
        pass

    with suppress(Curtain), transaction.atomic():
        play()
        left = rows()
        raise Curtain
    return left


def event(talk: Talk, n: int, *, minutes: int) -> None:
    """Event n of a 2.0.1 session: seqNo n, one register reading each, the card in event 2."""
    kind, context = {0: ("Started", "Transaction.Begin"), LAST: ("Ended", "Transaction.End")}.get(
        n, ("Updated", "Sample.Periodic")
    )
    at = clock(talk, minutes * n)
    sampled = [
        {"value": REGISTERS[n], "context": context},
        {"value": 11000.0 + n, "measurand": "Power.Active.Import", "context": context},
    ]
    talk.call(
        "TransactionEvent",
        eventType=kind,
        timestamp=at,
        triggerReason="MeterValuePeriodic",
        seqNo=n,
        transactionInfo={"transactionId": "tx-1", **({"chargingState": "Charging"} if n % 2 else {})},
        meterValue=[{"timestamp": at, "sampledValue": sampled}],
        **({"idToken": {"idToken": "04A2B3C4", "type": "ISO14443"}} if n == 2 else {}),
        **({"evse": {"id": 1, "connectorId": 1}} if n < 3 else {}),
    )


def in_any_order(first: int, last: int) -> st.SearchStrategy[list[int]]:
    """Each of the numbers at least once, in any order, some again."""
    again = st.lists(st.integers(first, last), max_size=5)
    return again.flatmap(lambda more: st.permutations([*range(first, last + 1), *more]))


@pytest.mark.parametrize("minutes", [10, 0], ids=["each at its time", "all at once"])
@settings(max_examples=10)
@given(order=in_any_order(0, LAST))
def test_the_events_of_a_2_0_1_session_may_come_in_any_order(two, card, order, minutes):
    def play(numbers) -> None:
        Connector.objects.create(charger=two.charger, evse_id=1)
        for n in numbers:
            event(two, n, minutes=minutes)

    expected = outcome(lambda: play(range(LAST + 1)))
    assert expected["session"]["energy_wh"] == 7500
    assert outcome(lambda: play(order)) == expected


def frame(talk: Talk, number: int, n: int) -> None:
    """Frame n of a 1.6 session after its start: readings, and last the stop."""
    at = clock(talk, 10 * n)
    if n == LAST:
        talk.call("StopTransaction", transactionId=number, meterStop=REGISTERS[n], timestamp=at, reason="Local")
        return
    sampled = [{"value": str(REGISTERS[n])}, {"value": f"{11000 + n}", "measurand": "Power.Active.Import"}]
    value = [{"timestamp": at, "sampledValue": sampled}]
    talk.call("MeterValues", connectorId=1, transactionId=number, meterValue=value)


@settings(max_examples=10)
@given(order=in_any_order(0, LAST))
def test_the_frames_of_a_1_6_session_may_come_in_any_order_after_its_start(one, card, order):
    def play(numbers) -> None:
        Connector.objects.create(charger=one.charger, evse_id=1)
        number = begin()
        for n in numbers:
            if n == 0:  # its answer was lost
                assert begin() == number
            else:
                frame(one, number, n)

    def begin() -> Any:
        told = {"connectorId": 1, "idTag": card.value, "meterStart": 1000, "timestamp": clock(one, 0)}
        return one.call("StartTransaction", **told)["transactionId"]

    expected = outcome(lambda: play(range(LAST + 1)))
    assert expected["session"]["energy_wh"] == 7500
    assert outcome(lambda: play(order)) == expected
