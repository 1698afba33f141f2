"""What a fleet was told is stored, against what is stored. Knows the simulator's ledger and our tables, no process.

A ledger has one JSON line per transaction message that the CSMS has confirmed: ``{"identity", "action", "payload",
"answer"}``. *Missing*: confirmed and not in the database. *Double*: in the database more than once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from django.db.models import Count

from chargers.models import fold
from sessions.models import ChargingSession, MeterValue, SessionEvent

Entry = dict[str, Any]


@dataclass(slots=True)
class Verdict:
    checked: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return bool(self.checked) and not self.missing and not self.double

    def count(self, what: str, found: int, where: str) -> None:
        """Note that ``found`` rows stand for one confirmed fact."""
        self.checked[what] = self.checked.get(what, 0) + 1
        if found == 0:
            self.missing.append(f"{what}: {where}")
        elif found > 1:
            self.double.append(f"{what} ({found} times): {where}")


def read(path: Path) -> Iterator[Entry]:
    with path.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)


def compare(entries: Iterable[Entry]) -> Verdict:
    """Look up each confirmed message, once however often it was confirmed."""
    verdict = Verdict()
    seen: set[bytes] = set()
    for entry in entries:
        fingerprint = orjson.dumps([entry["identity"], entry["action"], entry["payload"]], option=orjson.OPT_SORT_KEYS)
        if fingerprint not in seen:
            seen.add(fingerprint)
            CHECKS[entry["action"]](verdict, fold(entry["identity"]), entry["payload"], entry["answer"])
    _count_doubles(verdict)
    return verdict


def _start(verdict: Verdict, identity: str, payload: Entry, answer: Entry) -> None:
    sessions = ChargingSession.objects.filter(
        charger__identity_folded=identity,
        evse_id=payload["connectorId"],
        meter_start_wh=payload["meterStart"],
        started_device_time=payload["timestamp"],
    )
    where = f"{identity} connector {payload['connectorId']} at {payload['timestamp']}"
    verdict.count("start", sessions.count(), where)
    told = sessions.filter(transaction_id=str(answer["transactionId"])).count()
    verdict.count("transaction id as told", told, f"{where}, told {answer['transactionId']}")


def _stop(verdict: Verdict, identity: str, payload: Entry, answer: Entry) -> None:
    stopped = ChargingSession.objects.filter(
        charger__identity_folded=identity,
        transaction_id=str(payload["transactionId"]),
        meter_stop_wh=payload["meterStop"],
        stopped_device_time=payload["timestamp"],
    )
    verdict.count("stop", stopped.count(), f"{identity} transaction {payload['transactionId']}")


def _meter_values(verdict: Verdict, identity: str, payload: Entry, answer: Entry) -> None:
    transaction_id = payload.get("transactionId")
    _readings(verdict, identity, None if transaction_id is None else str(transaction_id), payload["meterValue"])


def _event(verdict: Verdict, identity: str, payload: Entry, answer: Entry) -> None:
    transaction_id = payload["transactionInfo"]["transactionId"]
    events = SessionEvent.objects.filter(
        charger__identity_folded=identity,
        session__transaction_id=transaction_id,
        seq_no=payload["seqNo"],
        device_time=payload["timestamp"],
        kind={"Started": "started", "Updated": "updated", "Ended": "stopped"}[payload["eventType"]],
    )
    where = f"{identity} transaction {transaction_id} number {payload['seqNo']}"
    verdict.count("transaction event", events.count(), where)
    _readings(verdict, identity, transaction_id, payload.get("meterValue", []))


def _readings(verdict: Verdict, identity: str, transaction_id: str | None, values: list[Entry]) -> None:
    for value in values:
        stored = MeterValue.objects.filter(charger__identity_folded=identity, device_time=value["timestamp"])
        contexts = {sample.get("context", "Sample.Periodic") for sample in value["sampledValue"]}
        if transaction_id is not None:
            stored = stored.filter(session__transaction_id=transaction_id)
        for context in contexts:
            found = stored.filter(context__in=("", context)).count()
            verdict.count("meter value", found, f"{identity} transaction {transaction_id} at {value['timestamp']}")


CHECKS = {
    "StartTransaction": _start,
    "StopTransaction": _stop,
    "MeterValues": _meter_values,
    "TransactionEvent": _event,
}


def _count_doubles(verdict: Verdict) -> None:
    """Sessions that stand for the same start, whether the fleet was told of both or not."""
    twice = (
        ChargingSession.objects.values("charger__identity", "evse_id", "started_device_time", "meter_start_wh")
        .annotate(times=Count("pk"))
        .filter(times__gt=1)
    )
    verdict.double += [f"session: {dict(row)}" for row in twice]
