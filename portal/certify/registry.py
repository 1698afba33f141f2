"""Which scenario proves which case."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Play = Callable[[Any], Awaitable[None]]
P = TypeVar("P", bound=Play)


@dataclass(frozen=True, slots=True)
class Scenario:
    play: Play  # with a station of the case's version
    is_booted: bool = True  # the station has connected and booted before
    needs_tls: bool = False


SCENARIOS: dict[str, Scenario] = {}


def proves(*cases: str, is_booted: bool = True, needs_tls: bool = False) -> Callable[[P], P]:
    """Register the scenario of cases."""

    def register(play: P) -> P:
        for case in cases:
            add(case, play, is_booted=is_booted, needs_tls=needs_tls)
        return play

    return register


def add(case: str, play: Play, *, is_booted: bool = True, needs_tls: bool = False) -> None:
    assert case not in SCENARIOS, f"{case} has a scenario already"
    SCENARIOS[case] = Scenario(play, is_booted, needs_tls)
