"""A CALL to make, and the queue of those to be made. Pure: knows no socket and no action's meaning."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

Payload = dict[str, Any]


class Kind(Enum):
    """What becomes of a CALL when the socket is lost, and whether it may go out before the boot is accepted."""

    BOOT = auto()
    TRIGGERED = auto()
    ORDINARY = auto()
    """Dropped with the socket: it would be stale."""
    KEPT = auto()
    """Waits for the next socket; an error settles it."""
    TRANSACTION = auto()
    """Waits for the next socket, in order, and is repeated after an error."""


KEPT_KINDS = (Kind.KEPT, Kind.TRANSACTION)


@dataclass(slots=True, eq=False)
class Call:
    """One CALL to make. `payload` may be a function: it is asked when the CALL goes out, not when it is queued."""

    action: str
    payload: Payload | Callable[[], Payload]
    kind: Kind = Kind.ORDINARY
    on_answer: Callable[[Payload], None] | None = None
    on_failure: Callable[[], None] | None = None
    id: str = ""
    tries: int = 0
    errors: int = 0
    not_before: float = 0.0

    @property
    def outlives_socket(self) -> bool:
        return self.kind in KEPT_KINDS

    def fail(self) -> None:
        if self.on_failure is not None:
            self.on_failure()


class Refused(Exception):
    """Answer the CSMS's CALL with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description


class Outbox:
    """CALLs in the order they were made. Each stays until it is settled: a lost socket loses none that matters."""

    __slots__ = ("_calls",)

    def __init__(self) -> None:
        self._calls: deque[Call] = deque()

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def owes(self) -> bool:
        """Are there transaction messages that nobody has answered yet?"""
        return any(call.kind is Kind.TRANSACTION for call in self._calls)

    def add(self, call: Call) -> None:
        self._calls.append(call)

    def remove(self, call: Call) -> None:
        self._calls.remove(call)

    def next(self, now: float, may_send: Callable[[Call], bool]) -> Call | None:
        """First that may go. A transaction message that waits for its retry holds back the others of its kind."""
        is_held = False
        for call in self._calls:
            if call.kind is Kind.TRANSACTION:
                is_held = is_held or call.not_before > now
                if is_held:
                    continue
            if may_send(call):
                return call
        return None

    def hasten(self) -> None:
        """A new socket: whatever waits for a retry may go at once."""
        for call in self._calls:
            call.not_before = 0.0

    def drop_stale(self) -> None:
        """The socket is gone: what was meant for it has failed, the rest waits for the next."""
        stale = [call for call in self._calls if not call.outlives_socket]
        self._calls = deque(call for call in self._calls if call.outlives_socket)
        for call in stale:
            call.fail()
