"""What a new order would repeat or cross among those given to a charger before. It only says so: people decide."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from chargers.models import Charger, Command, CommandStatus
from chargers.sentences import read

# What a restart, or new firmware, would cut off. Reading and asking harm nobody.
CUT_OFF = {"remote_start", "remote_stop", "unlock", "reset", "change_availability", "update_firmware", "reserve"}


def conflict(charger: Charger, verb: str, arguments: dict[str, Any], *, idempotency_key: str | None = None) -> str:
    """A sentence on the first that is found, empty if nothing is in the way. ``idempotency_key``: the order's own."""
    is_open = Q(status__in=CommandStatus.open())
    is_installing = Q(verb="update_firmware", status=CommandStatus.ACCEPTED, effect="")
    before = charger.commands.filter(is_open | is_installing).exclude(verb="").select_related("requested_by")
    if idempotency_key:
        before = before.exclude(idempotency_key=idempotency_key)
    for command in before.order_by("created_at"):
        if why := _between(command, verb, arguments):
            return why
    return ""


def _between(command: Command, verb: str, arguments: dict[str, Any]) -> str:
    who = _who(command)
    if command.is_open and command.verb == verb and command.arguments == arguments:
        return _("%(who)s ordered the same before; it has not been answered yet.") % {"who": who}
    if command.verb == "update_firmware" and verb in CUT_OFF:
        return _("Firmware that %(who)s ordered is being installed; this may break it off.") % {"who": who}
    if command.verb == "reset" and verb in CUT_OFF:
        return _("%(who)s ordered a restart before, which has not been answered yet.") % {"who": who}
    if command.verb == verb == "change_availability" and _place(command.arguments) == _place(arguments):
        return _("%(who)s ordered the opposite before; it has not been answered yet.") % {"who": who}
    return ""


def _place(arguments: dict[str, Any]) -> tuple[Any, Any]:
    return arguments.get("evse_id") or 0, arguments.get("connector_id") or 0


def _who(command: Command) -> str:
    by = command.requested_by
    return by.get_username() if by else read(command.requested_via) or _("Somebody")
