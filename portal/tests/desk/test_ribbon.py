from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.views import ribbon
from portal.views.ribbon import SLOTS

UNTIL = datetime(2026, 1, 2, 12, tzinfo=UTC)
SINCE = UNTIL - ribbon.DAY


def ago(hours: float) -> datetime:
    return UNTIL - timedelta(hours=hours)


def row(changes, offline=()):
    return [
        (band.state, band.x, band.width) for band in ribbon.bands(changes, offline=offline, since=SINCE, until=UNTIL)
    ]


def test_before_the_first_report_nothing_is_known():
    assert row([(ago(12), "available")]) == [("unknown", 0, 240), ("available", 240, 240)]


def test_the_last_report_before_the_day_says_what_it_began_with():
    assert row([(ago(30), "charging"), (ago(6), "available")]) == [("charging", 0, 360), ("available", 360, 120)]


def test_a_short_fault_is_never_lost_in_the_width_of_a_pixel():
    changes = [(ago(30), "available"), (ago(6), "faulted"), (ago(6) + timedelta(seconds=2), "available")]
    assert ("faulted", 360, 1) in row(changes)


def test_without_a_connection_nothing_is_known_of_a_connector():
    assert row([(ago(30), "available")], [(ago(12), ago(6))])[1] == ("offline", 240, 120)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 3)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(st.lists(st.tuples(moments, st.sampled_from(ribbon.LOUDEST))), st.lists(st.tuples(moments, moments)))
def test_the_bands_fill_the_day_without_gap_or_overlap(changes, offline):
    found = row(sorted(changes), [tuple(sorted(span)) for span in offline])
    x = 0
    for (_, start, width), following in zip(found, [*found[1:], None], strict=True):
        assert start == x
        x += width
        assert following is None or following[0] != found[found.index((_, start, width))][0]
    assert x == SLOTS


def test_gaps_are_what_no_connection_covers():
    connections = [(ago(30), ago(20)), (ago(19), ago(10)), (ago(12), None)]
    assert ribbon.gaps(connections, since=SINCE, until=UNTIL) == [(ago(20), ago(19))]


def test_one_that_never_connected_is_one_gap():
    assert ribbon.gaps([], since=SINCE, until=UNTIL) == [(SINCE, UNTIL)]


@pytest.mark.parametrize(("age_h", "reaches_h"), [(0, 1), (0.9, 1), (2, 6), (7, 24), (1000, 24)])
def test_the_ribbon_of_a_young_charger_reaches_no_further_than_it_is_known(age_h, reaches_h):
    assert ribbon.window(timedelta(hours=age_h)) == timedelta(hours=reaches_h)
