"""A site of a thousand EVSEs on rows, to measure what a plan of it costs with the database. For `bench_smart`."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from chargers.models import Charger, Command, CommandStatus, Site
from chargers.rows import dated
from sessions.models import ChargingSession, MeterValue
from smartcharging import planning
from smartcharging.leading import profile_id
from smartcharging.models import InstalledProfile, Limit, LimitNode, Outlet, SitePlan

EVSES, CIRCUITS, PANELS = 1000, 16, 4
FIRST = 3  # plans that send all that there is to send


@contextmanager
def own_database() -> Iterator[str]:
    """A database of its own beside the one of the settings, gone afterwards; what kind it is."""
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield connection.vendor
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def measure(*, plans: int = 30, charging: int = 300) -> tuple[list[float], list[float]]:
    """Milliseconds of CPU and of the clock for each plan, ten seconds apart, once leases are out and confirmed."""
    at = timezone.now()
    site = _build(charging, at)
    took_cpu, took = [], []
    for number in range(FIRST + plans):
        at += timedelta(seconds=10)
        began, began_cpu = time.perf_counter(), time.process_time()
        planning.plan_site(site.pk, at=at)
        if number == FIRST - 1:
            _spread()
        if number >= FIRST:
            took.append(1000 * (time.perf_counter() - began))
            took_cpu.append(1000 * (time.process_time() - began_cpu))
        waiting = Command.objects.filter(status=CommandStatus.PENDING)
        waiting.update(status=CommandStatus.ACCEPTED, sent_at=at, settled_at=at)
    return took_cpu, took


def _spread() -> None:
    """Cars do not come all at once, so neither are their leases due at once."""
    chance = random.Random(2)  # noqa: S311
    leases = list(Limit.objects.filter(kind="lease"))
    for lease in leases:
        lease.sent_at -= timedelta(seconds=chance.uniform(0, 90))
    Limit.objects.bulk_update(leases, ["sent_at"])


def _build(charging: int, at: datetime) -> Site:
    site = Site.objects.create(name="Large")
    SitePlan.objects.create(site=site, is_on=True)
    outlets = _outlets(site)
    schedules = [{"unit": "A", "periods": [{"start_s": 0, "limit": 0.0}]}]
    InstalledProfile.objects.bulk_create(
        InstalledProfile(
            charger=outlet.charger, evse_id=1, profile_id=profile_id(outlet.evse_id, "default"), stack_level=0,
            purpose="tx_default", kind="absolute", schedules=schedules, installed_at=at,
        )
        for outlet in outlets
    )  # fmt: skip
    _charge([outlet.charger for outlet in outlets[:charging]], at)
    return site


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


def _charge(chargers: list[Charger], at: datetime) -> None:
    """A session at each, with what its meter showed."""
    sessions = ChargingSession.objects.bulk_create(
        ChargingSession(
            charger=charger, evse_id=1, transaction_id=str(charger.pk), started_at=at, started_received_at=at
        )
        for charger in chargers
    )
    MeterValue.objects.bulk_create(
        MeterValue(
            charger_id=session.charger_id, session=session, evse_id=1, measured_at=at, received_at=at, current_a=6.0,
            key=dated(uuid4(), at), digest=uuid4(),
        )
        for session in sessions
        for _ in range(5)
    )  # fmt: skip


def _node(site: Site, parent: LimitNode, name: str, limit_a: float) -> LimitNode:
    return LimitNode.objects.create(site=site, parent=parent, name=name, l1_a=limit_a, l2_a=limit_a, l3_a=limit_a)
