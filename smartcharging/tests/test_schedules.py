"""When a schedule starts, and when each of its periods holds: facts by hand, around every edge that there is.

One schedule in four kinds: 20 A for half an hour, 12 A for a quarter, 7 A for a quarter; valid through June.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from smartcharging.schedules import Profile, occurrences, windows

PERIODS = [{"start_s": 0, "limit": 20}, {"start_s": 1800, "limit": 12}, {"start_s": 2700, "limit": 7}]
STARTS = {"absolute": "2026-06-03T09:15", "daily": "2026-06-01T07:00", "weekly": "2026-06-04T18:00"}


def moment(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def shown(at):
    return datetime.fromtimestamp(at, UTC).strftime("%m-%d %H:%M")


def make(kind, *, ends=True):
    schedule: dict[str, object] = {"unit": "A", "periods": PERIODS}
    if ends:
        schedule["duration_s"] = 3600
    if kind in STARTS:
        schedule["start_at"] = f"{STARTS[kind]}:00+00:00"
    recurrency = kind if kind in ("daily", "weekly") else ""
    return Profile(
        1, 0, "tx_default", "recurring" if recurrency else kind, recurrency, schedules=[schedule],
        valid_from=datetime(2026, 6, 2, 12, tzinfo=UTC), valid_to=datetime(2026, 6, 30, 12, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "begin", "end", "session", "starts"),
    [
        # One that starts once starts then, whoever asks and whenever.
        ("absolute", "2026-06-03T08:00", "2026-06-03T20:00", None, ["06-03 09:15"]),
        ("absolute", "2026-06-03T09:30", "2026-06-03T20:00", "2026-06-03T09:20", ["06-03 09:15"]),
        ("absolute", "2026-06-05T00:00", "2026-06-06T00:00", None, ["06-03 09:15"]),
        # One of a session starts with it, and without one when somebody asks.
        ("relative", "2026-06-03T08:00", "2026-06-03T20:00", None, ["06-03 08:00"]),
        ("relative", "2026-06-03T08:00", "2026-06-03T20:00", "2026-06-03T07:10", ["06-03 07:10"]),
        ("relative", "2026-06-03T08:00", "2026-06-03T20:00", "2026-06-01T07:10", ["06-01 07:10"]),
        # One that recurs: the occurrence before, which may still hold, then all within.
        ("daily", "2026-06-05T06:59", "2026-06-05T23:00", None, ["06-04 07:00", "06-05 07:00"]),
        ("daily", "2026-06-05T07:00", "2026-06-05T23:00", None, ["06-05 07:00"]),
        ("daily", "2026-06-05T07:01", "2026-06-07T08:00", None, ["06-05 07:00", "06-06 07:00", "06-07 07:00"]),
        ("daily", "2026-05-30T12:00", "2026-05-31T08:00", None, ["05-30 07:00", "05-31 07:00"]),  # both ways in time
        ("daily", "2026-06-05T07:01", "2026-06-06T08:00", "2026-06-06T01:00", ["06-05 07:00", "06-06 07:00"]),
        ("weekly", "2026-06-08T00:00", "2026-06-10T00:00", None, ["06-04 18:00"]),
        ("weekly", "2026-06-04T17:59", "2026-06-05T00:00", None, ["05-28 18:00", "06-04 18:00"]),
        ("weekly", "2026-06-04T18:00", "2026-06-18T18:01", None, ["06-04 18:00", "06-11 18:00", "06-18 18:00"]),
        ("weekly", "2026-07-20T00:00", "2026-07-24T00:00", None, ["07-16 18:00", "07-23 18:00"]),
    ],
)
def test_a_schedule_starts_when_its_kind_says(kind, begin, end, session, starts):
    session_at = moment(session) if session else None
    found = occurrences(make(kind), begin=moment(begin), end=moment(end), session_at=session_at)
    assert [shown(at) for at in found] == starts


@pytest.mark.parametrize(
    ("kind", "begin", "end", "session", "held"),
    [
        ("absolute", "2026-06-03T09:00", "2026-06-03T12:00", None,
         [(20, "06-03 09:15", "06-03 09:45"), (12, "06-03 09:45", "06-03 10:00"), (7, "06-03 10:00", "06-03 10:15")]),
        ("absolute", "2026-06-03T09:45", "2026-06-03T12:00", None,  # the first has just ended
         [(12, "06-03 09:45", "06-03 10:00"), (7, "06-03 10:00", "06-03 10:15")]),
        ("absolute", "2026-06-03T10:15", "2026-06-03T12:00", None, []),
        ("relative", "2026-06-03T10:00", "2026-06-03T12:00", "2026-06-03T09:20",
         [(12, "06-03 09:50", "06-03 10:05"), (7, "06-03 10:05", "06-03 10:20")]),
        ("relative", "2026-06-03T11:00", "2026-06-03T12:00", "2026-06-03T09:20", []),
        ("daily", "2026-06-05T07:40", "2026-06-06T07:10", None,
         [(12, "06-05 07:30", "06-05 07:45"), (7, "06-05 07:45", "06-05 08:00"), (20, "06-06 07:00", "06-06 07:30")]),
        ("daily", "2026-06-02T07:40", "2026-06-03T06:00", None, []),  # it is not valid before noon
        ("daily", "2026-06-30T07:50", "2026-07-01T09:00", None, [(7, "06-30 07:45", "06-30 08:00")]),  # nor after
        ("weekly", "2026-06-04T18:40", "2026-06-11T18:05", None,
         [(12, "06-04 18:30", "06-04 18:45"), (7, "06-04 18:45", "06-04 19:00"), (20, "06-11 18:00", "06-11 18:30")]),
        ("weekly", "2026-06-05T00:00", "2026-06-11T18:00", None, []),
        ("weekly", "2026-06-05T00:00", "2026-06-11T18:01", None, [(20, "06-11 18:00", "06-11 18:30")]),
    ],
)  # fmt: skip
def test_a_period_holds_until_the_next_one_or_the_end_of_its_schedule(kind, begin, end, session, held):
    session_at = moment(session) if session else None
    found = windows(make(kind), begin=moment(begin), end=moment(end), session_at=session_at)
    assert [(w.period["limit"], shown(w.start), shown(w.end)) for w in found] == held


@pytest.mark.parametrize(
    ("kind", "begin", "end", "last"),
    [
        ("absolute", "2026-06-03T12:00", "2026-06-04T00:00", ("06-03 10:00", "06-30 12:00")),  # until it is not valid
        ("relative", "2026-06-03T12:00", "2026-06-03T14:00", ("06-03 12:45", "06-30 12:00")),
        ("daily", "2026-06-05T12:00", "2026-06-06T06:00", ("06-05 07:45", "06-06 07:00")),  # until it recurs
        ("daily", "2026-06-02T10:00", "2026-06-03T06:00", ("06-02 12:00", "06-03 07:00")),  # from when it is valid
        ("weekly", "2026-06-08T12:00", "2026-06-09T06:00", ("06-04 18:45", "06-11 18:00")),
    ],
)
def test_without_a_duration_the_last_period_goes_on(kind, begin, end, last):
    found = windows(make(kind, ends=False), begin=moment(begin), end=moment(end))
    assert [(shown(w.start), shown(w.end)) for w in found if w.period["limit"] == 7] == [last]


def test_what_is_not_valid_any_more_or_has_no_schedule_never_holds():
    assert windows(make("daily", ends=False), begin=moment("2026-08-01T08:00"), end=moment("2026-08-02T08:00")) == []
    assert windows(Profile(1, 0, "tx", "absolute"), begin=0.0, end=1e9) == []
