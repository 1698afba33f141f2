"""No more in one message than a station says that it takes (ItemsPerMessage…): the rest follows as another order."""

from __future__ import annotations

from typing import Any

from chargers import commands, configuration
from chargers.configuration import Place
from chargers.models import Command


def first_portion(command: Command, name: str, items: list[Any], *, limit: Place) -> list[Any]:
    """As many of an order's items as the station takes at once; another order for the others joins the outbox.

    ``name``: of the argument that holds the items. All of them if the station has told no limit.
    """
    most = configuration.number_at(command.charger, limit)
    if most is None or most < 1 or len(items) <= most:
        return items
    commands.request(
        command.charger,
        command.verb,
        arguments={**command.arguments, name: items[most:]},
        by=command.requested_by,
        via=command.requested_via,
    )
    command.arguments = {**command.arguments, name: items[:most]}
    return items[:most]
