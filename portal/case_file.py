"""A session as a file for a manufacturer: what happened, frames included, without secrets. Writes a zip; asks no view.

The journal masks passwords and keys on the way in; what is left and names a person, the tokens, is shortened here.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

from chargers.masking import mask
from chargers.models import Exchange
from portal import sheets
from sessions import timeline
from sessions.models import ChargingSession, MeterValue

README = """Case file of session {number} on charger {identity} ({vendor} {model}, firmware {firmware}, OCPP {ocpp}).

timeline.csv      what happened, in order of our clock; the charger's own time beside it
frames.jsonl      each request with its answer, as they passed over the wire
session.json      what we made of it
meter-values.csv  the registers

Times are UTC. Passwords and keys are masked, tokens shortened to their first and last two characters.
"""
# Members of a frame that name whoever charges, in small letters.
TOKENS = {"idtag", "parentidtag", "idtoken", "additionalidtoken"}
# The same in a frame that is no JSON.
LOOSE_TOKEN = re.compile(r'("(?:idTag|parentIdTag|(?:additional)?idToken)"\s{0,9}:\s{0,9}")([^"]{3,})', re.IGNORECASE)


def write(session: ChargingSession, *, now: datetime) -> bytes:
    """The zip. ``session`` with its charger."""
    charger = session.charger
    line = timeline.of_session(session, now=now)
    hide = _shortener(session)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        told = README.format(
            number=session.pk, identity=charger.identity, vendor=charger.vendor, model=charger.model,
            firmware=charger.firmware_version or "–", ocpp=charger.ocpp_version,
        )  # fmt: skip
        file.writestr("README.txt", sheets.STEERING.sub("\ufffd", told))
        rows = ([e.at.isoformat(), e.kind, hide(e.text), e.device_time] for e in line.entries)
        file.writestr("timeline.csv", table(["server_time", "kind", "what", "charger_time"], rows))
        frames = timeline.exchanges(session, line.since, line.until)[: timeline.MOST_FRAMES]
        file.writestr("frames.jsonl", "".join(f"{_frame(row, hide)}\n" for row in frames))
        file.writestr("session.json", json.dumps(_facts(session), indent=2))
        values = MeterValue.objects.filter(session=session).values_list(
            "measured_at", "device_time", "context", "energy_wh", "power_w", "is_suspect"
        )
        head = ["measured_at", "charger_time", "context", "energy_wh", "power_w", "is_suspect"]
        file.writestr("meter-values.csv", table(head, ([at.isoformat(), *rest] for at, *rest in values)))
    return buffer.getvalue()


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return "".join(sheets.line_of(row) for row in (head, *rows))


def _frame(row: Exchange, hide: Callable[[str], str]) -> str:
    told = {
        "at": row.requested_at.isoformat(), "from": row.origin, "action": row.action, "outcome": row.outcome,
        "error": row.error_code, "latency_ms": row.latency_ms, "request": hide(_without_tokens(mask(row.request))),
        "answer": hide(_without_tokens(mask(row.response))), "findings": row.findings,
    }  # fmt: skip
    # Within JSON such a sign can always be written by its number.
    return sheets.STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(told, ensure_ascii=False))


def _without_tokens(text: str) -> str:
    """A frame whose tokens are shortened, whosever they are."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return LOOSE_TOKEN.sub(lambda found: found[1] + shortened(found[2]), text)
    nodes, found = [frame], False
    while nodes:  # no recursion: a charger decides how deep it goes
        node = nodes.pop()
        members = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        nodes += members
        if isinstance(node, dict):
            tokens = {name: value for name, value in node.items() if name.casefold() in TOKENS}
            told = {name: shortened(value) for name, value in tokens.items() if isinstance(value, str) and value}
            node |= told
            found = found or bool(told)
    # Written anew only if there was one: the manufacturer sees the charger's own spacing.
    return orjson.dumps(frame).decode() if found else text


def _facts(session: ChargingSession) -> dict[str, Any]:
    names = (
        "transaction_id", "evse_id", "token_verdict", "started_at", "started_device_time", "stopped_at",
        "stopped_device_time", "stop_reason", "meter_start_wh", "meter_stop_wh", "meter_last_wh", "energy_wh",
        "proposed_wh", "proposal", "review_reasons",
    )  # fmt: skip
    facts = {name: getattr(session, name) for name in names}
    facts |= {name: shortened(getattr(session, name)) for name in ("token_value", "stopped_by_token")}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()}


def _shortener(session: ChargingSession) -> Callable[[str], str]:
    """Replaces the session's tokens, wherever they stand and in whatever case."""
    tokens = {token for token in (session.token_value, session.stopped_by_token) if len(token) > 2}
    if not tokens:
        return lambda text: text
    # The longest first: one may hold another.
    pattern = re.compile("|".join(re.escape(token) for token in sorted(tokens, key=len, reverse=True)), re.IGNORECASE)
    return lambda text: pattern.sub(lambda found: shortened(found[0]), text)


def shortened(token: str) -> str:
    """First and last two characters; of a short one nothing."""
    if "…" in token and len(token) <= 5:  # done already
        return token
    return f"{token[:2]}…{token[-2:]}" if len(token) > 5 else "…" if token else ""
