"""What a fleet has seen, counted. One object for all chargers of a process."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stats:
    """`connected` is a level, all else only grows. `notice` gets a sentence the first time a kind of refusal is met."""

    notice: Callable[[str], None]
    connected: int = 0
    frames_up: int = 0
    frames_down: int = 0
    sessions: int = 0
    tokens_refused: int = 0
    timeouts: int = 0
    errors: int = 0
    """CALLERRORs received."""
    given_up: int = 0
    """Transaction messages thrown away after their last attempt."""
    strays: int = 0
    """Answers nobody waited for, and frames that are none."""
    refusals: Counter[str] = field(default_factory=Counter)

    def refused(self, identity: str, kind: str, why: str) -> None:
        """A charger could not connect."""
        self.refusals[kind] += 1
        if self.refusals[kind] == 1:
            what = f"{kind} ({why})" if why else kind
            self.notice(f"Charger {identity!r} could not connect: {what}. {_way_out(kind, identity)}")


def _way_out(kind: str, identity: str) -> str:
    match kind:
        case "HTTP 404":
            return f"Register it: python3 manage.py create_charger {shlex.quote(identity)} --password P"
        case "HTTP 401" | "HTTP 403":
            return "Give its password with --password, or in the file of --fleet."
        case "HTTP 400":
            return "The CSMS does not speak this version: try another --ocpp."
        case "ConnectionRefusedError" | "gaierror" | "OSError":
            return "Is the CSMS up and --url right? It is tried again."
        case _:
            return "It is tried again."
