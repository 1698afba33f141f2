"""All that happened at a charger while a session ran: frames, sockets, boots, states, orders and people on one line.

Server time orders it; what the charger's own clock said stands beside it. A silence is an entry too: nothing came for
longer than a charger that is connected may keep quiet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.conf import settings

from chargers import clocks
from chargers.models import Boot, Command, CommandStatus, Connection, ConnectorStatus, Exchange, StatusChange
from chargers.origins import US
from chargers.sentences import in_english, phrase
from sessions.models import ChargingSession

AROUND = timedelta(minutes=5)  # before the start and after the end
MOST_FRAMES = 2000
SILENCE_FACTOR = 2  # heartbeats that may be missed before it is a silence

# Told to people, see chargers/sentences.py.
OUTCOMES: dict[str, str] = {
    Exchange.Outcome.OPEN: phrase("no answer"),
    Exchange.Outcome.RESULT: phrase("result"),
    Exchange.Outcome.ERROR: phrase("error"),
    Exchange.Outcome.UNREADABLE: phrase("unreadable"),
    Exchange.Outcome.ORPHAN: phrase("answer to nothing"),
    Exchange.Outcome.ONE_WAY: phrase("no answer due"),
}
STATES: dict[str, str] = {
    ConnectorStatus.UNKNOWN: phrase("unknown"),
    ConnectorStatus.AVAILABLE: phrase("available"),
    ConnectorStatus.PREPARING: phrase("preparing"),
    ConnectorStatus.OCCUPIED: phrase("occupied"),
    ConnectorStatus.CHARGING: phrase("charging"),
    ConnectorStatus.SUSPENDED_EV: phrase("suspended by car"),
    ConnectorStatus.SUSPENDED_EVSE: phrase("suspended by charger"),
    ConnectorStatus.FINISHING: phrase("finishing"),
    ConnectorStatus.RESERVED: phrase("reserved"),
    ConnectorStatus.UNAVAILABLE: phrase("unavailable"),
    ConnectorStatus.FAULTED: phrase("faulted"),
}
ORDERS: dict[str, str] = {
    CommandStatus.PENDING: phrase("waiting"),
    CommandStatus.SENT: phrase("sent"),
    CommandStatus.ACCEPTED: phrase("accepted"),
    CommandStatus.REJECTED: phrase("rejected"),
    CommandStatus.FAILED: phrase("failed"),
    CommandStatus.TIMEOUT: phrase("no answer"),
    CommandStatus.EXPIRED: phrase("expired"),
    CommandStatus.CANCELLED: phrase("cancelled"),
}
WITHIN = phrase("{outcome}, {latency:.0f} ms")
CONNECTED = phrase("Connected from {address}, {version}.")
DISCONNECTED = phrase("Connection ended: {why} ({code}).")
BOOTED = phrase("Booted, firmware {version}: {verdict}.")
CHANGED = phrase("Connector {number}: {status}.")
ORDERED = phrase("{who} ordered {what}: {status}.")
SILENCE = phrase("Silence for {minutes:.0f} min.")


@dataclass(frozen=True, slots=True)
class Entry:
    """``kind``: frame | socket | boot | state | order | person | silence. ``device_time``: the charger's text."""

    at: datetime
    kind: str
    text: str
    device_time: str = ""
    opens: dict[str, Any] = field(default_factory=dict)  # exchange or command, by pk
    is_trouble: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    since: datetime
    until: datetime
    entries: list[Entry]
    is_cut: bool  # more frames than are shown


def window(session: ChargingSession, *, now: datetime) -> tuple[datetime, datetime]:
    """From a little before the start to a little after the end, as we received them."""
    end = session.stopped_received_at or now
    start = min(session.started_at, session.started_received_at)
    return start - AROUND, min(max(end, session.stopped_at or end) + AROUND, now)


def of_session(session: ChargingSession, *, now: datetime) -> Timeline:
    since, until = window(session, now=now)
    rows = exchanges(session, since, until)[: MOST_FRAMES + 1]
    frames = [frame_entry(row) for row in rows[:MOST_FRAMES]]
    entries = [*frames, *_others(session, since, until), *_silences([entry.at for entry in frames])]
    entries.sort(key=lambda entry: (entry.at, entry.kind))
    return Timeline(since, until, entries, is_cut=len(rows) > MOST_FRAMES)


def exchanges(session: ChargingSession, since: datetime, until: datetime) -> Any:
    """The frames of that time, oldest first."""
    rows = Exchange.objects.filter(charger=session.charger_id, requested_at__gte=since, requested_at__lte=until)
    return rows.order_by("requested_at", "pk")


def frame_entry(row: Exchange) -> Entry:
    payload = _payload(row.request)
    to = "←" if row.origin == Exchange.Origin.CHARGER else "→"
    outcome = row.error_code or OUTCOMES.get(row.outcome, row.outcome)
    if row.latency_ms is not None:
        outcome = WITHIN.format(outcome=outcome, latency=row.latency_ms)
    return Entry(
        row.requested_at,
        "frame",
        f"{to} {row.action or 'Frame'}: {outcome}" + (f" · {row.findings[0]}" if row.findings else ""),
        device_time=device_time(payload),
        opens={"exchange": row.pk},
        is_trouble=row.outcome not in (Exchange.Outcome.RESULT, Exchange.Outcome.ONE_WAY),
    )


def device_time(payload: Any) -> str:
    """When the charger says that it happened, as it wrote it; the first reading's time of meter values."""
    if not isinstance(payload, dict):
        return ""
    told = payload.get("timestamp")
    values = payload.get("meterValue")
    if told is None and isinstance(values, list) and values and isinstance(values[0], dict):
        told = values[0].get("timestamp")
    return clocks.kept(told)


def _payload(frame: str) -> Any:
    try:
        message = json.loads(frame)
        return message[3] if message[0] == 2 else message[-1]
    except (ValueError, IndexError, TypeError, KeyError):
        return None


def _others(session: ChargingSession, since: datetime, until: datetime) -> Iterator[Entry]:
    here = {"charger": session.charger_id}
    for row in Connection.objects.filter(**here, connected_at__lte=until).order_by("-connected_at")[:200]:
        if since <= row.connected_at:
            yield Entry(
                row.connected_at, "socket", CONNECTED.format(address=row.remote_address or "–", version=row.subprotocol)
            )
        if row.disconnected_at and since <= row.disconnected_at <= until:
            why = row.close_reason or phrase("without a word")
            text = DISCONNECTED.format(why=why, code=row.close_code or "–")
            yield Entry(row.disconnected_at, "socket", text, is_trouble=row.close_code != 1000)
    for boot in Boot.objects.filter(**here, received_at__range=(since, until)):
        yield Entry(boot.received_at, "boot", BOOTED.format(version=boot.firmware_version or "–", verdict=boot.verdict))
    for change in StatusChange.objects.filter(**here, received_at__range=(since, until)):
        codes = " ".join(filter(None, [change.error_code, change.vendor_error_code])).replace("NoError", "").strip()
        status = STATES.get(change.status, change.status)
        text = CHANGED.format(number=change.evse_id, status=f"{status}, {codes}" if codes else status)
        yield Entry(change.received_at, "state", text, change.device_time, is_trouble=change.status == "faulted")
    for command in Command.objects.filter(**here, created_at__range=(since, until)).select_related("requested_by"):
        by = command.requested_by.get_username() if command.requested_by else command.requested_via or US
        status = ORDERS.get(command.status, command.status)
        text = ORDERED.format(who=by, what=command.action or command.verb, status=status)
        yield Entry(command.created_at, "order", text, opens={"command": str(command.pk)})
    for review in session.reviews.select_related("by"):
        by = review.by.get_username() if review.by else review.via
        yield Entry(review.at, "person", f"{by}: {in_english(review.get_kind_display)}. {review.reason}")


def _silences(heard: list[datetime]) -> Iterator[Entry]:
    """Where two frames are further apart than a connected charger may keep quiet."""
    longest = timedelta(seconds=settings.HEARTBEAT_INTERVAL_S * SILENCE_FACTOR)
    for before, after in pairwise(heard):
        if after - before > longest:
            minutes = (after - before).total_seconds() / 60
            yield Entry(before + timedelta(microseconds=1), "silence", SILENCE.format(minutes=minutes), is_trouble=True)
