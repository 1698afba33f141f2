"""Sites as trees of limits: what is left for cars, and trees that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from smartcharging.grid import Building, ImpossibleTree, Node, Place, Signal, Site

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
GRID = Node("grid", "connection", (100, 100, 100))
CIRCUIT = Node("c1", "circuit 1", (32, 32, 32), parent="grid")


def limits(site, at=NOW, **more):
    network = site.network(at, **more)
    return dict(zip(network.names, network.limits_a.tolist(), strict=True))


def test_an_evse_counts_on_every_node_above_it_and_on_the_phases_it_is_wired_to():
    site = Site([GRID, CIRCUIT], [Place("a", "c1", phases=1, rotation="STR"), Place("b", "grid")])
    network = site.network(NOW)
    on = {name: row.tolist() for name, row in zip(network.names, network.coefficients, strict=True)}
    assert on["connection, L1"] == [0, 1]
    assert on["connection, L2"] == [1, 1]
    assert on["circuit 1, L2"] == [1, 0]


def test_building_and_buffer_leave_the_rest_to_the_cars():
    root = Node("grid", "connection", (100, 100, 100), buffer_a=5)
    building = Building((80, 80, 80), measured_a=(20, 30, -10), measured_at=NOW)
    assert list(limits(Site([root], [Place("a", "grid")], building=building)).values()) == [75, 65, 105]


@pytest.mark.parametrize("told_at", [None, NOW - timedelta(seconds=61), NOW + timedelta(minutes=5)])
def test_a_meter_that_is_silent_or_ahead_of_time_counts_as_the_worst(told_at):
    building = Building((80, 80, 80), measured_a=(0, 0, 0), measured_at=told_at)
    assert limits(Site([GRID], [Place("a", "grid")], building=building))["connection, L1"] == 20


def test_a_meter_that_shows_no_number_counts_as_the_worst():
    building = Building((80, 80, 80), measured_a=(float("nan"), 0, 0), measured_at=NOW)
    assert limits(Site([GRID], [Place("a", "grid")], building=building))["connection, L1"] == 20


def test_the_lowest_signal_counts_while_it_holds_and_is_named():
    signals = [
        Signal("grid operator", 23_000, NOW - timedelta(hours=1), NOW + timedelta(hours=1)),
        Signal("tariff", 11_500, NOW + timedelta(minutes=4)),
    ]
    site = Site([GRID], [Place("a", "grid")], signals=signals)
    assert limits(site)["grid operator, power"] == 100
    assert "tariff, power" not in limits(site)
    assert limits(site, ahead=timedelta(minutes=5))["tariff, power"] == 50  # a lease must not outlast what it rests on


def test_watts_count_over_the_phases():
    site = Site([Node("grid", "connection", (100,) * 3, limit_w=23_000)], [Place("a", "grid"), Place("b", "grid", 1)])
    network = site.network(NOW)
    assert network.coefficients[3].tolist() == [3, 1]
    assert network.limits_a[3] == 100


@pytest.mark.parametrize(
    ("nodes", "places", "sentence"),
    [
        ([], [], "one grid connection"),
        ([GRID, Node("x", "second", (9, 9, 9))], [], "one grid connection"),
        ([GRID, Node("c", "circuit", (125, 9, 9), parent="grid")], [], "bears 125 A on L1, more than the 100 A"),
        ([GRID, Node("c", "circuit", (9, 9, 9), parent="moon")], [], "hangs on 'moon'"),
        ([GRID, Node("a", "a", (9, 9, 9), parent="b"), Node("b", "b", (9, 9, 9), parent="a")], [], "below itself"),
        ([Node("g", "connection", (40, 0, 0)), Node("c", "c", (9, 9, 0), parent="g")], [], "has L2, but 'connection'"),
        ([Node("g", "connection", (40, 0, 0))], [Place("e", "g")], "draws from L2, L3"),
        ([Node("g", "connection", (-1, 0, 0))], [], "L1 of 'connection' is -1; it must be 0 to 10000"),
        ([Node("g", "connection", (float("inf"), 0, 0))], [], "is inf"),
        ([GRID], [Place("e", "grid", rotation="XYZ")], "rotation 'XYZ'"),
        ([GRID], [Place("e", "grid", phases=5)], "has 5 phases"),
        ([GRID], [Place("e", "grid", cable_a=0)], "cable for 0 A"),
        ([GRID], [Place("e", "nowhere")], "hangs on 'nowhere'"),
    ],
)
def test_a_tree_that_cannot_be_is_refused_in_words(nodes, places, sentence):
    with pytest.raises(ImpossibleTree, match=sentence):
        Site(nodes, places)
