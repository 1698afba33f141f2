"""Texts on the displays of stations. OCPP 2.0.1 part 2, O; and what a session costs so far, I02."""

from __future__ import annotations

from typing import Any

from chargers import clocks, displays
from chargers.displays import Message
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable
from gateway.ocpp201.dialect import dialect
from gateway.ocpp201.remote import transaction_name
from gateway.ocpp201.words import request_id
from gateway.wire import dicts, moment, need, need_number, one_of, said, small, text
from sessions.units import as_number

PRIORITY = {"front": "AlwaysFront", "in_front": "InFront", "cycle": "NormalCycle"}
STATE = {"charging": "Charging", "faulted": "Faulted", "idle": "Idle", "unavailable": "Unavailable"}
FORMAT = {name: name for name in ("UTF8", "ASCII", "HTML", "URI")}
OUR_PRIORITY = {theirs: ours for ours, theirs in PRIORITY.items()}
STATE_SINCE_21 = {"suspended": "Suspended", "discharging": "Discharging"}
OUR_STATE = {theirs: ours for ours, theirs in (STATE | STATE_SINCE_21).items()}


@dialect.sends("show_message")
def show_message(command: Command) -> tuple[str, Payload]:
    """O01, O02 (during one session), O06 (in place of another with its number)."""
    given = command.arguments
    state = given.get("state")
    message = said(
        id=need_number(command, "message_id"),
        priority=one_of(command, "priority", PRIORITY, given.get("priority") or "cycle"),
        state=one_of(command, "state", STATE, state) if state else None,
        startDateTime=moment(command, given.get("starts_at"), "starts_at"),
        endDateTime=moment(command, given.get("ends_at"), "ends_at"),
        transactionId=_session(command),
        message=said(
            format=one_of(command, "format", FORMAT, given.get("format") or "UTF8"),
            language=given.get("language") or None,
            content=need(command, "content"),
        ),
    )
    return "SetDisplayMessage", {"message": message}


def _session(command: Command) -> str | None:
    is_for_one = any(command.arguments.get(name) for name in ("session_id", "transaction_id"))
    return transaction_name(command) if is_for_one else None


@dialect.answers("SetDisplayMessage")
def message_shown(command: Command, answer: Payload, call: Call) -> None:
    if answer.get("status") == "Accepted":
        displays.record(call.charger, [_message(each) for each in dicts([command.payload.get("message")])], at=call.at)
        call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("list_messages")
def list_messages(command: Command) -> tuple[str, Payload]:
    """O03, O04; without criteria all of them. They come in NotifyDisplayMessages."""
    priority, state, ids = (command.arguments.get(name) for name in ("priority", "state", "ids"))
    return "GetDisplayMessages", said(
        requestId=request_id(command),
        id=[small(each) for each in ids] if ids else None,
        priority=one_of(command, "priority", PRIORITY, priority) if priority else None,
        state=one_of(command, "state", STATE, state) if state else None,
    )


@dialect.answers("GetDisplayMessages")
def messages_counted(command: Command, answer: Payload, call: Call) -> None:
    """Unknown means that it has none that matches."""
    is_of_all = not {"id", "priority", "state"} & set(command.payload)
    if is_of_all and answer.get("status") == "Unknown":
        displays.forget(call.charger)
        call.books.changed_chargers.add(call.charger.pk)


@dialect.handles("NotifyDisplayMessages")
def notify_display_messages(call: Call) -> Payload:
    """O03: one part of the list; parts may come more than once."""
    messages = [_message(each) for each in dicts(call.payload.get("messageInfo"))]
    displays.record(call.charger, messages, at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    return {}


def _message(told: dict[str, Any]) -> Message:
    content = next(iter(dicts([told.get("message")])), {})
    return Message(
        message_id=small(told.get("id")) or 0,
        priority=OUR_PRIORITY.get(text(told.get("priority")), ""),
        state=OUR_STATE.get(text(told.get("state")), ""),
        starts_at=clocks.parse(told.get("startDateTime")),
        ends_at=clocks.parse(told.get("endDateTime")),
        transaction_id=text(told.get("transactionId")),
        format=text(content.get("format")),
        language=text(content.get("language")),
        content=text(content.get("content")),
    )


@dialect.sends("clear_message")
def clear_message(command: Command) -> tuple[str, Payload]:
    """O05."""
    return "ClearDisplayMessage", {"id": need_number(command, "message_id")}


@dialect.answers("ClearDisplayMessage")
def message_cleared(command: Command, answer: Payload, call: Call) -> None:
    """Unknown means that it has none of this number, so it is gone too."""
    message_id = small(command.payload.get("id"))
    if message_id is not None:
        displays.forget(call.charger, message_id)
        call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("update_cost")
def update_cost(command: Command) -> tuple[str, Payload]:
    """I02: what a session costs so far, in the currency that the station shows."""
    cost = as_number(need(command, "total_cost"))
    if cost is None:
        raise Unspeakable(f"'total_cost' is {command.arguments['total_cost']!r}; it must be a number.")
    return "CostUpdated", {"totalCost": cost, "transactionId": transaction_name(command)}
