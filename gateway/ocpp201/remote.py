"""Acting from afar: start, stop, unlock, ask for a message. OCPP 2.0.1 part 2, F."""

from __future__ import annotations

from typing import Any

from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.smartcharging import profile_in_ours, profile_in_words
from gateway.ocpp201.words import evse, id_token
from gateway.profiles import meant, taken_along
from gateway.wire import need, need_number, number, said, text
from sessions import review
from sessions.models import ChargingSession
from sessions.remote import remote_start_id

# One name for all versions where each has its own.
TRIGGER = {"SignCertificate": "SignChargingStationCertificate"}


@dialect.sends("remote_start")
def remote_start(command: Command) -> tuple[str, Payload]:
    """F01, F02. remoteStartId leads from the session back to this command."""
    profile = command.arguments.get("profile")
    return "RequestStartTransaction", said(
        idToken=id_token(str(need(command, "token"))),
        remoteStartId=remote_start_id(command.pk),
        evseId=number(command, "evse_id") or None,
        chargingProfile=profile_in_words(command, profile) if profile else None,
    )


@dialect.answers("RequestStartTransaction")
def started_with_profile(command: Command, answer: Payload, call: Call) -> None:
    told = command.payload.get("chargingProfile")
    if told:
        taken_along(command, answer, profile_in_ours(told), evse_id=command.payload.get("evseId"), call=call)


@dialect.means("RequestStartTransaction")
def start_meant(payload: Payload) -> dict[str, Any]:
    told = payload.get("chargingProfile")
    return meant(profile_in_ours(told), evse_id=payload.get("evseId")) if told else {}


@dialect.sends("remote_stop")
def remote_stop(command: Command) -> tuple[str, Payload]:
    """F03."""
    return "RequestStopTransaction", {"transactionId": transaction_name(command)}


def transaction_name(command: Command) -> str:
    """The station's name of the session that a command means: ``session_id`` is our pk, ``transaction_id`` its name."""
    named = command.arguments.get("transaction_id")
    if named not in (None, ""):
        return str(named)
    pk = need_number(command, "session_id")
    session = ChargingSession.objects.filter(pk=pk, charger=command.charger_id).first()
    if session is None:
        raise Unspeakable(f"Session {pk} is not one of charger {command.charger.identity!r}.")
    return session.transaction_id


@dialect.sends("session_status")
def session_status(command: Command) -> tuple[str, Payload]:
    """E14: does it still run, and is the station still holding messages back, of it or (no session named) of any?"""
    is_named = any(command.arguments.get(name) for name in ("session_id", "transaction_id"))
    return "GetTransactionStatus", {"transactionId": transaction_name(command)} if is_named else {}


@dialect.answers("GetTransactionStatus")
def session_status_told(command: Command, answer: Payload, call: Call) -> None:
    """It is over, the station has told all it has, and we have heard of no end: people have to look."""
    if answer.get("ongoingIndicator") is False and answer.get("messagesInQueue") is False:
        name = text(command.payload.get("transactionId"))
        call.books.changed_sessions |= review.end_is_missing(call.charger, name)


@dialect.sends("unlock")
def unlock(command: Command) -> tuple[str, Payload]:
    """F05."""
    connector = number(command, "connector_id") or 1
    return "UnlockConnector", {"evseId": need_number(command, "evse_id"), "connectorId": connector}


@dialect.sends("trigger")
def trigger(command: Command) -> tuple[str, Payload]:
    """F06. StatusNotification is asked of one connector (F06.FR.12), so an EVSE alone means its first."""
    message, evse_id = need(command, "message"), number(command, "evse_id")
    message = TRIGGER.get(message, message)
    connector = 1 if message == "StatusNotification" else None
    return "TriggerMessage", said(requestedMessage=message, evse=evse(evse_id, connector))
