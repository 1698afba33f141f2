"""The histories against the rows: what was confirmed is stored, what is stored was said, each once, with its owner.

Reads histories and database, and nothing else: it believes no log and no figure. In the environment of the yard:
`python -m portal.chaos.checker CHARGERS HISTORY…` prints its verdict as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import django

from portal.chaos import history

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()

from chargers.models import Charger, Command, CommandStatus, Connection, DeadLetter
from sessions import truth
from sessions.models import ChargingSession, MeterValue, SessionEvent

Entry = dict[str, Any]

STARTED, UPDATED, STOPPED = "started", "updated", "stopped"
KINDS = {"Started": STARTED, "Updated": UPDATED, "Ended": STOPPED}
METER = "meter value"
JUMP = timedelta(minutes=30)  # of a clock; the smallest of ours is an hour
SHOWN = 50  # of each kind of breach, in words


class Fact(NamedTuple):
    """What tells a stored record from every other of the fleet: its kind, the charger's time, its register in Wh."""

    kind: str
    device_time: str
    wh: int

    def __str__(self) -> str:
        return f"{self.kind} at {self.device_time}, {self.wh} Wh"


class Said(NamedTuple):
    charger: str
    number: int
    transaction_id: str  # "" for a start of 1.6


class Stored(NamedTuple):
    charger: str
    session_id: int | None


@dataclass(slots=True)
class Verdict:
    """``breaches``: sentences by the promise that they break."""

    figures: dict[str, int] = field(default_factory=dict)
    breaches: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def is_clean(self) -> bool:
        return not any(self.breaches.values())

    def breach(self, promise: str, sentence: str) -> None:
        self.breaches[promise].append(sentence)


def facts_of(action: str, payload: Entry) -> Iterator[Fact]:
    """The facts in a record."""
    if action == "StartTransaction":
        yield Fact(STARTED, payload["timestamp"], payload["meterStart"])
    elif action == "StopTransaction":
        yield Fact(STOPPED, payload["timestamp"], payload["meterStop"])
    elif action == "TransactionEvent":
        yield Fact(KINDS[payload["eventType"]], payload["timestamp"], _register(payload["meterValue"][0]))
    for value in payload.get("meterValue", ()):
        yield Fact(METER, value["timestamp"], _register(value))


def _register(value: Entry) -> int:
    return int(value["sampledValue"][0]["value"])


class Books:
    """Both sides, read once."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.attempted: dict[Fact, Said] = {}
        self.acknowledged: set[Fact] = set()
        self.numbers_told: dict[Fact, str] = {}  # of starts (1.6): the transaction id in the answer
        self.ordered: dict[str, Entry] = {}
        self.obeyed: list[tuple[str, str]] = []  # message id, charger
        self.records: Counter[str] = Counter()
        self._read(entries)
        self.stored: defaultdict[Fact, list[Stored]] = defaultdict(list)
        self.sessions = {
            session.pk: session
            for session in ChargingSession.objects.select_related("charger").order_by().iterator(5000)
        }
        self.events: defaultdict[int, list[tuple[str, int | None]]] = defaultdict(list)  # by session: kind, seqNo
        self._look_up()

    def _read(self, entries: Iterable[Entry]) -> None:
        by_record: dict[tuple[str, int], list[Fact]] = {}
        for entry in entries:
            match entry:
                case {"attempted": number, "charger": charger, "action": action, "payload": payload}:
                    facts = by_record[charger, number] = list(facts_of(action, payload))
                    named = payload.get("transactionInfo", payload).get("transactionId", "")
                    self.attempted |= dict.fromkeys(facts, Said(charger, number, str(named)))
                    self.records["attempted"] += 1
                case {"acknowledged": number, "charger": charger, "answer": answer}:
                    facts = by_record[charger, number]
                    self.acknowledged.update(facts)
                    if "transactionId" in answer:
                        self.numbers_told[facts[0]] = str(answer["transactionId"])
                    self.records["acknowledged"] += 1
                case {"obeyed": message_id, "charger": charger}:
                    self.obeyed.append((message_id, charger))
                case {"ordered": key}:
                    self.ordered[key] = entry

    def _look_up(self) -> None:
        rows = SessionEvent.objects.filter(is_conflict=False).order_by()
        columns = ("charger__identity", "session_id", "kind", "device_time", "seq_no", "payload")
        for charger, session_id, kind, device_time, seq_no, payload in rows.values_list(*columns).iterator(5000):
            self.stored[Fact(kind, device_time, _wh_of(kind, payload["facts"]))].append(Stored(charger, session_id))
            if session_id is not None:
                self.events[session_id].append((kind, seq_no))
        values = MeterValue.objects.filter(is_suspect=False).order_by()
        names = ("charger__identity", "session_id", "device_time", "energy_wh")
        for charger, session_id, device_time, energy_wh in values.values_list(*names).iterator(5000):
            self.stored[Fact(METER, device_time, round(energy_wh or 0))].append(Stored(charger, session_id))


def _wh_of(kind: str, facts: Entry) -> int:
    names = ("meter_stop_wh", "meter_last_wh") if kind == STOPPED else ("meter_start_wh", "meter_first_wh")
    return round(next((facts[name] for name in names if facts.get(name) is not None), 0))


def check(entries: Iterable[Entry]) -> Verdict:
    books, verdict = Books(entries), Verdict()
    _check_records(books, verdict)
    for session in books.sessions.values():
        _check_session(session, books, verdict)
    _check_twins(books, verdict)
    _check_orders(books, verdict)
    conflicts = (
        SessionEvent.objects.filter(is_conflict=True).count() + MeterValue.objects.filter(is_suspect=True).count()
    )
    dead = DeadLetter.objects.count()
    if conflicts:
        verdict.breach("conflicts", f"{conflicts} facts are kept in two versions; the fleet told only one of each.")
    if dead:
        verdict.breach("dead letters", f"{dead} frames could not be digested; each was sound.")
    verdict.figures = {
        "attempted": books.records["attempted"],
        "acknowledged": books.records["acknowledged"],
        "facts acknowledged": len(books.acknowledged),
        "stored": sum(map(len, books.stored.values())),
        "sessions": len(books.sessions),
        "for review": sum(session.needs_review for session in books.sessions.values()),
        "conflicts": conflicts,
        "dead letters": dead,
        "orders": len(books.ordered),
        "obeyed": len(books.obeyed),
    }
    return verdict


def _check_records(books: Books, verdict: Verdict) -> None:
    for fact in books.acknowledged:
        if fact not in books.stored:
            said = books.attempted[fact]
            verdict.breach("lost", f"{said.charger} was told that its record {said.number} is stored: {fact}.")
    for fact, rows in books.stored.items():
        said_by = books.attempted.get(fact)
        if said_by is None:
            verdict.breach("invented", f"Nobody said what {rows[0].charger} has: {fact}.")
            continue
        if len(rows) > 1:
            verdict.breach("double", f"{len(rows)} rows for record {said_by.number} of {said_by.charger}: {fact}.")
        for row in rows:
            _check_owner(fact, said_by, row, books, verdict)


def _check_owner(fact: Fact, said: Said, row: Stored, books: Books, verdict: Verdict) -> None:
    if row.charger != said.charger:
        verdict.breach("wrong owner", f"{row.charger} has what {said.charger} said: {fact}.")
        return
    session = books.sessions.get(row.session_id or 0)
    told = books.numbers_told.get(fact) or said.transaction_id
    if session is None:
        verdict.breach("wrong owner", f"It belongs to no session: {fact} of {said.charger}.")
    elif session.charger.identity != said.charger or (told and session.transaction_id != told):
        verdict.breach(
            "wrong owner",
            f"{said.charger} said {fact} of its transaction {told!r}; it is in {session.transaction_id!r} "
            f"of {session.charger.identity}.",
        )


def _check_session(session: ChargingSession, books: Books, verdict: Verdict) -> None:
    events = books.events[session.pk]
    name = f"Session {session.pk} of {session.charger.identity}"
    starts, stops = (sum(kind == wanted for kind, _ in events) for wanted in (STARTED, STOPPED))
    if stops > 1 or starts > 1:
        verdict.breach("one stop", f"{name} has {starts} starts and {stops} stops.")
    if (session.stopped_at is not None) != (stops > 0):
        verdict.breach("one stop", f"{name} has {stops} stops and ended {session.stopped_at}.")
    numbers = {seq_no for _, seq_no in events if seq_no is not None}
    has_gap = not starts or (bool(numbers) and numbers != set(range(max(numbers) + 1)))
    if has_gap != session.is_incomplete:
        verdict.breach("sequence", f"{name} has events {sorted(numbers)}; is_incomplete is {session.is_incomplete}.")
    if stops and starts:
        drawn = (session.meter_stop_wh or 0) - (session.meter_start_wh or 0)
        if (session.energy_wh != drawn or drawn < 0) and not _is_in_doubt_by_its_clock(session):
            why = " ".join(session.review_reasons)
            verdict.breach("energy", f"{name}: {session.energy_wh} Wh; its registers say {drawn}. {why}".strip())


def _is_in_doubt_by_its_clock(session: ChargingSession) -> bool:
    """A clock was put forward in it: seconds look like an hour, and the few Wh of them like kWh that say Wh."""
    begun, ended = session.started_received_at, session.stopped_received_at
    if session.energy_wh is not None or session.review_reasons != [truth.THOUSANDTH]:
        return False
    if session.stopped_at is None or begun is None or ended is None:
        return False
    return (session.stopped_at - session.started_at) - (ended - begun) > JUMP


def _check_twins(books: Books, verdict: Verdict) -> None:
    """Two sessions that stand for one start, whether the fleet was told of both or not."""
    starts = Counter(
        (session.charger.identity, session.started_device_time, session.meter_start_wh)
        for session in books.sessions.values()
    )
    for (charger, device_time, wh), times in starts.items():
        if times > 1:
            verdict.breach("double", f"{times} sessions for one start of {charger} at {device_time}, {wh} Wh.")


def _check_orders(books: Books, verdict: Verdict) -> None:
    commands = {str(command.pk): command for command in Command.objects.select_related("charger").order_by()}
    for key, entry in books.ordered.items():
        if entry["command"] is not None and entry["command"] not in commands:
            verdict.breach("orders lost", f"Order {key} to {entry['charger']} was accepted and is not stored.")
    for command in commands.values():
        if command.is_open:
            verdict.breach("orders open", f"{command.pk} ({command}) is still {command.status}.")
    for (message_id, charger), times in Counter(books.obeyed).items():
        given = commands.get(message_id)
        if times > 1:
            verdict.breach("orders twice", f"{charger} was given {message_id} {times} times.")
        if given is None or given.charger.identity != charger:
            verdict.breach("wrong owner", f"{charger} was given {message_id}, an order to {given and given.charger}.")
        elif given.status in (CommandStatus.EXPIRED, CommandStatus.CANCELLED):
            verdict.breach("orders twice", f"{charger} was given {message_id}, which counts as {given.status}.")


def check_presence(chargers: int, verdict: Verdict) -> None:
    """While all of the fleet is connected and has been for a while: it counts as online, with one connection each."""
    online = Charger.objects.filter(is_online=True).count()
    if online != chargers:
        verdict.breach("presence", f"{chargers} chargers are connected, {online} count as online.")
    is_open = Counter(Connection.objects.filter(disconnected_at=None).values_list("charger__identity", flat=True))
    for charger, times in is_open.items():
        if times > 1:
            verdict.breach("presence", f"{charger} has {times} open connections in the books.")


def main(chargers: int, paths: list[Path]) -> None:
    verdict = check(history.read(paths))
    if chargers:
        check_presence(chargers, verdict)
    counts = {promise: len(sentences) for promise, sentences in verdict.breaches.items()}
    shown = {promise: sentences[:SHOWN] for promise, sentences in verdict.breaches.items()}
    print(json.dumps(asdict(Verdict(verdict.figures, shown)) | {"counts": counts}))  # noqa: T201 - its result


if __name__ == "__main__":
    main(int(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
