"""Cards a charger knows by itself. OCPP 1.6 §5.10, §5.15."""

from __future__ import annotations

from typing import Any

from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp16.dialect import dialect
from gateway.ocpp16.words import AUTHORIZATION
from gateway.wire import dicts, moment, need_number, one_of, said, small

MODE = {"full": "Full", "differential": "Differential"}


@dialect.sends("send_local_list")
def send_local_list(command: Command) -> tuple[str, Payload]:
    """§5.15: in a differential update an entry without idTagInfo is taken off the list; a full one may be empty."""
    entries = [_entry(command, token) for token in dicts(command.arguments.get("tokens"))]
    return "SendLocalList", said(
        listVersion=need_number(command, "version"),
        updateType=one_of(command, "mode", MODE, command.arguments.get("mode", "full")),
        localAuthorizationList=entries or None,
    )


def _entry(command: Command, token: dict[str, Any]) -> Payload:
    if token.get("status") == "removed":
        return {"idTag": token.get("value")}
    info = said(
        status=one_of(command, "status", AUTHORIZATION, token.get("status", "accepted")),
        expiryDate=moment(command, token.get("expires_at"), "expires_at"),
        parentIdTag=token.get("group") or None,
    )
    return {"idTag": token.get("value"), "idTagInfo": info}


@dialect.answers("SendLocalList")
def local_list_taken(command: Command, answer: Payload, call: Call) -> None:
    if answer.get("status") == "Accepted":
        _note(call, small(command.payload.get("listVersion")))


@dialect.sends("local_list_version")
def local_list_version(command: Command) -> tuple[str, Payload]:
    return "GetLocalListVersion", {}


@dialect.answers("GetLocalListVersion")
def local_list_version_told(command: Command, answer: Payload, call: Call) -> None:
    """§6.26: -1 means that the charger has no such list."""
    _note(call, small(answer.get("listVersion")))


def _note(call: Call, version: int | None) -> None:
    if version is not None:
        call.charger.local_list_version = version
        call.charger.save(update_fields=["local_list_version"])
        call.books.changed_chargers.add(call.charger.pk)
