from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargers import clocks

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00:00Z", NOW),
        ("2026-03-01T12:00:00", NOW),
        ("2026-03-01T14:00:00+02", NOW),
        ("2026-03-01T14:00:00+0200", NOW),
        ("2026-03-01T06:30:00-05:30", NOW),
        ("2026-03-01 12:00:00Z", NOW),
        ("2026-03-01T12:00Z", NOW),
        ("2026-03-01T12:00:00.123456789Z", NOW + timedelta(microseconds=123456)),
        ("2026-02-28T24:00:00Z", NOW - timedelta(hours=12)),
        ("2026-03-01T11:59:60Z", NOW),
    ],
)
def test_times_of_the_field_are_read(text, expected):
    assert clocks.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "222222017-01-01T00:00:00Z", "2026-02-30T10:00:00Z", "2026-03-01T25:00:00Z", "2026-03-01",
             "2026-03-01T24:00:01Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", None, 1234567890]
)  # fmt: skip
def test_what_is_no_time_is_none(text):
    assert clocks.parse(text) is None


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text):
    moment = clocks.parse(text)
    assert moment is None or moment.utcoffset() == timedelta(0)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)))
def test_what_we_write_we_read(moment):
    assert clocks.parse(moment.isoformat()) == moment


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00Z", "2036-02-07T06:28:16Z", "2026-03-01T14:00:00Z", "nonsense"])
def test_a_time_that_cannot_be_gives_way_to_ours(text):
    assert clocks.happened_at(text, at=NOW) == NOW


def test_a_season_offline_is_believed():
    assert clocks.happened_at("2025-12-01T08:00:00Z", at=NOW) == datetime(2025, 12, 1, 8, tzinfo=UTC)


def test_a_quiet_clock_costs_no_write(cp1, django_assert_num_queries):
    clocks.observe(cp1, "2026-03-01T12:00:03Z", at=NOW)
    with django_assert_num_queries(0):
        assert clocks.observe(cp1, "2026-03-01T12:00:05Z", at=NOW) is None
    assert cp1.clock_offset_s == 3


def test_a_clock_that_is_off_is_a_finding(cp1):
    assert clocks.observe(cp1, "2026-03-01T10:00:00Z", at=NOW) == "Its clock is 7,200 s behind ours."
