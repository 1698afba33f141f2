"""The boot-loop guard: a setting after whose write a charger boots three times is kept from all of its kind.

Looks at orders, whoever gave them, not only at those of rollouts: a person who writes one by hand is warned as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from chargers import commands
from chargers.desired import due, news, provenance
from chargers.desired.rule import BOOTS, WrittenAt, suspect
from chargers.models import Boot, Charger, Command, CommandStatus, SettingQuarantine, Write
from chargers.models.desired import OPEN
from chargers.sentences import phrase

WINDOW = timedelta(minutes=15)
LOOKS_BACK = 2 * WINDOW  # a write, and boots up to the end of its window

# Told to people, see chargers/sentences.py.
BOOTED_AFTER_WRITE = phrase("{identity} booted {times} times within {minutes} min after {setting} was written.")
IN_QUARANTINE = phrase("{setting} is in quarantine for {kind}: {why}")


def look(*, at: datetime) -> list[SettingQuarantine]:
    """Find boot loops that follow a write, and quarantine what was written. Safe to repeat."""
    since = at - LOOKS_BACK
    lately = Charger.objects.filter(booted_at__gte=since).order_by()
    boots: defaultdict[int, list[datetime]] = defaultdict(list)
    for charger_id, told_at in Boot.objects.filter(charger__in=lately.values("pk"), received_at__gte=since).values_list(
        "charger", "received_at"
    ):
        boots[charger_id].append(told_at)
    looping = {charger_id: times for charger_id, times in boots.items() if len(times) >= BOOTS}
    if not looping:
        return []
    orders = Command.objects.filter(charger__in=looping, sent_at__gte=since).select_related("charger")
    writes: defaultdict[int, list[Command]] = defaultdict(list)
    resets: defaultdict[int, list[datetime]] = defaultdict(list)
    for order in orders.filter(provenance.WRITES).exclude(status=CommandStatus.REJECTED):
        writes[order.charger_id].append(order)
    for reset in orders.filter(action="Reset"):
        if reset.sent_at:
            resets[reset.charger_id].append(reset.sent_at)
    found = [_judge(times, writes[pk], resets[pk], at) for pk, times in looping.items() if writes[pk]]
    return [row for rows in found for row in rows]


def _judge(
    boots: Sequence[datetime], writes: Sequence[Command], resets: Sequence[datetime], at: datetime
) -> list[SettingQuarantine]:
    told = {
        WrittenAt(order.sent_at, (str(order.pk), *(path for path, _ in provenance.written(order)))): order
        for order in writes
        if order.sent_at
    }
    blamed = suspect(boots, told, resets, window_s=WINDOW.total_seconds())
    if blamed is None:
        return []
    write, after = blamed
    return [row for path in write.paths[1:] if (row := _open(told[write], path, after, at))]


@transaction.atomic
def _open(order: Command, path: str, boots: Sequence[datetime], at: datetime) -> SettingQuarantine | None:
    """Quarantine a setting and stop what is under way; None if it is, or a person let it go after these boots."""
    charger = order.charger
    kind = {"vendor": charger.vendor, "model": charger.model, "firmware": charger.firmware_version}
    known = SettingQuarantine.objects.filter(**kind, path_folded=path.casefold()).filter(command=order)
    if known.exists():
        return None
    within = round((boots[-1] - (order.sent_at or boots[0])).total_seconds() / 60) or 1
    row, is_new = SettingQuarantine.objects.get_or_create(
        **kind,
        path_folded=path.casefold(),
        lifted_at=None,
        defaults={
            "path": path,
            "charger": charger,
            "command": order,
            "write": Write.objects.filter(command=order).first() or _write_of(order, path),
            "why": BOOTED_AFTER_WRITE.format(identity=charger.identity, times=len(boots), minutes=within, setting=path)[
                :255
            ],
            "boots_at": [boot.isoformat() for boot in boots],
            "opened_at": at,
        },
    )
    if not is_new:
        return None
    _stop(row, at)
    return row


def _write_of(order: Command, path: str) -> Write | None:
    """The write of a rollout that gave this order; its last command may be the reading back."""
    latest = Write.objects.filter(charger=order.charger_id, path__iexact=path, times__gte=1).order_by("-pk").first()
    is_ours = latest is not None and order.requested_via == f"rollout {latest.rollout_id}"
    return latest if is_ours else None


def _stop(row: SettingQuarantine, at: datetime) -> None:
    """No charger of its kind gets it any more: not from a rollout, not from what waits in the outbox."""
    kin = list(Charger.objects.filter(vendor=row.vendor, model=row.model, firmware_version=row.firmware))
    ids = [charger.pk for charger in kin]
    waiting = Command.objects.filter(charger__in=ids, status=CommandStatus.PENDING, verb="write_settings")
    for order in waiting:
        if row.path_folded in {path.casefold() for path, _ in provenance.written(order)}:
            commands.cancel(order)
    stopped = Write.objects.filter(charger__in=ids, path__iexact=row.path, status__in=OPEN)
    stopped.filter(rollout__takes_back=None).update(status=Write.Status.SKIPPED, why=words(row)[:500], settled_at=at)
    announce(ids)


def words(row: SettingQuarantine) -> str:
    return IN_QUARANTINE.format(setting=row.path, kind=row.kind, why=row.why)


def objection(charger: Charger, paths: Collection[str]) -> str:
    """Why one of these settings must not be written to a charger; "" if none is in quarantine for its kind."""
    row = SettingQuarantine.objects.filter(
        vendor=charger.vendor,
        model=charger.model,
        firmware=charger.firmware_version,
        path_folded__in=[path.casefold() for path in paths],
        lifted_at=None,
    ).first()
    return words(row) if row else ""


@transaction.atomic
def lift(quarantine_id: int, *, by: AbstractBaseUser | None, at: datetime) -> bool:
    """A person lets the setting be written again; False if somebody has before."""
    is_ours = SettingQuarantine.objects.filter(pk=quarantine_id, lifted_at=None).update(lifted_at=at, lifted_by=by)
    if is_ours:
        row = SettingQuarantine.objects.get(pk=quarantine_id)
        kin = Charger.objects.filter(vendor=row.vendor, model=row.model, firmware_version=row.firmware)
        announce(list(kin.values_list("pk", flat=True)))
    return is_ours == 1


def announce(charger_ids: Collection[int]) -> None:
    due.note(charger_ids)
    news.announce(charger_ids)
