"""A session as a file for a manufacturer: what happened, frames included, without secrets. Writes a zip; asks no view.

The journal masks passwords and keys on the way in; what is left and names a person, the tokens, is shortened here.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from chargers.masking import mask
from sessions import timeline
from sessions.models import ChargingSession, MeterValue

README = """Case file of session {number} on charger {identity} ({vendor} {model}, firmware {firmware}, OCPP {ocpp}).

timeline.csv      what happened, in order of our clock; the charger's own time beside it
frames.jsonl      each request with its answer, as they passed over the wire
session.json      what we made of it
meter-values.csv  the registers

Times are UTC. Passwords and keys are masked, tokens shortened to their first and last two characters.
"""
# Signs by which a spreadsheet takes a cell for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


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
        file.writestr("README.txt", told)
        rows = ([e.at.isoformat(), e.kind, hide(e.text), e.device_time] for e in line.entries)
        file.writestr("timeline.csv", table(["server_time", "kind", "what", "charger_time"], rows))
        frames = timeline.exchanges(session, line.since, line.until)[: timeline.MOST_FRAMES]
        file.writestr("frames.jsonl", "".join(f"{hide(_frame(row))}\n" for row in frames))
        file.writestr("session.json", hide(json.dumps(_facts(session), indent=2)))
        values = MeterValue.objects.filter(session=session).values_list(
            "measured_at", "device_time", "context", "energy_wh", "power_w", "is_suspect"
        )
        head = ["measured_at", "charger_time", "context", "energy_wh", "power_w", "is_suspect"]
        file.writestr("meter-values.csv", table(head, ([at.isoformat(), *rest] for at, *rest in values)))
    return buffer.getvalue()


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """CSV whose cells no spreadsheet executes."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _frame(row: Any) -> str:
    told = {
        "at": row.requested_at.isoformat(), "from": row.origin, "action": row.action, "outcome": row.outcome,
        "error": row.error_code, "latency_ms": row.latency_ms, "request": mask(row.request),
        "answer": mask(row.response), "findings": row.findings,
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False)


def _facts(session: ChargingSession) -> dict[str, Any]:
    names = (
        "transaction_id", "evse_id", "token_value", "token_verdict", "started_at", "started_device_time", "stopped_at",
        "stopped_device_time", "stop_reason", "stopped_by_token", "meter_start_wh", "meter_stop_wh", "meter_last_wh",
        "energy_wh", "proposed_wh", "proposal", "review_reasons",
    )  # fmt: skip
    facts = {name: getattr(session, name) for name in names}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()}


def _shortener(session: ChargingSession) -> Any:
    """Replaces the session's tokens, wherever they stand and in whatever case."""
    tokens = {token for token in (session.token_value, session.stopped_by_token) if len(token) > 2}
    fields = re.compile(r'(\\*"(?:idTag|parentIdTag|idToken)\\*"\s*:\s*\\*")([^"\\]{3,})')

    def hide(text: str) -> str:
        for token in tokens:
            text = re.sub(re.escape(token), shortened(token), text, flags=re.IGNORECASE)
        return fields.sub(lambda found: found[1] + shortened(found[2]), text)

    return hide


def shortened(token: str) -> str:
    """First and last two characters; of a short one nothing."""
    if "…" in token:  # done already
        return token
    return f"{token[:2]}…{token[-2:]}" if len(token) > 5 else "…"
