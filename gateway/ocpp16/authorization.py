"""Who may charge, and what the charger remembers of it. OCPP 1.6 §4.1, §5.4."""

from __future__ import annotations

from chargers.models import Command
from gateway import guessing
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp16.dialect import dialect
from gateway.ocpp16.words import id_tag_info
from gateway.wire import text
from sessions.authorization import authorize


@dialect.handles("Authorize")
def authorize_(call: Call) -> Payload:
    """§4.1. ConcurrentTx is no answer here: the card may have come to end its session (§6.23)."""
    verdict = guessing.judged(call, authorize(text(call.payload.get("idTag")), at=call.at))
    return {"idTagInfo": id_tag_info(verdict)}


@dialect.sends("clear_cache")
def clear_cache(command: Command) -> tuple[str, Payload]:
    return "ClearCache", {}
