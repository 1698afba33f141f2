"""What a charger may draw out of its profiles: cases reckoned by hand, and rules against a plain second reckoning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from smartcharging.composite import Running, Station, composite, limit_at
from smartcharging.schedules import Profile, occurrences

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
LONE = Station(default_a=50.0, default_w=34_500.0)


def profile(number, purpose, *steps, level=0, kind="absolute", unit="A", evse_id=1, start=NOON, **more):
    """``steps``: (start_s, limit) or (start_s, {fields})."""
    periods = [{"start_s": at, **(what if isinstance(what, dict) else {"limit": what})} for at, what in steps]
    schedule = {"unit": unit, "periods": periods}
    if start is not None and kind != "relative":
        schedule["start_at"] = start.isoformat()
    for name in ("duration_s", "use_local_time"):
        if name in more:
            schedule[name] = more.pop(name)
    return Profile(number, level, purpose, kind, evse_id=evse_id, schedules=[schedule], **more)


def curve(profiles, *, station=LONE, begin=NOON, hours=2, unit="A", evse_id=1, running=None, **context):
    running = {1: Running(NOON, "7")} if running is None else running
    end = begin + timedelta(hours=hours)
    return composite(profiles, station, evse_id=evse_id, begin=begin, end=end, unit=unit, running=running, **context)


def limits(steps):
    return [(step.start_s, step.limit) for step in steps]


def test_a_lease_falls_back_to_the_level_below_when_it_is_over():
    floor = profile(1, "tx", (0, 6), start=NOON - timedelta(minutes=1))
    lease = profile(2, "tx", (0, 16), level=1, duration_s=300)
    assert limits(curve([floor, lease])) == [(0, 16), (300, 6)]


def test_a_higher_level_that_starts_later_leaves_the_lower_one_in_force_until_then():
    low = profile(1, "tx_default", (0, 10))
    high = profile(2, "tx_default", (0, 20), level=1, start=NOON + timedelta(minutes=30))
    assert limits(curve([low, high])) == [(0, 10), (1800, 20)]


def test_a_session_profile_stands_in_for_the_default_only_where_it_speaks():
    default = profile(1, "tx_default", (0, 13))
    own = profile(2, "tx", (0, 30), start=NOON + timedelta(minutes=10), duration_s=600)
    assert limits(curve([default, own])) == [(0, 13), (600, 30), (1200, 13)]


def test_a_profile_of_another_session_is_none_of_this_one():
    assert limits(curve([profile(1, "tx", (0, 8), transaction_id="9")])) == [(0, 50)]


def test_without_a_session_only_what_binds_the_charger_counts():
    profiles = [profile(1, "tx_default", (0, 10)), profile(2, "charger_max", (0, 40), evse_id=0)]
    assert limits(curve(profiles, running={})) == [(0, 40)]
    assert limits(curve(profiles, running={}, assume_session=True)) == [(0, 10)]


def test_the_lowest_of_the_purposes_counts_and_is_named():
    profiles = [
        profile(1, "charger_max", (0, 32), evse_id=0),
        profile(2, "tx", (0, 20), (600, 40)),
        profile(3, "external", (0, 25), start=NOON + timedelta(minutes=20), evse_id=0),
    ]
    steps = curve(profiles)
    assert limits(steps) == [(0, 20), (600, 32), (1200, 25)]
    assert [step.why[0].profile_id for step in steps] == [2, 1, 3]
    assert "grid operator" in steps[-1].why[0].rule


def test_a_change_of_what_binds_without_a_change_of_value_is_told_too():
    profiles = [profile(1, "tx", (0, 16), duration_s=600), profile(2, "tx_default", (0, 16))]
    (step,) = curve(profiles)
    assert [(reason.start_s, reason.profile_id) for reason in step.why] == [(0, 1), (600, 2)]


def test_an_evse_goes_before_the_charger_at_the_same_level():
    profiles = [profile(1, "tx_default", (0, 10)), profile(2, "tx_default", (0, 16), evse_id=0)]
    assert curve(profiles)[0].limit == 10
    assert curve(list(reversed(profiles)))[0].limit == 10


def test_watts_and_amperes_are_compared_over_the_phases_that_are_left():
    profiles = [
        profile(1, "charger_max", (0, {"limit": 11_500, "phases": 1}), unit="W", evse_id=0),
        profile(2, "tx", (0, {"limit": 32, "phases": 3})),
    ]
    (step,) = curve(profiles)
    assert (step.limit, step.rate.phases) == (32, 1)  # 11,500 W over one phase are 50 A
    assert curve(profiles, unit="W")[0].limit == 32 * 230


def test_the_whole_charger_is_the_sum_of_its_evses_below_its_own_maximum():
    pair = Station((1, 2), default_a=50.0)
    profiles = [
        profile(1, "tx", (0, 10), (900, 30)),
        profile(2, "tx_default", (0, 15), evse_id=2),
        profile(3, "charger_max", (0, 40), evse_id=0),
    ]
    running = {1: Running(NOON, "7"), 2: Running(NOON, "8")}
    assert limits(curve(profiles, station=pair, evse_id=0, running=running)) == [(0, 25), (900, 40)]


def test_a_relative_schedule_counts_from_the_start_of_the_session():
    relative = profile(1, "tx_default", (0, 16), (3600, 8), kind="relative")
    started = {1: Running(NOON - timedelta(minutes=50), "7")}
    assert limits(curve([relative], running=started)) == [(0, 16), (600, 8)]


def test_a_weekly_calendar_over_a_daily_one_frees_the_weekend():
    daily = profile(1, "tx_default", (0, 8), kind="recurring", recurrency="daily", duration_s=3 * 3600)
    sunday = datetime(2026, 3, 1, tzinfo=UTC)
    weekly = profile(
        2, "tx_default", (0, 99), level=1, kind="recurring", recurrency="weekly", start=sunday, duration_s=86_400
    )
    assert curve([daily, weekly], begin=NOON + timedelta(days=1))[0].limit == 8
    assert curve([daily, weekly], begin=NOON + timedelta(days=6))[0].limit == 99


def test_phases_that_are_limited_apart_stay_apart():
    """2.1: a power of all phases is spread over them where another profile tells them apart."""
    profiles = [
        profile(1, "charger_max", (0, {"limit": 10, "limit_l2": 20, "limit_l3": 30, "phases": 3}), evse_id=0),
        profile(2, "tx", (0, 10_350), unit="W"),
    ]
    (step,) = curve(profiles)
    assert step.rate.limit == (10, 15, 15)


def test_a_setpoint_stays_within_its_limits():
    mode = {"operation_mode": "CentralSetpoint", "limit": 12, "discharge_limit": -5}
    (step,) = curve([profile(1, "tx", (0, {**mode, "setpoint": 20}))])
    assert step.rate.setpoint[0] == 12
    (step,) = curve([profile(1, "tx", (0, {**mode, "setpoint": -20}))])
    assert step.rate.setpoint[0] == -5


def test_what_is_generated_on_the_spot_comes_on_top():
    profiles = [
        profile(1, "tx", (0, 5_000), unit="W"),
        profile(2, "local_generation", (0, 2_000), unit="W", evse_id=0),
    ]
    (step,) = curve(profiles, unit="W")
    assert step.limit == 7_000
    assert [reason.profile_id for reason in step.why] == [1, 2]


def test_priority_goes_before_session_and_default_once_it_is_used():
    profiles = [profile(1, "tx", (0, 10)), profile(2, "priority", (0, 32))]
    assert curve(profiles)[0].limit == 10
    assert curve(profiles, running={1: Running(NOON, "7", has_priority=True)})[0].limit == 32


def test_a_profile_that_does_not_bear_being_offline_is_void_without_a_link():
    profiles = [profile(1, "tx_default", (0, 6)), profile(2, "tx", (0, 20), max_offline_s=300)]
    assert curve(profiles, offline_s=None)[0].limit == 20
    assert curve(profiles, offline_s=299)[0].limit == 20
    assert curve(profiles, offline_s=300)[0].limit == 6


def test_a_dynamic_profile_holds_as_long_as_it_is_there():
    assert limits(curve([profile(1, "tx", (0, 9), kind="dynamic", start=None)])) == [(0, 9)]


def test_a_profile_without_any_limit_is_not_used():
    assert curve([profile(1, "tx", (0, {"phases": 3}))])[0].why[0].profile_id is None


def test_an_empty_span_says_what_holds_at_its_end():
    step = limit_at([profile(1, "tx", (0, 9))], LONE, evse_id=1, at=NOON, unit="A", running={1: Running(NOON)})
    assert (step.start_s, step.limit) == (0, 9)


def test_local_time_keeps_its_hour_over_summer_time():
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 27, 18, tzinfo=berlin)
    daily = profile(1, "tx_default", (0, 8), kind="recurring", recurrency="daily", start=start, use_local_time=True)
    begin = datetime(2026, 3, 30, tzinfo=berlin).timestamp()  # the clock went forward on the 29th
    found = occurrences(daily, begin=begin, end=begin + 86_400, zone=berlin)
    assert [datetime.fromtimestamp(at, berlin).hour for at in found] == [18, 18]


# -- rules -------------------------------------------------------------------------------------------------------------

PURPOSES = ("charger_max", "external", "tx_default", "tx")


@st.composite
def any_profile(draw, number):
    purpose = draw(st.sampled_from(PURPOSES))
    # K01.FR.38: a charger's maximum is never relative, for it belongs to no session.
    kind = draw(st.sampled_from(["absolute", "recurring", *(["relative"] if purpose != "charger_max" else [])]))
    starts = sorted(draw(st.sets(st.integers(1, 200), max_size=3)))
    more = {"recurrency": draw(st.sampled_from(["daily", "weekly"]))} if kind == "recurring" else {}
    if draw(st.booleans()):
        more["duration_s"] = draw(st.integers(1, 300)) * 60
    if draw(st.booleans()):
        more["valid_to"] = NOON + timedelta(minutes=draw(st.integers(-60, 240)))
    return profile(
        number,
        purpose,
        *((60 * at, draw(st.integers(0, 40))) for at in [0, *starts]),
        # One profile of each level, as chargers keep them.
        level=number,
        kind=kind,
        start=NOON + timedelta(minutes=draw(st.integers(-3000, 240))),
        evse_id=0 if purpose == "charger_max" else draw(st.sampled_from([0, 1])),
        **more,
    )


profile_lists = st.integers(0, 6).flatmap(lambda n: st.tuples(*(any_profile(number) for number in range(n))))


def plainly(profiles, at, session_at):
    """The same rules once more, for one moment, without cutting time: the limit in A, None for none."""

    def says(one):
        if one.valid_to and at >= one.valid_to:
            return None
        schedule = one.schedules[0]
        start = session_at if one.kind == "relative" else datetime.fromisoformat(schedule["start_at"])
        offset = (at - start).total_seconds()
        if one.kind == "recurring":
            offset %= {"daily": 86_400, "weekly": 604_800}[one.recurrency]
        if offset < 0 or offset >= schedule.get("duration_s", 10**9):
            return None
        return [period["limit"] for period in schedule["periods"] if period["start_s"] <= offset][-1]

    def leading(purpose):
        told = [(one.stack_level, says(one)) for one in profiles if one.purpose == purpose]
        return max(((level, limit) for level, limit in told if limit is not None), default=(0, None))[1]

    own = leading("tx")
    found = [leading("charger_max"), leading("external"), leading("tx_default") if own is None else own]
    return min((limit for limit in found if limit is not None), default=None)


@given(profiles=profile_lists, minute=st.integers(0, 239), started=st.integers(0, 200))
def test_each_moment_of_the_curve_is_what_the_rules_say_of_that_moment(profiles, minute, started):
    session_at = NOON - timedelta(minutes=started)
    steps = curve(profiles, hours=4, running={1: Running(session_at, "7")})
    value = [step.limit for step in steps if step.start_s <= minute * 60][-1]
    said = plainly(profiles, NOON + timedelta(minutes=minute), session_at)
    assert value == (LONE.default_a if said is None else said)


@given(profiles=profile_lists)
def test_the_curve_starts_at_its_begin_and_its_neighbours_differ(profiles):
    steps = curve(profiles, hours=4)
    assert steps[0].start_s == 0
    assert all(first.start_s < second.start_s < 4 * 3600 for first, second in pairwise(steps))
    assert all(first.rate != second.rate for first, second in pairwise(steps))


@given(profiles=profile_lists)
def test_whoever_is_named_allows_no_more_and_no_less_than_the_limit(profiles):
    by_id = {one.profile_id: one for one in profiles}
    for step in curve(profiles, hours=4):
        named = [by_id[reason.profile_id] for reason in step.why if reason.profile_id is not None]
        assert all(step.limit in [period["limit"] for period in one.schedules[0]["periods"]] for one in named)
        assert named or step.limit == LONE.default_a
