"""Who goes next, for any campaign: what must hold whatever its chargers are at."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chargers.campaigns.planning import SOAKING, UPDATING, WAITING, Limits, Place, by_bandwidth, plan, smaller
from chargers.campaigns.rings import sizes
from chargers.campaigns.windows import opens_at

STATES = ("waiting", "updating", "soaking", "done", "failed", "skipped", "cancelled")
BERLIN = ZoneInfo("Europe/Berlin")


@st.composite
def campaigns(draw: st.DrawFn) -> list[Place]:
    count = draw(st.integers(1, 40))
    return [
        Place(
            id=number,
            ring=draw(st.integers(1, 4)),
            state=draw(st.sampled_from(STATES)),
            site=draw(st.sampled_from([None, 1, 2, 3])),
            hindrance=draw(st.sampled_from(["", "", "It is offline.", "A session runs at it."])),
            is_excused=draw(st.booleans()),
        )
        for number in range(count)
    ]


limits = st.builds(Limits, st.integers(0, 8), st.integers(0, 3), st.integers(0, 100))


@given(campaigns(), limits)
def test_each_that_waits_either_goes_or_is_told_why_not(places, limit):
    found = plan(places, limit)
    waiting = {place.id for place in places if place.state == WAITING}
    assert set(found.start) | found.why.keys() == waiting
    assert not set(found.start) & found.why.keys()
    assert all(why.endswith(".") for why in found.why.values())


@given(campaigns(), limits)
def test_no_more_go_than_may_in_all_and_at_a_site(places, limit):
    found = plan(places, limit)
    started = set(found.start)
    busy = [place for place in places if place.state == UPDATING]
    new = [place for place in places if place.id in started]
    assert not new or not limit.at_once or len(busy) + len(new) <= limit.at_once
    at_site = Counter(place.site for place in busy + new)
    for site in {place.site for place in new} - {None}:
        assert not limit.per_site or at_site[site] <= limit.per_site


@given(campaigns(), limits)
def test_nobody_goes_who_is_hindered_or_whose_ring_has_not_begun(places, limit):
    started = set(plan(places, limit).start)
    for place in places:
        if place.id in started:
            assert not place.hindrance
            assert not any(p.ring < place.ring and p.state in (WAITING, UPDATING, SOAKING) for p in places)


@given(campaigns(), limits)
def test_nobody_goes_while_a_ring_has_failed_too_often(places, limit):
    found = plan(places, limit)
    for ring in {place.ring for place in places}:
        members = [p for p in places if p.ring == ring and p.state not in ("skipped", "cancelled")]
        failed = sum(p.state == "failed" and not p.is_excused for p in members)
        if failed * 100 > limit.halt_percent * len(members):
            assert found.halt and not found.start
            return
    assert not found.halt


@given(campaigns(), limits)
def test_it_never_stands_still_without_a_reason(places, limit):
    """Where somebody of the ring at work could go and there is room, somebody goes."""
    found = plan(places, limit)
    assume(not found.halt and found.ring is not None)
    busy = [place for place in places if place.state == UPDATING]
    able = [p for p in places if p.state == WAITING and p.ring == found.ring and not p.hindrance]
    free = [
        p for p in able if not limit.per_site or p.site is None or sum(b.site == p.site for b in busy) < limit.per_site
    ]
    if free and (not limit.at_once or len(busy) < limit.at_once):
        assert found.start


@given(
    st.lists(st.sampled_from(["1", "5", "10 %", "33%", "rest", "100 %", "0"]), min_size=1, max_size=6),
    st.integers(1, 5000),
)
def test_rings_hold_each_charger_once_and_none_is_empty(parts, total):
    found = sizes(", ".join(parts), total)
    assert sum(found) == total
    assert all(size > 0 for size in found)


def test_rings_are_numbers_and_shares():
    assert sizes("1, 10 %, 30 %, rest", 100) == [1, 10, 30, 59]
    assert sizes("1, 10 %, 30 %, rest", 3) == [1, 1, 1]


@pytest.mark.parametrize("text", ["", "x", "-1", "10 apples", "150 %", "1;2", ", ".join(["1"] * 21)])
def test_a_ring_that_makes_no_sense_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match=r"\.$"):
        sizes(text, 10)


@pytest.mark.parametrize(
    ("local", "opens"),
    [
        ("2026-03-10 23:30", None),
        ("2026-03-11 04:59", None),
        ("2026-03-11 05:00", "2026-03-11 22:00"),
        ("2026-03-11 21:59", "2026-03-11 22:00"),
        # Two hours of the night of the change do not exist: what is local counts.
        ("2026-03-28 12:00", "2026-03-28 22:00"),
        ("2026-03-29 12:00", "2026-03-29 22:00"),
    ],
)
def test_a_window_over_midnight_is_in_the_time_of_the_site(local, opens):
    at = datetime.fromisoformat(local).replace(tzinfo=BERLIN)
    found = opens_at(at.astimezone(UTC), BERLIN, time(22), time(5))
    assert (found and f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}") == opens


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.times(),
    st.times(),
)
def test_a_window_that_is_shut_opens_later_and_is_open_then(at, begin, end):
    assume(begin != end)
    opening = opens_at(at, BERLIN, begin, end)
    if opening is not None:
        assert opening >= at
        local = opening.astimezone(BERLIN).time()
        # But for a moment that spring skips, it opens when it says.
        assert local.replace(second=0, microsecond=0) >= begin.replace(second=0, microsecond=0) or begin.hour == 2


def test_bandwidth_says_how_many_can_have_their_file_in_ten_minutes():
    assert by_bandwidth(0, 50_000_000) == 0
    assert by_bandwidth(1_000_000, 60_000_000) == 10
    assert by_bandwidth(1, 10**9) == 1
    assert smaller(0, 10, 4) == 4
    assert smaller(0, 0) == 0
