"""Who is connected, where and since when: the newest socket wins, across all gateway processes.

Each accepted handshake gives its charger a new epoch. Whoever ends a connection says which epoch it means, so a late
farewell never touches a newer connection. Everything works on batches: a storm of 10,000 dials is a few statements.
Knows no socket and no bus; a gateway is a name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from chargers import rows
from chargers.models import REPLACED, Charger, Connection, GatewayProcess, fold
from chargers.sentences import phrase
from chargers.signals import charger_changed

# A gateway touches its row every 5 s; after this long without, it is dead.
SILENT_AFTER = timedelta(seconds=15)
# Longer than a gateway goes without looking, and than two machines' clocks differ.
TAKEN_LATELY = timedelta(seconds=60)
# Close reasons, for people.
LOST = phrase("the gateway ended without a farewell")
STOPPED = phrase("the gateway was stopped")


@dataclass(frozen=True, slots=True)
class Dial:
    """A charger that has proved who it is and asks for the line."""

    charger_id: int
    subprotocol: str
    remote_address: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The line is this dial's. ``loser`` is the other gateway that held it until now, empty if none did."""

    charger_id: int
    identity: str
    epoch: int
    loser: str
    subprotocol: str


@dataclass(frozen=True, slots=True)
class Farewell:
    """A connection that ended; ``code`` is the WebSocket close code (1006: without a word)."""

    charger_id: int
    epoch: int
    code: int
    reason: str


def look_up(identities: Iterable[str]) -> dict[str, Charger]:
    """The registered chargers among ``identities``, by folded identity; one read."""
    return {
        charger.identity_folded: charger
        for charger in Charger.objects.filter(identity_folded__in={fold(identity) for identity in identities})
    }


def is_held(charger: Charger, at: datetime) -> bool:
    """Whether a gateway that lives has a connection of this charger."""
    return (
        charger.is_online
        and GatewayProcess.objects.filter(name=charger.gateway, seen_at__gt=at - SILENT_AFTER).exists()
    )


@transaction.atomic
def claim(dials: list[Dial], *, gateway: str, at: datetime) -> list[Claim | None]:
    """Give each dial its charger's line, in order; None where the charger was deleted meanwhile.

    Two dials of one charger in a batch both get an epoch; the later one's is higher.
    """
    chargers = _locked({dial.charger_id for dial in dials})
    before = {pk: (charger.epoch, charger.remote_address) for pk, charger in chargers.items()}
    claims: list[Claim | None] = []
    opened: list[Connection] = []
    for dial in dials:
        if (charger := chargers.get(dial.charger_id)) is None:
            claims.append(None)
            continue
        loser = charger.gateway if charger.is_online and charger.gateway != gateway else ""
        _take(charger, dial, gateway, at)
        claims.append(Claim(charger.pk, charger.identity, charger.epoch, loser, dial.subprotocol))
        opened.append(_opened(charger, at))
    Connection.objects.filter(charger__in=chargers, disconnected_at=None).update(
        disconnected_at=at, close_code=1000, close_reason=REPLACED
    )
    for connection in opened:
        if connection.epoch < chargers[connection.charger_id].epoch:  # a later dial of this very batch has it
            connection.disconnected_at, connection.close_code, connection.close_reason = at, 1000, REPLACED
    rows.insert(opened)
    _write(chargers, before)
    _announce(chargers)
    return claims


@transaction.atomic
def release(farewells: Collection[Farewell], at: datetime) -> None:
    """Mark connections ended; those that a newer one has replaced since only get their close code."""
    by_epoch = {(farewell.charger_id, farewell.epoch): farewell for farewell in farewells}
    chargers = _locked({farewell.charger_id for farewell in farewells})
    gone = [pk for pk, charger in chargers.items() if charger.is_online and (pk, charger.epoch) in by_epoch]
    Charger.objects.filter(pk__in=gone).update(is_online=False, disconnected_at=at)
    ended: dict[tuple[int, str], list[int]] = defaultdict(list)
    epochs = {farewell.epoch for farewell in farewells}
    open_ones = Connection.objects.filter(charger__in=chargers, epoch__in=epochs, disconnected_at=None)
    for pk, charger_id, epoch in open_ones.values_list("pk", "charger_id", "epoch"):
        if (farewell := by_epoch.get((charger_id, epoch))) is not None:
            ended[farewell.code, farewell.reason[:200]].append(pk)
    for (code, reason), pks in ended.items():
        Connection.objects.filter(pk__in=pks).update(disconnected_at=at, close_code=code, close_reason=reason)
    _announce(gone)


def touch_gateway(name: str, at: datetime) -> bool:
    """Say that the gateway process ``name`` lives; True if nobody knew, because it is new or was given up."""
    _, is_new = GatewayProcess.objects.update_or_create(
        name=name, defaults={"seen_at": at}, create_defaults={"started_at": at, "seen_at": at}
    )
    return is_new


@transaction.atomic
def reassert(epochs: dict[int, int], *, gateway: str) -> int:
    """Mark connections of ``gateway`` as the living ones they are, after it was given up; how many were doubted.

    A gateway that lost its broker for a moment is announced as dead by its last will, while its sockets stay open.
    ``epochs``: charger → the epoch that the gateway holds.
    """
    doubted = Charger.objects.select_for_update().filter(pk__in=epochs, gateway=gateway, is_online=False)
    held = doubted.order_by("pk").values_list("pk", "epoch")
    mine = {pk: epoch for pk, epoch in held if epochs[pk] == epoch}
    Charger.objects.filter(pk__in=mine).update(is_online=True, disconnected_at=None)
    closed = Connection.objects.filter(charger__in=mine, epoch=F("charger__epoch")).values_list("pk", flat=True)
    Connection.objects.filter(pk__in=list(closed)).update(disconnected_at=None, close_code=None, close_reason="")
    _announce(mine)
    return len(mine)


@transaction.atomic
def mark_gateway_lost(gateway: str, at: datetime, *, why: str = LOST) -> int:
    """Mark all chargers of a gateway that is no more as offline; how many they were. Safe to repeat."""
    its_own = Charger.objects.select_for_update().filter(gateway=gateway, is_online=True).order_by("pk")
    lost = list(its_own.values_list("pk", flat=True))
    Charger.objects.filter(pk__in=lost).update(is_online=False, disconnected_at=at)
    Connection.objects.filter(gateway=gateway, disconnected_at=None).update(
        disconnected_at=at, close_code=1006, close_reason=why
    )
    GatewayProcess.objects.filter(name=gateway).delete()
    _announce(lost)
    return len(lost)


def taken_from(gateway: str, at: datetime) -> set[tuple[int, int]]:
    """The connections of a gateway that newer ones have taken lately, as (charger, epoch)."""
    lately = at - TAKEN_LATELY
    rows = Connection.objects.filter(gateway=gateway, close_reason=REPLACED, disconnected_at__gt=lately)
    return set(rows.order_by().values_list("charger_id", "epoch"))


def sweep_gateways(at: datetime) -> list[str]:
    """Give up the gateways that fell silent, and those that chargers name but nobody touches; their names."""
    alive = set(GatewayProcess.objects.filter(seen_at__gt=at - SILENT_AFTER).values_list("name", flat=True))
    named = set(Charger.objects.filter(is_online=True).values_list("gateway", flat=True).distinct())
    silent = (named | set(GatewayProcess.objects.values_list("name", flat=True))) - alive
    for name in sorted(silent):
        mark_gateway_lost(name, at)
    return sorted(silent)


def _locked(charger_ids: Collection[int]) -> dict[int, Charger]:
    """The rows, locked until the transaction ends; always in the same order, or two gateways wait for each other."""
    locked = Charger.objects.select_for_update().filter(pk__in=charger_ids).order_by("pk")
    return {
        charger.pk: charger
        for charger in locked.only("identity", "epoch", "gateway", "is_online", "subprotocol", "remote_address")
    }


def _take(charger: Charger, dial: Dial, gateway: str, at: datetime) -> None:
    charger.epoch += 1
    charger.gateway, charger.subprotocol = gateway, dial.subprotocol
    charger.is_online, charger.connected_at = True, at
    charger.remote_address = dial.remote_address


def _opened(charger: Charger, at: datetime) -> Connection:
    return Connection(
        charger=charger,
        epoch=charger.epoch,
        gateway=charger.gateway,
        subprotocol=charger.subprotocol,
        remote_address=charger.remote_address,
        connected_at=at,
    )


def _write(chargers: dict[int, Charger], before: dict[int, tuple[int, str]]) -> None:
    """Write the claimed rows: what they share in one UPDATE per subprotocol, the rest only where it changed."""
    alike: dict[str, list[Charger]] = defaultdict(list)
    for charger in chargers.values():
        alike[charger.subprotocol].append(charger)
    for subprotocol, group in alike.items():
        Charger.objects.filter(pk__in=[charger.pk for charger in group]).update(
            epoch=F("epoch") + 1,
            gateway=group[0].gateway,
            subprotocol=subprotocol,
            is_online=True,
            connected_at=group[0].connected_at,
        )
    dialled_again = [charger for pk, charger in chargers.items() if charger.epoch > before[pk][0] + 1]
    rows.rewrite(dialled_again, ["epoch"])
    moved = [charger for pk, charger in chargers.items() if charger.remote_address != before[pk][1]]
    rows.rewrite(moved, ["remote_address"])


def _announce(charger_ids: Iterable[int]) -> None:
    """Tell the floors above, after the commit."""
    if changed := set(charger_ids):
        transaction.on_commit(lambda: charger_changed.send_robust(sender=Charger, charger_ids=changed))
