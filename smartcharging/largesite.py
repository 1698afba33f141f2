"""A site of a thousand EVSEs on rows, to measure what a plan of it costs with the database. For `bench_smart`."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from chargers.models import Charger, Command, CommandStatus, Setting, Site
from chargers.rows import dated
from sessions.models import ChargingSession, MeterValue
from smartcharging import planning
from smartcharging.leading import profile
from smartcharging.models import ChargingNeeds, InstalledProfile, Limit, LimitNode, Outlet, SitePlan

EVSES, CIRCUITS, PANELS = 1000, 16, 4
FIRST = 3  # plans that send all that there is to send
SETTINGS = 40  # that a charger told


@dataclass(slots=True)
class Taken:
    """What plans cost: milliseconds of CPU without the database's, by the clock, and the orders that each gave."""

    cpu_ms: list[float] = field(default_factory=list)
    ms: list[float] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)


@contextmanager
def own_database() -> Iterator[str]:
    """A database of its own beside the one of the settings, gone afterwards; what kind it is."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield connection.vendor
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def measure(*, plans: int = 30, charging: int = 300) -> tuple[Taken, Taken]:
    """Plans ten seconds apart, once leases are out and confirmed: those of a quiet hour, which renew leases, and those
    of a building whose load jumps each time, so that most cars get another limit.
    """
    at = timezone.now()
    site = _build(charging, at)
    quiet, jumping = Taken(), Taken()
    for number in range(FIRST + 2 * plans):
        at += timedelta(seconds=10)
        if number == FIRST:
            _spread()
        if is_jumping := number >= FIRST + plans:
            SitePlan.objects.update(building_a=[1000.0 * (number % 2)] * 3, building_at=at)
        taken = jumping if is_jumping else quiet if number >= FIRST else Taken()
        began, began_cpu = time.perf_counter(), time.process_time()
        taken.orders.append(planning.plan_site(site.pk, at=at))
        taken.ms.append(1000 * (time.perf_counter() - began))
        taken.cpu_ms.append(1000 * (time.process_time() - began_cpu))
        waiting = Command.objects.filter(status=CommandStatus.PENDING)
        waiting.update(status=CommandStatus.ACCEPTED, sent_at=at, settled_at=at)
    return quiet, jumping


def _spread() -> None:
    """Cars do not come all at once, so neither are their leases due at once. And tables are as autovacuum has them."""
    chance = random.Random(2)  # noqa: S311
    leases = list(Limit.objects.filter(kind="lease"))
    for lease in leases:
        lease.sent_at -= timedelta(seconds=chance.uniform(0, 90))
    Limit.objects.bulk_update(leases, ["sent_at"])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _build(charging: int, at: datetime) -> Site:
    site = Site.objects.create(name="Large")
    SitePlan.objects.create(site=site, is_on=True)
    outlets = _outlets(site)
    _hold(outlets, "default", 0.0, at)
    for kind in ("floor", "lease"):
        _hold(outlets[:charging], kind, 6.0, at)
    _tell([outlet.charger for outlet in outlets], at)
    _charge([outlet.charger for outlet in outlets[:charging]], at)
    return site


def _hold(outlets: Sequence[Outlet], kind: str, limit_a: float, at: datetime) -> None:
    """The planner's profiles, as chargers confirmed them."""
    told = [profile(kind, outlet.evse_id, limit_a, at=at, until=None, watts_per_a=None) for outlet in outlets]
    InstalledProfile.objects.bulk_create(
        InstalledProfile(
            charger=outlet.charger, evse_id=outlet.evse_id, profile_id=held["id"], stack_level=held["stack_level"],
            purpose=held["purpose"], kind=held["kind"], schedules=[{"unit": "A", "periods": held["periods"]}],
            installed_at=at,
        )
        for outlet, held in zip(outlets, told, strict=True)
    )  # fmt: skip


def _tell(chargers: Sequence[Charger], at: datetime) -> None:
    """What they are set to, of which a plan wants one."""
    names = ["ChargingScheduleAllowedChargingRateUnit", *(f"Key{n}" for n in range(1, SETTINGS))]
    Setting.objects.bulk_create(
        (
            Setting(charger=charger, name=name, value="Current", reported_at=at)
            for charger in chargers
            for name in names
        ),
        batch_size=1000,
    )


def _outlets(site: Site) -> list[Outlet]:
    """A charger each, on circuits of panels of one connection; two in three with three phases."""
    chance = random.Random(1)  # noqa: S311 - the same site each time
    root = LimitNode.objects.create(site=site, name="Grid", l1_a=4000, l2_a=4000, l3_a=4000)
    panels = [_node(site, root, f"Panel {n}", 1200.0) for n in range(PANELS)]
    circuits = [_node(site, panels[n % PANELS], f"Circuit {n}", 350.0) for n in range(CIRCUITS)]
    chargers = Charger.objects.bulk_create(
        Charger(
            identity=f"L-{n}", identity_folded=f"l-{n}", subprotocol="ocpp1.6", is_online=True, is_booted=True,
            site=site,
        )
        for n in range(EVSES)
    )  # fmt: skip
    return Outlet.objects.bulk_create(
        Outlet(node=circuits[n % CIRCUITS], charger=charger, evse_id=1, phases=chance.choice((1, 3, 3)))
        for n, charger in enumerate(chargers)
    )


def _charge(chargers: Sequence[Charger], at: datetime) -> None:
    """A session at each, with what its meter showed for an hour; a third of the cars say what they need."""
    chance = random.Random(3)  # noqa: S311
    sessions = ChargingSession.objects.bulk_create(
        ChargingSession(
            charger=charger, evse_id=1, transaction_id=str(charger.pk), started_at=at, started_received_at=at
        )
        for charger in chargers
    )
    MeterValue.objects.bulk_create(
        MeterValue(
            charger_id=session.charger_id, session=session, evse_id=1, measured_at=moment, received_at=moment,
            current_a=6.0, key=dated(uuid4(), moment), digest=uuid4(),
        )
        for session in sessions
        for moment in (at - timedelta(minutes=minute) for minute in range(60))
    )  # fmt: skip
    ChargingNeeds.objects.bulk_create(
        ChargingNeeds(
            charger_id=session.charger_id, session=session, evse_id=1, energy_wh=30_000, told_at=at,
            departs_at=at + timedelta(hours=chance.uniform(1, 9)),
        )
        for session in sessions[::3]
    )  # fmt: skip


def _node(site: Site, parent: LimitNode, name: str, limit_a: float) -> LimitNode:
    return LimitNode.objects.create(site=site, parent=parent, name=name, l1_a=limit_a, l2_a=limit_a, l3_a=limit_a)
