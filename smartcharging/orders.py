"""What a plan decided, on its way: booked in the ledger and put into the outbox by one commit.

Limits are commands like those that staff give (`chargers.commands`). What an older plan left in the outbox is
withdrawn, so a charger never gets an old limit after a new one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import prefetch_related_objects

from chargers import commands, rows
from chargers.commands import Wish
from chargers.models import Command
from sessions.models import ChargingSession
from smartcharging import abilities, leading, ledger
from smartcharging.allocation import Floats
from smartcharging.bookkeeping import Books
from smartcharging.ledger import Order
from smartcharging.models import Limit, Outlet

TTL_S = 20  # what waits longer would carry an old plan
ASK_AGAIN = timedelta(seconds=60)


def send(books: Books, orders: Sequence[Order]) -> int:
    """Book limits, then order them; how many."""
    meant = [(order, session) for order in orders if (session := books.running[order.index]) is not None]
    _withdraw(books, orders)
    in_watts = abilities.without_amperes({books.outlets[order.index].charger_id for order, _ in meant})
    told = commands.request_each([_wish(books, *one, in_watts) for one in meant], ttl_s=TTL_S)
    entries = [_entry(books, *one, command) for one, command in zip(meant, told, strict=True)]
    rows.number(entries)
    rows.insert(entries)
    for (order, _), entry in zip(meant, entries, strict=True):
        books.ledger.send(order, entry.pk, books.at.timestamp())
    return len(meant)


def _wish(books: Books, order: Order, session: ChargingSession, in_watts: Collection[int]) -> Wish:
    outlet = books.outlets[order.index]
    profile = _profile(books, outlet, order.kind, order.limit_a, in_watts, until=_end(order))
    return _set_profile(outlet, {**profile, "session_id": session.pk}, via=f"plan {order.kind}")


def _entry(books: Books, order: Order, session: ChargingSession, command: Command) -> Limit:
    return rows.make(
        Limit,
        outlet_id=books.outlets[order.index].pk,
        session_id=session.pk,
        kind=order.kind,
        limit_a=order.limit_a,
        sent_at=books.at,
        expires_at=None if books.ledger.outlets[order.index].is_sticky else _end(order),
        command_id=command.pk,
    )


def _end(order: Order) -> datetime | None:
    return datetime.fromtimestamp(order.expires_at, UTC) if order.kind == "lease" else None


def _set_profile(outlet: Outlet, profile: dict[str, Any], *, via: str) -> Wish:
    return Wish(outlet.charger_id, "set_profile", {"evse_id": outlet.evse_id, "profile": profile}, via)


def _profile(
    books: Books,
    outlet: Outlet,
    kind: str,
    limit_a: float,
    in_watts: Collection[int],
    *,
    until: datetime | None = None,
) -> dict[str, Any]:
    """``in_watts``: the chargers that take no amperes."""
    watts_per_a = books.plan.volts * outlet.phases if outlet.charger_id in in_watts else None
    return leading.profile(kind, outlet.evse_id, limit_a, at=books.at, until=until, watts_per_a=watts_per_a)


def _withdraw(books: Books, orders: Sequence[Order]) -> None:
    """What an older plan left in the outbox is void."""
    places = {(books.outlets[order.index].pk, order.kind) for order in orders}
    waiting = [pk for place in places for pk in books.waiting.pop(place, [])]
    for command in Command.objects.filter(pk__in=waiting) if waiting else ():
        commands.cancel(command)


# -- defaults ----------------------------------------------------------------------------------------------------------


def install_defaults(books: Books) -> int:
    """What a charger does without us is told to it first: until it has taken that, it counts with its cable.

    Another default is told as well: a lower one at once, a higher one only where all limits bear it.
    """
    wanted_a = books.plan.default_a
    told: list[Outlet] = []
    worst: Floats | None = None  # reckoned when the first default is to be raised
    for index in _untold(books):
        outlet, place = books.outlets[index], books.ledger.outlets[index]
        own_a = books.defaults_a[index]
        if own_a is not None and wanted_a > own_a:
            worst = books.ledger.worst_a(books.at.timestamp()) if worst is None else worst
            raised = worst.copy()
            raised[index] = max(worst[index], min(wanted_a, outlet.cable_a))
            if not books.ledger.network.bears(raised):
                continue  # it keeps the lower one
            worst = raised
        # From now on it may hold it: nothing is granted in this plan that would not bear that.
        if place.default_a is not None:
            place.default_a = max(place.default_a, min(wanted_a, outlet.cable_a))
        told.append(outlet)
    _order_defaults(books, told)
    return len(told)


def _untold(books: Books) -> list[int]:
    """Who holds no default of ours, or another one, can be told, and was not told a moment ago."""
    wanted_a = books.plan.default_a
    untold = []
    for index, (outlet, place) in enumerate(zip(books.outlets, books.ledger.outlets, strict=True)):
        own_a = books.defaults_a[index]
        differs = own_a is None or abs(own_a - wanted_a) >= ledger.TELLING_A
        if differs and place.is_online and outlet.trust != ledger.Trust.NONE:
            untold.append(index)
    prefetch_related_objects([books.outlets[index] for index in untold], "default_command")
    return [index for index in untold if not _is_asked(books, books.outlets[index].default_command)]


def _is_asked(books: Books, command: Command | None) -> bool:
    return command is not None and (command.is_open or command.created_at > books.at - ASK_AGAIN)


def _order_defaults(books: Books, outlets: Sequence[Outlet]) -> None:
    in_watts = abilities.without_amperes({outlet.charger_id for outlet in outlets})
    wishes = [
        _set_profile(outlet, _profile(books, outlet, "default", books.plan.default_a, in_watts), via="plan default")
        for outlet in outlets
    ]
    for outlet, command in zip(outlets, commands.request_each(wishes, ttl_s=TTL_S), strict=True):
        outlet.default_command = command
    rows.rewrite(outlets, ["default_command_id"])
