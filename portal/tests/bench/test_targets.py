"""What is asked of a yard, held against what a run showed."""

from __future__ import annotations

import pytest

from portal.bench import targets

MIX = {"answered_per_s": 900, "call_ms": {"p50": 31.0, "p99": 180.0}, "cpu_us_per_call_all": 1100}


def judged(results, *, parts="production", chargers=5000):
    return {verdict.target.figure: verdict for verdict in targets.verdicts(results, parts=parts, chargers=chargers)}


@pytest.mark.parametrize(
    ("figure", "floor", "goal"),
    [
        ("mix: CALLs/s", True, False),
        ("mix: p50 ms", False, False),
        ("mix: p99 ms", True, True),
        ("mix: ms CPU per CALL", True, False),
    ],
)
def test_a_figure_is_held_against_floor_and_goal(figure, floor, goal):
    verdict = judged({"mix": MIX})[figure]
    assert (verdict.meets_floor, verdict.meets_goal) == (floor, goal)


def test_less_is_asked_of_the_embedded_parts():
    verdict = judged({"mix": MIX | {"answered_per_s": 800}}, parts="embedded")["mix: CALLs/s"]
    assert (verdict.meets_floor, verdict.meets_goal) == (True, True)


def test_only_what_was_measured_is_judged():
    assert judged({"mix": MIX}).keys() == {"mix: CALLs/s", "mix: p50 ms", "mix: p99 ms", "mix: ms CPU per CALL"}
    assert not list(targets.lines([]))


def test_a_small_run_says_that_the_target_is_meant_for_more():
    verdict = judged({"mix": MIX}, chargers=200)["mix: p99 ms"]
    assert "meant for 5,000 chargers" in "\n".join(targets.lines([verdict]))


def test_a_refusal_counts_as_a_handshake_and_one_without_a_way_back_as_a_fault():
    times = {"handshake_ms": {"max": 800.0}, "refused_after_ms": {"max": 2500.0}, "refusals": {"503": 7, "500": 2}}
    storm = times | {"through_95_s": 20.0, "through_all_s": 31.0}
    verdicts = judged({"leave": times, "storm": storm}, chargers=10000)
    assert verdicts["leave: longest handshake s"].value == 2.5
    assert verdicts["storm: refused but by 503/429"].value == 2
