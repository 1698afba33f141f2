"""Why a setting is not as wanted: who or what changed it since it last was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from chargers.desired.rule import Order, Update, is_same, why_differs
from chargers.models import Boot, Command, CommandStatus, Setting, Standing
from chargers.origins import US

MOST_BOOTS = 2000
FARTHEST = timedelta(days=400)
# By these a setting is written; the verb, and the actions of raw orders.
WRITES = Q(verb="write_settings") | Q(action__in=("ChangeConfiguration", "SetVariables"))
_PLACE = {
    field.name for field in Setting._meta.get_fields() if field.name not in ("id", "charger", "value", "reported_at")
}


def explain(rows: Sequence[Standing]) -> None:
    """Fill in reason, sentence and order of standings that differ. Two queries, however many."""
    known = [row.agreed_at for row in rows if row.agreed_at]
    since = max(min(known), max(known) - FARTHEST) if known else None
    ids = {row.charger_id for row in rows if row.agreed_at}
    orders = _orders(ids, since) if since else {}
    updates = _updates(ids, since) if since else {}
    for row in rows:
        command = _order_of(row, orders.get((row.charger_id, row.path.casefold()), []))
        order = Order(command.sent_at or command.created_at, _by(command)) if command else None
        reason, why = why_differs(agreed_at=row.agreed_at, order=order, update=updates.get(row.charger_id))
        row.reason, row.why = reason, why[:255]
        row.command = command if reason == Standing.Reason.ORDER else None


def _order_of(row: Standing, orders: Iterable[tuple[Command, str]]) -> Command | None:
    """The last of our orders that wrote what it has now."""
    for command, value in orders:
        if row.actual is not None and is_same(value, row.actual):
            return command
    return None


def _orders(charger_ids: set[int], since: datetime) -> dict[tuple[int, str], list[tuple[Command, str]]]:
    """By charger and folded path, the latest first, with the value that was written."""
    found: defaultdict[tuple[int, str], list[tuple[Command, str]]] = defaultdict(list)
    rows = Command.objects.filter(WRITES, charger__in=charger_ids, sent_at__gte=since).exclude(
        status__in=(CommandStatus.REJECTED, CommandStatus.FAILED)
    )
    for command in rows.select_related("requested_by").order_by("-sent_at"):
        for path, value in written(command):
            found[command.charger_id, path.casefold()].append((command, value))
    return found


def written(command: Command) -> Iterator[tuple[str, str]]:
    """Path and value of what an order writes, in whatever words it was given."""
    if command.verb == "write_settings":
        for each in command.arguments.get("settings") or []:
            if isinstance(each, dict):
                yield path_of(each), str(each.get("value", ""))
    elif command.action == "ChangeConfiguration":
        yield str(command.payload.get("key", "")), str(command.payload.get("value", ""))
    else:
        for each in command.payload.get("setVariableData") or []:
            if isinstance(each, dict):
                yield _path_in_words(each), str(each.get("attributeValue", ""))


def path_of(place: dict[str, Any]) -> str:
    """The path of a setting as the arguments of an order name it."""
    return Setting(**{name: value for name, value in place.items() if name in _PLACE and value is not None}).path


def _path_in_words(told: dict[str, Any]) -> str:
    """Of a raw order in the words of 2.x; the wire's spelling of a place is the same in all versions of it."""
    component, variable = told.get("component") or {}, told.get("variable") or {}
    evse = component.get("evse") or {}
    return Setting(
        component=str(component.get("name", "")),
        component_instance=str(component.get("instance", "")),
        evse_id=evse.get("id") or 0,
        connector_id=evse.get("connectorId") or 0,
        name=str(variable.get("name", "")),
        instance=str(variable.get("instance", "")),
        attribute=str(told.get("attributeType") or "Actual"),
    ).path


def _by(command: Command) -> str:
    who = command.requested_by.get_username() if command.requested_by else ""
    return ", ".join(filter(None, (who, command.requested_via))) or US


def _updates(charger_ids: set[int], since: datetime) -> dict[int, Update]:
    """The last change of firmware of each charger since then, or in the boot that came last before."""
    rows = Boot.objects.filter(charger__in=charger_ids, received_at__gte=since - FARTHEST).exclude(firmware_version="")
    found: dict[int, Update] = {}
    before: dict[int, str] = {}
    told = rows.order_by("-received_at").values_list("charger", "firmware_version", "received_at")[:MOST_BOOTS]
    for charger_id, version, at in reversed(list(told)):
        if charger_id in before and before[charger_id] != version:
            found[charger_id] = Update(at, before[charger_id], version)
        before[charger_id] = version
    return found
