"""Which value is wanted, whether a charger has it, why it differs, and which write a boot loop follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargers.behaviour import Plate
from chargers.desired.rule import (
    BOOTS,
    Bars,
    Layer,
    Order,
    Reach,
    Reason,
    State,
    Told,
    Update,
    Wish,
    WrittenAt,
    is_same,
    matches,
    resolve,
    stand,
    suspect,
    why_differs,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
paths = st.sampled_from(["HeartbeatInterval", "heartbeatinterval", "MeterValueSampleInterval", "AuthCtrlr.Enabled"])
values = st.text("0123456789,.truefalsTF +-", max_size=8)
layers = st.lists(
    st.builds(
        Layer,
        name=st.text("abc", min_size=1, max_size=3),
        values=st.dictionaries(paths, values, max_size=3),
        priority=st.integers(-2, 2),
        reach=st.sampled_from(Reach),
        template=st.integers(1, 10**6),
    ),
    max_size=6,
    unique_by=(lambda layer: layer.template, lambda layer: layer.name),
)


# -- which value -----------------------------------------------------------------------------------------------------


@given(layers, st.randoms())
def test_the_order_in_which_templates_are_given_does_not_matter(given_layers, random):
    shuffled = list(given_layers)
    random.shuffle(shuffled)
    assert {k: (w.value, w.layer) for k, w in resolve(given_layers).items()} == {
        k: (w.value, w.layer) for k, w in resolve(shuffled).items()
    }


@given(layers)
def test_each_setting_that_somebody_wants_is_wanted_once_by_one_who_wants_it(given_layers):
    wanted = resolve(given_layers)
    assert wanted.keys() == {path.casefold() for layer in given_layers for path in layer.values}
    for key, wish in wanted.items():
        assert wish.value in [value for path, value in wish.layer.values.items() if path.casefold() == key]


@given(layers)
def test_nobody_above_the_one_that_decides_wants_the_setting(given_layers):
    for key, wish in resolve(given_layers).items():
        for other in given_layers:
            speaks = key in {path.casefold() for path in other.values}
            if speaks and other is not wish.layer and Reach.SHADOW not in (other.reach, wish.layer.reach):
                assert (other.priority, other.reach) <= (wish.layer.priority, wish.layer.reach)
            if speaks and other.reach == Reach.SHADOW:
                assert wish.layer.reach == Reach.SHADOW


@given(layers, st.builds(Layer, name=st.just("z"), values=st.dictionaries(paths, values), priority=st.integers(-3, 3)))
def test_a_template_more_changes_no_setting_that_it_does_not_speak_of(given_layers, another):
    before, after = resolve(given_layers), resolve([*given_layers, another])
    spoken = {path.casefold() for path in another.values}
    for key in before.keys() - spoken:
        assert after[key] == before[key]


def test_of_two_templates_the_higher_priority_wins_and_of_equals_the_narrower():
    everywhere = Layer("All", {"A": "1", "B": "1", "C": "1"})
    site = Layer("Site", {"B": "2", "C": "2"}, reach=Reach.SITE)
    urgent = Layer("Urgent", {"C": "3"}, priority=5)
    wanted = resolve([site, urgent, everywhere])
    assert {wish.path: (wish.value, wish.layer.name) for wish in wanted.values()} == {
        "A": ("1", "All"), "B": ("2", "Site"), "C": ("3", "Urgent"),
    }  # fmt: skip
    assert [layer.name for layer in wanted["c"].overruled] == ["Site", "All"]


@pytest.mark.parametrize(
    ("patterns", "fits"),
    [
        (Plate("", "", ""), True),
        (Plate("acme", "", ""), True),
        (Plate("ACME", "wallbox*", "1.4.?"), True),
        (Plate("Acme", "Post*", ""), False),
        (Plate("", "", "1.5*"), False),
    ],
)
def test_a_template_reaches_the_models_that_its_patterns_fit(patterns, fits):
    assert matches(patterns, Plate("Acme", "Wallbox 22", "1.4.2")) is fits


# -- how a charger stands to it --------------------------------------------------------------------------------------


@given(values, values)
def test_being_the_same_is_mutual_and_everything_is_the_same_as_itself(one, other):
    assert is_same(one, one)
    assert is_same(one, other) == is_same(other, one)


@pytest.mark.parametrize(
    ("wanted", "actual", "same"),
    [
        ("300", "300.0", True), ("300", "0300", True), ("300", "301", False), ("true", "True", True),
        ("a,b", "b, a", True), ("a,b", "a,b,c", False), ("", " ", True), ("1e3", "1000", False), ("5-", "5", False),
        ("-0", "0", True), ("Energy", "energy", False),
    ],
)  # fmt: skip
def test_values_are_compared_by_what_they_mean(wanted, actual, same):
    assert is_same(wanted, actual) is same


def test_the_order_of_a_sequence_matters():
    assert not is_same("1,2", "2,1", is_sequence=True)


def wish(value="1"):
    return Wish("Ctrlr.Size", value, Layer("T", {}))


@pytest.mark.parametrize(
    ("told", "state"),
    [
        (None, State.UNREAD),
        (Told("1"), State.SAME),
        (Told("1", needs_reboot=True), State.REBOOT),
        (Told("1", is_readonly=True), State.SAME),
        (Told("2"), State.DIFFERS),
        (Told("2", is_readonly=True), State.READONLY),
        (Told("", is_writeonly=True), State.WRITEONLY),
        (Told("", is_known=False), State.UNKNOWN),
    ],
)
def test_a_charger_stands_to_a_wish_as_it_told(told, state):
    assert stand(wish(), told, Bars(), name="Size") == state


tolds = st.one_of(
    st.none(),
    st.builds(Told, value=values, is_known=st.booleans(), is_readonly=st.booleans(), is_writeonly=st.booleans()),
)


@given(tolds, values)
def test_what_is_barred_is_never_written(told, value):
    for bars in (
        Bars(forbidden={"size"}),
        Bars(quarantined={"ctrlr.size"}),
        Bars(refused={"ctrlr.size": value}),
    ):
        assert stand(wish(value), told, bars, name="Size") not in (State.DIFFERS, State.UNREAD)


def test_a_refused_value_is_written_again_once_another_one_is_wanted():
    bars = Bars(refused={"ctrlr.size": "1"})
    assert stand(wish("1"), Told("9"), bars, name="Size") == State.REFUSED
    assert stand(wish("2"), Told("9"), bars, name="Size") == State.DIFFERS


# -- why it differs --------------------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("agreed", "order", "update", "reason", "words"),
    [
        (None, Order(NOON, "alice"), None, Reason.NEVER, "not been applied"),
        (NOON, Order(NOON + HOUR, "alice, portal"), Update(NOON + HOUR, "1", "2"), Reason.ORDER, "by alice, portal"),
        (NOON, Order(NOON - HOUR, "alice"), Update(NOON + HOUR, "1.0", "1.1"), Reason.FIRMWARE, "1.0 → 1.1"),
        (NOON, Order(NOON - HOUR, "alice"), Update(NOON - HOUR, "1.0", "1.1"), Reason.CHARGER, "no order of ours"),
        (NOON, None, None, Reason.CHARGER, "Changed at the charger"),
    ],
)
def test_what_differs_has_a_reason(agreed, order, update, reason, words):
    found, sentence = why_differs(agreed_at=agreed, order=order, update=update)
    assert found == reason
    assert words in sentence


# -- boot loops ------------------------------------------------------------------------------------------------------


def minutes(*numbers: float) -> list[datetime]:
    return [NOON + timedelta(minutes=number) for number in numbers]


def written(minute: float, *paths: str) -> WrittenAt:
    return WrittenAt(NOON + timedelta(minutes=minute), paths)


def test_the_last_write_before_three_boots_is_the_suspect():
    found = suspect(minutes(3, 5, 7), [written(0, "A"), written(2, "B")], [], window_s=900)
    assert found == (written(2, "B"), minutes(3, 5, 7))


def test_a_write_between_the_boots_is_not_blamed_for_those_before_it():
    found = suspect(minutes(3, 5, 7), [written(2, "A"), written(6, "B")], [], window_s=900)
    assert found is not None and found[0] == written(2, "A")


@pytest.mark.parametrize(
    ("boots", "resets"),
    [
        (minutes(3, 5), []),
        (minutes(3, 5, 20), []),  # the third is outside the window
        (minutes(3, 5, 7), minutes(2.5)),  # our reset explains the first
        (minutes(-3, -2, -1), []),  # before the write
    ],
)
def test_fewer_unexplained_boots_than_three_within_the_window_blame_nobody(boots, resets):
    assert suspect(boots, [written(2, "A")], resets, window_s=900) is None


@given(
    st.lists(st.integers(0, 3600), max_size=8, unique=True),
    st.lists(st.integers(0, 3600), max_size=5),
    st.lists(st.integers(0, 3600), max_size=3),
)
def test_whoever_is_blamed_was_followed_by_three_boots_within_the_window(boots, writes, resets):
    at = [NOON + timedelta(seconds=s) for s in boots]
    found = suspect(
        at,
        [WrittenAt(NOON + timedelta(seconds=s), (str(s),)) for s in writes],
        [NOON + timedelta(seconds=s) for s in resets],
        window_s=900,
    )
    if found is not None:
        write, after = found
        assert len(after) >= BOOTS
        assert all(write.at < boot <= write.at + timedelta(seconds=900) for boot in after)
