"""Where a process can be made to die, to prove that nothing is lost: ``CHARGEYARD_CRASH_AT=point[:nth][,point…]``.

A point stands in the code as ``crash.at("worker.after_commit")``: a call of an empty function, unless the variable is
set, which is looked up once, at import. The process that comes there for the nth time kills itself with SIGKILL. Once:
it leaves the file ``crashed-at-<point>`` in ``CHARGEYARD_HOME``, and while that lies there nobody dies there again.

What no line of ours can stand for (the broker, Redis, PostgreSQL, the machine) is killed from outside: `portal.chaos`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "CHARGEYARD_CRASH_AT"


@dataclass(frozen=True, slots=True)
class Point:
    """``kill_point``: the name that our papers give it, if they have one; ``dies``: which process."""

    kill_point: str
    dies: str
    left_behind: str
    healed_by: str


POINTS: Mapping[str, Point] = {
    "gateway.after_claim": Point(
        "", "gateway", "a charger counts as online and has no socket", "the gateway's last will; its next handshake"
    ),
    "gateway.before_publish": Point("K1", "gateway", "nothing", "the charger, which sends again once it is back"),
    "gateway.reply_arrived": Point("K2", "gateway", "stored, not confirmed", "the answer kept for a repeated CALL"),
    "gateway.reply_written": Point("K3", "gateway", "stored, perhaps confirmed", "the answer kept for a repeated CALL"),
    "gateway.answer_arrived": Point(
        "K17", "gateway", "a command that was obeyed, and counts as sent", "its time limit: no answer; never sent again"
    ),
    "worker.frame_heard": Point("K6", "worker", "nothing", "the broker (no acknowledgement), or the gateway after 5 s"),
    "worker.in_transaction": Point("K11", "hand", "nothing: rolled back", "the foreman, who gives it to a new hand"),
    "worker.before_commit": Point("K6", "hand", "nothing: rolled back", "the foreman, who gives it to a new hand"),
    "worker.after_commit": Point("K12", "hand", "stored, nobody knows", "a new hand, which finds it stored"),
    "worker.before_reply": Point("K12", "worker", "stored, not confirmed", "the broker or the gateway: it comes again"),
    "worker.before_ack": Point("K7", "worker", "stored and confirmed", "the broker delivers again, and it is found"),
    "worker.before_news": Point("K8", "hand", "stored and confirmed; browsers and tasks hear nothing", "beat's sweeps"),
    "worker.task_taken": Point("K10", "task", "a command that waits, without its doorbell", "beat's sweep"),
    "delivery.after_claim": Point(
        "K16", "task", "a command that counts as sent and was not", "its time limit: no answer; never sent again"
    ),
}


def _pass(point: str) -> None:
    """What `at` is unless somebody asked for a crash."""


def armed(told: str, home: Path) -> Callable[[str], None]:
    """What `at` has to be for ``told``, the variable's text. Raises SystemExit for a point that there is not."""
    if not told:
        return _pass
    left: dict[str, int] = {}
    for word in told.split(","):
        name, _, nth = word.partition(":")
        if name not in POINTS or not (nth or "1").isdecimal():
            raise SystemExit(f"{VARIABLE} has {word!r}; it reads point or point:nth, with one of {', '.join(POINTS)}.")
        left[name] = int(nth or 1)

    def count_down(point: str) -> None:
        if point in left:
            left[point] -= 1
            if left[point] == 0 and _first(trace(home, point)):
                os.kill(os.getpid(), signal.SIGKILL)

    return count_down


def trace(home: Path, point: str) -> Path:
    """The file that tells that somebody died there."""
    return home / f"crashed-at-{point}"


def _first(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


at = armed(os.environ.get(VARIABLE, ""), Path(os.environ.get("CHARGEYARD_HOME", "var")))
