"""What a run of chaos says at its end, and how it knows when a fault is over."""

from __future__ import annotations

from portal.bench.histogram import Histogram
from portal.chaos import report
from portal.chaos.drama import Act, Outcome
from portal.chaos.timeline import Timeline

FIGURES = {
    "attempted": 20, "acknowledged": 20, "stored": 30, "sessions": 4, "for review": 0, "orders": 2, "obeyed": 2,
}  # fmt: skip
TIMES = {"p50": 12.0, "p99": 40.0}


def an_act(**changes: object) -> Act:
    values = {
        "recovered_s": 1.5, "all_back_s": 2.0, "caught_up_s": 3.0,
        "before_ms": TIMES, "during_ms": TIMES, "after_ms": TIMES, "closes": {"1013": 7},
    }  # fmt: skip
    return Act("kill:worker", 0.5, **values | changes)  # type: ignore[arg-type]


def text(outcome: Outcome) -> str:
    return "\n".join(report.lines(outcome))


def test_where_every_promise_held_it_says_so():
    outcome = Outcome([an_act()], figures=FIGURES, sent=50)
    assert outcome.is_clean
    assert "Every promise held." in text(outcome)
    assert "7×1013" in text(outcome)
    assert "!" not in text(outcome)


def test_a_broken_promise_is_counted_and_told_in_words():
    outcome = Outcome([an_act()], figures=FIGURES, counts={"lost": 2}, breaches={"lost": ["CHAOS-00007 was told …"]})
    assert not outcome.is_clean
    assert "2  lost" in text(outcome)
    assert "CHAOS-00007 was told" in text(outcome)
    assert "A PROMISE BROKE." in text(outcome)


def test_each_way_in_which_a_run_proves_nothing_is_a_failure():
    assert not Outcome([an_act()]).is_clean  # nothing was confirmed at all
    assert not Outcome([an_act()], figures=FIGURES, unconfirmed=1).is_clean
    assert not Outcome([an_act(caught_up_s=None)], figures=FIGURES).is_clean


def test_a_slow_recovery_is_marked_and_no_failure():
    outcome = Outcome([an_act(recovered_s=16.0)], figures=FIGURES)
    assert outcome.is_clean
    assert "16.0!" in text(outcome)
    assert "slower than 15 s to recover (!): kill:worker" in text(outcome)


def test_every_promise_that_the_checker_knows_has_its_line():
    assert set(report.PROMISES) >= {"lost", "double", "wrong owner", "invented", "one stop", "sequence", "energy"}


def test_the_seconds_of_a_fault_are_told_apart_from_those_around_it():
    timeline, slow = Timeline(), Histogram()
    slow.add(1.0)
    for second, acknowledged in enumerate((10, 0, 0, 4, 9)):
        dumped = slow.dump() if second == 3 else []
        timeline.rows.append(
            {"at": float(second), "acknowledged": acknowledged, "times": dumped, "closes": {"1012": 1}}
        )
    assert timeline.first("acknowledged", 5, since=1) == 3.0
    assert timeline.first("acknowledged", 20, since=1) is None
    assert timeline.total("acknowledged", 2, 4) == 13
    assert timeline.times(0, 2).count == 0
    assert timeline.times(2, 3).count == 1
    assert timeline.counts("closes", 1, 3) == {"1012": 2}
