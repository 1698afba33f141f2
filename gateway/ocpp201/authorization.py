"""Who may charge, and what the station remembers of it. OCPP 2.0.1 part 2, C."""

from __future__ import annotations

from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import FREE, id_token_info
from gateway.wire import text
from sessions import authorization


@dialect.handles("Authorize")
def authorize(call: Call) -> Payload:
    """C01 ff. Contract certificates (C07) are not checked: a station that sends one gets the verdict on its token."""
    told = call.payload.get("idToken") or {}
    if told.get("type") == FREE:
        return {"idTokenInfo": id_token_info(authorization.FREE)}
    return {"idTokenInfo": id_token_info(authorization.authorize(text(told.get("idToken")), at=call.at))}


@dialect.sends("clear_cache")
def clear_cache(command: Command) -> tuple[str, Payload]:
    """C11."""
    return "ClearCache", {}
