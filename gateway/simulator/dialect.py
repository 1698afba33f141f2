"""What an OCPP version has to provide, and what it may ask of the agent it speaks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from gateway.simulator.calls import Call, Payload
from gateway.simulator.charger import Charger
from gateway.simulator.configuration import Verdict
from gateway.simulator.events import Event, JobKind, JobStep, State, StatusChanged, Topic


class Agent(Protocol):
    """The charger with its line, as a dialect sees it."""

    charger: Charger
    faulted: set[int]
    """Connectors whose fault was told as an event of its own."""

    @property
    def is_online(self) -> bool: ...
    @property
    def owes(self) -> bool:
        """Are transaction messages waiting to be answered?"""
        ...

    def queue(self, call: Call) -> None: ...
    def change_setting(self, name: str, value: str) -> Verdict: ...
    def change_password(self, password: str) -> None: ...
    def update_firmware(self, kind: JobKind, url: str, retrieve_at: float, request_id: int | None) -> bool:
        """True if it took the place of an update that had not ended."""
        ...

    def upload_log(self, kind: JobKind, url: str, request_id: int | None) -> str:
        """Begin an upload; returns the file's name."""
        ...

    def job_step(self, *kinds: JobKind) -> tuple[JobKind, JobStep, int | None]:
        """Where the last job of these kinds stands."""
        ...

    def ask(self, topic: Topic, number: int = 0) -> None:
        """Tell this, because the CSMS triggered it."""
        ...


Handler = Callable[[Agent, Payload], Payload]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version of OCPP. `report` turns an event into CALLs, `handlers` the CSMS's CALLs into verbs and an answer."""

    subprotocol: str
    boot: Callable[[Charger, str], Call]
    heartbeat: Callable[[], Call]
    status_name: Callable[[State], str]
    status: Callable[[Agent, StatusChanged], Iterable[Call]]
    report: Callable[[Agent, Event], Iterable[Call]]
    handlers: Mapping[str, Handler]
    malformed: str
    """CALLERROR code for a payload that cannot be read."""
    tells_whole_charger: bool
    """Has the charger itself a status (connector 0)?"""


def wire_time(at: float) -> str:
    """Epoch seconds as UTC with milliseconds and Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def epoch(text: str) -> float:
    """A date-time from the wire as epoch seconds; without a zone it is UTC. Raises ValueError."""
    when = datetime.fromisoformat(text)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
