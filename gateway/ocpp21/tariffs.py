"""Tariffs that a station computes with. OCPP 2.1 part 2, I07–I13. A tariff is said in the specification's words."""

from __future__ import annotations

from typing import Any

from chargers.models import Command, CommandStatus
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable
from gateway.ocpp21.dialect import dialect
from gateway.ocpp201.remote import transaction_name
from gateway.wire import dicts, need, need_number, number, said, text


@dialect.sends("set_default_tariff")
def set_default_tariff(command: Command) -> tuple[str, Payload]:
    """I07: for whoever brings no tariff along. EVSE 0: all."""
    return "SetDefaultTariff", {"evseId": need_number(command, "evse_id"), "tariff": _tariff(command)}


@dialect.sends("read_tariffs")
def read_tariffs(command: Command) -> tuple[str, Payload]:
    """I08. EVSE 0: all."""
    return "GetTariffs", {"evseId": number(command, "evse_id") or 0}


@dialect.answers("GetTariffs")
def tariffs_told(command: Command, answer: Payload, call: Call) -> None:
    for assignment in dicts(answer.get("tariffAssignments")):
        key = text(assignment.get("tariffId"))
        call.books.notices.add(call.charger, "tariff", assignment, key=key, at=call.at)


@dialect.sends("clear_tariffs")
def clear_tariffs(command: Command) -> tuple[str, Payload]:
    """I09: those named, else all; of one EVSE or of all."""
    named = command.arguments.get("tariff_ids") or None
    if named is not None and not isinstance(named, list):
        raise Unspeakable(f"'tariff_ids' is {named!r}; it must be a list of tariff ids.")
    return "ClearTariffs", said(tariffIds=named, evseId=number(command, "evse_id"))


@dialect.answers("ClearTariffs")
def tariffs_cleared(command: Command, answer: Payload, call: Call) -> CommandStatus:
    """Each has a status of its own; to have none of a tariff is as good as to have lost it."""
    results = dicts(answer.get("clearTariffsResult"))
    is_done = all(result.get("status") in ("Accepted", "NoTariff") for result in results)
    return CommandStatus.ACCEPTED if is_done else CommandStatus.REJECTED


@dialect.sends("change_tariff")
def change_tariff(command: Command) -> tuple[str, Payload]:
    """I11: of a running session."""
    return "ChangeTransactionTariff", {"transactionId": transaction_name(command), "tariff": _tariff(command)}


def _tariff(command: Command) -> dict[str, Any]:
    tariff = need(command, "tariff")
    if not isinstance(tariff, dict):
        raise Unspeakable("'tariff' must be an object, as TariffType of OCPP 2.1.")
    return tariff
