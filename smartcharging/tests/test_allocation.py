"""Who gets how much of a site's current: fair, whole amperes, and never above a limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartcharging import plan
from smartcharging.allocation import Network, need_a, share
from smartcharging.tests.networks import deltas, plain, trees

NAN = float("nan")


def amps(network, upper, **more):
    more = {name: np.array(value, float) if isinstance(value, list) else value for name, value in more.items()}
    return share(network, np.array(upper, float), **more).amperes.tolist()


def test_alike_cars_get_alike():
    assert amps(plain((32, 1, 1)), [32, 32]) == [16, 16]


def test_nobody_gets_more_than_it_can_take_and_the_rest_goes_to_the_others():
    assert amps(plain((40, 1, 1, 1)), [8, 32, 32]) == [8, 16, 16]


def test_a_circuit_holds_back_only_those_on_it():
    assert amps(plain((50, 1, 1, 1), (16, 1, 1, 0)), [32, 32, 32]) == [8, 8, 32]


def test_below_6_amperes_the_latest_waits_instead_of_everybody_getting_too_little():
    result = share(plain((20, 1, 1, 1, 1)), np.full(4, 32.0))
    assert result.amperes.tolist() == [7, 7, 6, 0]
    assert result.is_admitted.tolist() == [True, True, True, False]


def test_the_most_urgent_is_admitted_first():
    result = share(plain((12, 1, 1, 1)), np.full(3, 32.0), urgency=np.array([0.0, 1.0, 2.0]))
    assert result.is_admitted.tolist() == [False, True, True]


def test_what_a_car_needs_comes_before_what_another_would_like():
    assert amps(plain((40, 1, 1)), [32, 32], need_a=[26, 2])[0] >= 26


def test_a_car_whose_need_nobody_knows_counts_as_the_one_in_the_middle():
    middle = amps(plain((60, 1, 1, 1)), [32, 32, 32], need_a=[30, NAN, 10], step_a=0)
    assert middle[0] > middle[1] > 0


def test_shares_are_whole_amperes_and_what_rounding_leaves_is_handed_out():
    result = amps(plain((50, 1, 1, 1)), [32, 32, 32])
    assert sorted(result) == [16, 17, 17]


def test_tenths_are_given_where_the_charger_takes_them():
    assert amps(plain((50, 1, 1, 1)), [32, 32, 32], step_a=0.1) == pytest.approx([16.7, 16.7, 16.6])


def test_whoever_is_held_back_learns_by_what():
    network = Network(np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]]), np.array([80.0, 16.0]), ["panel", "circuit 1"])
    result = share(network, np.array([32.0, 32.0, 10.0]))
    assert [network.names[k] if k >= 0 else "" for k in result.bound_by] == ["circuit 1", "circuit 1", ""]


def test_a_site_that_bears_nothing_gives_nothing():
    assert amps(plain((-5, 1, 1)), [32, 32]) == [0, 0]
    assert amps(plain((0, 1, 1)), [32, 32]) == [0, 0]


def test_a_plan_goes_before_the_need():
    result = amps(plain((30, 1, 1)), [32, 32], need_a=[25, 5], plan_a=[6, 24])
    assert result == [6, 24]


def test_need_is_what_is_left_over_the_time_that_is_left():
    found = need_a(np.array([11_040.0, 100.0, 100.0, 0.0]), np.array([7200.0, NAN, -5.0, -5.0]), 230.0, 3)
    assert found.tolist() == [8.0, 0.0, float("inf"), 0.0]


def test_a_wrong_vector_is_named():
    with pytest.raises(ValueError, match="upper_a"):
        share(plain((32, 1, 1)), np.full(3, 32.0))
    with pytest.raises(ValueError, match="must be numbers"):
        plain((NAN, 1))


cars = st.tuples(st.floats(0, 64), st.floats(0, 64) | st.just(NAN), st.floats(-5, 5))


def drawn(network, data):
    count = network.coefficients.shape[1]
    columns = zip(*data.draw(st.lists(cars, min_size=count, max_size=count)), strict=True)
    return [np.array(column) for column in columns]


@given(network=trees() | deltas(), data=st.data(), step=st.sampled_from([0.0, 0.1, 1.0]), floor=st.sampled_from([0, 6]))
def test_no_limit_is_ever_broken(network, data, step, floor):
    upper, need, urgency = drawn(network, data)
    result = share(network, upper, need_a=need, urgency=urgency, floor_a=floor, step_a=step)
    assert network.bears(result.amperes)
    assert np.all(result.amperes <= np.maximum(np.where(upper > 0, max(floor, 0), 0), upper + max(step, 1e-6)) + 1e-6)
    assert np.all((result.amperes == 0) | (result.amperes >= floor - 1e-9))
    if step:
        assert np.allclose(result.amperes / step, np.round(result.amperes / step), atol=1e-6)


@given(network=trees(), data=st.data())
def test_nobody_is_held_back_by_a_limit_that_has_room(network, data):
    upper, need, _ = drawn(network, data)
    result = share(network, upper, need_a=need, floor_a=0, step_a=0)
    room = network.limits_a - network.loads_a(result.amperes)
    for i in np.flatnonzero(result.amperes < upper - 1e-5):
        assert np.any(room[network.coefficients[:, i] > 0] < 1e-4), f"EVSE {i} could have had more"


@given(network=trees(), data=st.data())
def test_no_equal_gets_more_while_one_with_less_could_have_it(network, data):
    """Max-min: of two with the same weight on exactly the same limits, the shares differ only by what they can take."""
    upper, _, _ = drawn(network, data)
    result = share(network, upper, floor_a=0, step_a=0).amperes
    for i in range(len(upper)):
        for j in range(i):
            if np.array_equal(network.coefficients[:, i], network.coefficients[:, j]):
                low, high = sorted((i, j), key=lambda n: result[n])
                assert result[low] >= min(result[high], upper[low]) - 1e-5


# -- ahead -------------------------------------------------------------------------------------------------------------


def test_a_plan_fills_who_leaves_first_and_the_other_later():
    early, late = plan.ahead(plain((32, 1, 1)), np.full(2, 32.0), np.array([32.0, 32.0]), np.array([1.0, 2.0]))
    assert early[:4].sum() / 4 == pytest.approx(32)
    assert late[4:].sum() / 4 == pytest.approx(32)


def test_a_plan_waits_for_the_cheap_hour():
    price = np.array([0.9] * 4 + [0.1] * 4)
    (car,) = plan.ahead(plain((32, 1)), np.array([32.0]), np.array([20.0]), np.array([2.0]), price=price)
    assert car[:4].sum() == pytest.approx(0, abs=1e-6)
    assert car.sum() / 4 == pytest.approx(20)


def test_a_plan_leaves_out_what_costs_more_than_it_is_worth():
    (car,) = plan.ahead(plain((32, 1)), np.array([32.0]), np.array([20.0]), np.array([1.0]), price=np.full(4, 1.5))
    assert car.sum() == pytest.approx(0, abs=1e-6)


@given(network=trees(6) | deltas(4), data=st.data())
def test_a_plan_breaks_no_limit_in_any_slot(network, data):
    upper, rest, _ = drawn(network, data)
    hours = np.array(data.draw(st.lists(st.floats(-1, 3), min_size=len(upper), max_size=len(upper))))
    planned = plan.ahead(network, upper, np.nan_to_num(rest), hours)
    assert all(np.all(network.loads_a(column) <= network.limits_a * 1.0001 + 1e-4) for column in planned.T)
    assert np.all(planned <= upper[:, None] + 1e-6)


NONSENSE = st.sampled_from([float("nan"), float("inf"), float("-inf"), -5.0, 0.0, 1e300, 12.0])


@given(network=trees(), data=st.data())
def test_whatever_nonsense_comes_in_no_limit_is_broken(network, data):
    count = network.coefficients.shape[1]
    upper, need, plan, weight, urgency = (
        np.array(data.draw(st.lists(NONSENSE, min_size=count, max_size=count))) for _ in range(5)
    )
    result = share(network, upper, need_a=need, plan_a=plan, weight=weight, urgency=urgency)
    assert network.bears(result.amperes)
    assert np.all(np.isfinite(result.amperes) & (result.amperes >= 0))
    assert not np.any(result.amperes[~(upper > 0)])
