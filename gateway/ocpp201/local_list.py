"""Cards a station knows by itself. OCPP 2.0.1 part 2, D."""

from __future__ import annotations

from typing import Any

from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.words import AUTHORIZATION, id_token
from gateway.wire import dicts, moment, need_number, one_of, said, small, text

MODE = {"full": "Full", "differential": "Differential"}


@dialect.sends("send_local_list")
def send_local_list(command: Command) -> tuple[str, Payload]:
    """D01: in a differential update an entry without idTokenInfo is taken off the list; a full one may be empty."""
    entries = [_entry(command, token) for token in dicts(command.arguments.get("tokens"))]
    return "SendLocalList", said(
        versionNumber=need_number(command, "version"),
        updateType=one_of(command, "mode", MODE, command.arguments.get("mode", "full")),
        localAuthorizationList=entries or None,
    )


def _entry(command: Command, token: dict[str, Any]) -> Payload:
    name = id_token(text(token.get("value")), text(token.get("kind")))
    if token.get("status") == "removed":
        return {"idToken": name}
    group = text(token.get("group"))
    info = said(
        status=one_of(command, "status", AUTHORIZATION, token.get("status", "accepted")),
        cacheExpiryDateTime=moment(command, token.get("expires_at"), "expires_at"),
        groupIdToken={"idToken": group, "type": "Central"} if group else None,
    )
    return {"idToken": name, "idTokenInfo": info}


@dialect.answers("SendLocalList")
def local_list_taken(command: Command, answer: Payload, call: Call) -> None:
    if answer.get("status") == "Accepted":
        _note(call, small(command.payload.get("versionNumber")))


@dialect.sends("local_list_version")
def local_list_version(command: Command) -> tuple[str, Payload]:
    """D02."""
    return "GetLocalListVersion", {}


# Some stations answer with the field of 1.6.
dialect.misspelt["GetLocalListVersion"] = {"listVersion": "versionNumber"}


@dialect.answers("GetLocalListVersion")
def local_list_version_told(command: Command, answer: Payload, call: Call) -> None:
    _note(call, small(answer.get("versionNumber")))


def _note(call: Call, version: int | None) -> None:
    if version is not None:
        call.charger.local_list_version = version
        call.charger.save(update_fields=["local_list_version"])
        call.books.changed_chargers.add(call.charger.pk)
