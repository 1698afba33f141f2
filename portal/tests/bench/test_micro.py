"""What `bench_frames` measures, it measures without a database: none is allowed here."""

from __future__ import annotations

import pytest

from portal.bench import micro


def test_the_figures_of_frames_need_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(micro, "ROUNDS", 1)
    monkeypatch.setattr(micro, "REPEATS", 1)
    figures = micro.validation() + micro.dispatching()
    assert len(figures) == 12 and all(figure.microseconds > 0 for figure in figures)
    assert {figure.goal for figure in figures} == {None, micro.VALIDATION_GOAL_US, micro.DISPATCH_GOAL_US}
