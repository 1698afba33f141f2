"""A draft: what is typed is read or refused in words, and what was read is drawn by the composite as it was meant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartcharging import drafts
from smartcharging.composite import Running, Station, composite

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def told(**more):
    return {"purpose": "tx_default", "kind": "recurring", "unit": "A", "periods": [{"start_s": 0, "limit": 16}], **more}


@given(st.integers(0, 366 * 86_400))
def test_a_span_is_read_as_it_is_shown(seconds):
    assert drafts.seconds(drafts.clock(seconds)) == seconds


ANYTHING = st.recursive(
    st.none() | st.text(max_size=5) | st.floats() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["start_s", "limit", "x"]), inner),
)
NAMES = st.sampled_from(
    ["purpose", "kind", "stack_level", "periods", "duration_s", "start_at", "start_local", "weekday"]
)


def sentences(anything):
    """What is said against it; a draft that was read is read alike once more."""
    try:
        draft = drafts.read(anything)
    except drafts.Unreadable as error:
        return error.sentences
    assert drafts.read(draft) == draft
    return []


@given(st.dictionaries(NAMES, ANYTHING))
def test_whatever_is_told_is_read_or_refused_in_words(anything):
    assert all(sentence.endswith(".") for sentence in sentences(anything) + sentences({**told(), **anything}))


@given(
    st.lists(st.tuples(st.integers(0, 95), st.integers(0, 40)), min_size=1, max_size=8, unique_by=lambda row: row[0]),
    st.integers(0, 23),
    st.integers(0, 95),
)
def test_each_day_at_each_hour_the_step_holds_that_was_drawn(steps, starts_h, quarter):
    steps = sorted([(0, 10), *[step for step in steps if step[0]]])
    draft = drafts.read(
        told(
            start_local=f"{starts_h:02}:00",
            periods=[{"start_s": 900 * at, "limit": limit} for at, limit in steps],
        )
    )
    profile = drafts.as_profile(drafts.for_charger(draft, zone=BERLIN, at=NOON), number=1, evse_id=1)
    asked = datetime(2026, 6, 16, starts_h, tzinfo=BERLIN) + timedelta(minutes=15 * quarter + 1)
    (step,) = composite(
        [profile], Station((1,)), evse_id=1, begin=asked, end=asked, unit="A", running={1: Running(NOON)}
    )
    assert step.limit == [limit for at, limit in steps if at <= quarter][-1]


def test_a_week_begins_on_its_weekday_by_the_clock_of_the_site():
    draft = drafts.read(told(recurrency="weekly", weekday="0", start_local="06:30"))
    start = datetime.fromisoformat(drafts.for_charger(draft, zone=BERLIN, at=NOON)["start_at"])
    assert start == datetime(2026, 6, 15, 4, 30, tzinfo=UTC)  # a Monday, summer time
    assert drafts.for_charger(draft, zone=BERLIN, at=NOON - timedelta(hours=9))["start_at"].startswith("2026-06-08")


def test_without_a_start_it_has_begun_already_so_that_there_is_no_gap():
    draft = drafts.read(told(kind="absolute"))
    assert drafts.for_charger(draft, zone=UTC, at=NOON + timedelta(seconds=31))["start_at"] == NOON.isoformat()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"periods": []}, "at least one step"),
        ({"periods": [{"start_s": "6.30", "limit": 10}]}, "Step 1: '6.30' is no time such as 06:30."),
        ({"periods": [{"start_s": 0, "limit": "much"}]}, "Step 1: limit is 'much'"),
        ({"periods": [{"start_s": 0, "limit": float("nan")}]}, "it must be a number"),
        ({"periods": [{"start_s": 0, "limit": 1, "limit_L2": 3}]}, "'limit_L2', which no period knows"),
        ({"periods": [{"start_s": 0, "limit": 1, "phases": 4}]}, "'phases' is 4"),
        ({"purpose": "external"}, "'purpose' is 'external'"),
        ({"stack_level": -1}, "'stack_level' is -1"),
        ({"start_local": "25:00"}, "time of day like 06:30"),
        ({"kind": "absolute", "start_at": "soon"}, "it must be a time like"),
        ({"duration_s": "a while"}, "'a while' is no time"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_its_value(more, sentence):
    with pytest.raises(drafts.Unreadable) as refused:
        drafts.read(told(**more))
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("more", "versions"),
    [
        ({}, set()),
        ({"purpose": "priority", "kind": "absolute"}, {"1.6", "2.0.1"}),
        ({"kind": "dynamic"}, {"1.6", "2.0.1"}),
        ({"use_local_time": True}, {"1.6", "2.0.1"}),
        ({"periods": [{"start_s": 0, "limit": 16, "limit_l2": 10}]}, {"1.6", "2.0.1"}),
        ({"periods": [{"start_s": 0, "limit": 16, "phases": 1, "phase_to_use": 2}]}, {"1.6"}),
        ({"kind": "relative", "purpose": "charger_max"}, {"2.0.1", "2.1"}),
        ({"periods": [{"start_s": 60, "limit": 16}]}, {"1.6", "2.0.1", "2.1"}),
        ({"purpose": "tx", "kind": "relative"}, set()),
    ],
)
def test_each_version_refuses_what_it_does_not_know_and_names_the_requirement(more, versions):
    refused = drafts.refused_by(drafts.read(told(**more)), at=NOON)
    assert refused.keys() == versions
    assert all(objection.requirement for found in refused.values() for objection in found)
