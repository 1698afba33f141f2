"""What the ends of connections say about a link, and what to set because of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargers import forensics
from chargers.forensics import Span, advice, patterns
from chargers.models import Connection, Exchange

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)


def ended(lasted_s: float, *, ago: timedelta = timedelta(), code: int | None = 1006) -> Span:
    return Span(NOON - ago - timedelta(seconds=lasted_s), NOON - ago, code, "")


def told(*spans: Span, ping_s: int = 20, is_mobile: bool = False) -> forensics.Advice:
    pattern = patterns(spans, zone=UTC)
    return advice(pattern, ping_interval_s=ping_s, heartbeat_interval_s=300, is_mobile=is_mobile)


def test_a_line_that_is_forgotten_after_a_quiet_minute_gets_three_pings_within_it():
    cut = [ended(60 + n % 3, ago=timedelta(hours=n)) for n in range(20)]
    assert told(*cut, ping_s=240).ping_interval_s == 20
    assert "forgets a quiet line" in told(*cut).reason


def test_a_provider_that_cuts_by_the_clock_is_named_and_no_ping_is_blamed():
    daily = [ended(86_400 + 60 * n, ago=timedelta(days=n)) for n in range(8)]
    assert told(*daily).ping_interval_s == 20
    assert "by the clock" in told(*daily).reason


def test_a_weak_signal_keeps_short_pings():
    flapping = [ended(200 * (n % 7 + 1) ** 2, ago=timedelta(hours=3 * n)) for n in range(40)]
    assert told(*flapping, ping_s=60).ping_interval_s == 20
    assert "without a pattern" in told(*flapping).reason


def test_a_steady_sim_card_may_ping_less_often():
    steady = [ended(200_000 + 50_000 * n, ago=timedelta(days=4 * n), code=1000) for n in range(6)]
    assert told(*steady, is_mobile=True).ping_interval_s == 60
    assert told(*steady).ping_interval_s == 20


def test_few_connections_are_no_reason_to_change_anything():
    assert told(ended(60), ended(61)).ping_interval_s == 20
    assert told(ping_s=45).ping_interval_s == 45


def test_losses_are_told_by_the_hour_of_the_site():
    pattern = patterns([ended(600), ended(600, code=1000)], zone=UTC)
    assert pattern is not None
    assert (pattern.lost, pattern.count, pattern.by_hour[12], sum(pattern.by_hour)) == (1, 2, 1, 1)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e7), st.integers(0, 10_000), st.sampled_from([1000, 1001, 1006, None])), max_size=60
    ),
    st.integers(5, 600),
)
def test_whatever_has_happened_advice_is_sane_and_has_a_reason(rows, ping_s):
    spans = [ended(lasted_s, ago=timedelta(minutes=ago), code=code) for lasted_s, ago, code in rows]
    said = told(*spans, ping_s=ping_s)
    assert 5 <= said.ping_interval_s <= max(60, ping_s)
    assert said.reason.endswith(".")
    pattern = patterns(spans, zone=UTC)
    assert (pattern is None) == (not spans)
    if pattern:
        assert sum(pattern.by_hour) == pattern.lost <= pattern.count


def test_rows_are_read_as_spans_and_as_bytes(cp1):
    for number in range(3):
        Connection.objects.create(
            charger=cp1, epoch=10 + number, gateway="g", subprotocol="ocpp1.6", connected_at=NOON - timedelta(hours=2),
            disconnected_at=NOON if number else None, close_code=1006,
        )  # fmt: skip
    assert len(forensics.spans(cp1, at=NOON)) == 2
    for minutes in range(0, 24 * 60, 10):
        Exchange.objects.create(
            charger=cp1, epoch=1, origin="charger", action="Heartbeat", request="x" * 80, response="y" * 20,
            requested_at=NOON - timedelta(minutes=minutes), outcome="result",
        )  # fmt: skip
    said = forensics.traffic(cp1, at=NOON)
    assert said.text_bytes == 144 * 100
    assert said.actions == [("Heartbeat", 14_400)]
    month = said.month_bytes(ping_interval_s=0)
    assert month == pytest.approx(30 * (14_400 + 288 * forensics.PER_FRAME_BYTES), rel=0.01)
    assert said.month_bytes(ping_interval_s=20) > month
