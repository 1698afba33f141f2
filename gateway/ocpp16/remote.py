"""Acting from afar: start, stop, unlock, reset, ask for a message. OCPP 1.6 §5.11–5.14, §5.17–5.18."""

from __future__ import annotations

from typing import Any

from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable
from gateway.ocpp16.dialect import dialect
from gateway.ocpp16.smartcharging import profile_in_ours, profile_in_words
from gateway.profiles import meant, taken_along
from gateway.wire import need, need_number, number, one_of, said, small
from sessions.models import ChargingSession

KIND = {"hard": "Hard", "soft": "Soft"}
# Those that only the security whitepaper's ExtendedTriggerMessage can ask for.
EXTENDED = {"LogStatusNotification", "SignChargePointCertificate"}
# One name for all versions where each has its own.
TRIGGER = {"SignCertificate": "SignChargePointCertificate"}


@dialect.sends("remote_start")
def remote_start(command: Command) -> tuple[str, Payload]:
    profile = command.arguments.get("profile")
    return "RemoteStartTransaction", said(
        idTag=need(command, "token"),
        connectorId=number(command, "evse_id") or None,
        chargingProfile=profile_in_words(command, profile) if profile else None,
    )


@dialect.answers("RemoteStartTransaction")
def started_with_profile(command: Command, answer: Payload, call: Call) -> None:
    told = command.payload.get("chargingProfile")
    if told:
        taken_along(command, answer, profile_in_ours(told), evse_id=command.payload.get("connectorId"), call=call)


@dialect.means("RemoteStartTransaction")
def start_meant(payload: Payload) -> dict[str, Any]:
    told = payload.get("chargingProfile")
    return meant(profile_in_ours(told), evse_id=payload.get("connectorId")) if told else {}


@dialect.sends("remote_stop")
def remote_stop(command: Command) -> tuple[str, Payload]:
    return "RemoteStopTransaction", {"transactionId": transaction_number(command)}


def transaction_number(command: Command) -> int:
    """The number of the session that a command names: ``session_id`` is our pk, ``transaction_id`` goes as it is."""
    named = command.arguments.get("transaction_id")
    if named in (None, ""):
        pk = need_number(command, "session_id")
        session = ChargingSession.objects.filter(pk=pk, charger=command.charger_id).first()
        if session is None:
            raise Unspeakable(f"Session {pk} is not one of charger {command.charger.identity!r}.")
        named = session.transaction_id
    told = small(named)
    if told is None:
        raise Unspeakable(f"Transaction {named!r} has no number, and OCPP 1.6 knows no other name for it.")
    return told


@dialect.sends("unlock")
def unlock(command: Command) -> tuple[str, Payload]:
    return "UnlockConnector", {"connectorId": need_number(command, "evse_id")}


@dialect.sends("reset")
def reset(command: Command) -> tuple[str, Payload]:
    if number(command, "evse_id"):
        raise Unspeakable("OCPP 1.6 can reset the whole charger only, not a single EVSE.")
    return "Reset", {"type": one_of(command, "kind", KIND, command.arguments.get("kind", "soft"))}


@dialect.sends("trigger")
def trigger(command: Command) -> tuple[str, Payload]:
    message = TRIGGER.get(need(command, "message"), need(command, "message"))
    action = "ExtendedTriggerMessage" if message in EXTENDED else "TriggerMessage"
    return action, said(requestedMessage=message, connectorId=number(command, "evse_id") or None)
