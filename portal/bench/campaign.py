"""What a firmware campaign costs with a large fleet: `python -m portal.bench.campaign CHARGERS AT_ONCE`, JSON out.

Run by `manage.py bench_campaign` in the environment of an empty database of its own. The looks at the campaign are
those that beat asks for; what the chargers would say in between (an accepted order, a boot with the new version, a car
that charges) is written as rows, all of a look at once. No time passes but that of the campaign's clock.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import django

LOOK_EVERY = timedelta(minutes=1)  # of the campaign's clock
MOST_LOOKS = 500
VERSION = "9.9.9"
VENDOR = "Vendor 0"


@dataclass(slots=True)
class Looks:
    """What looks at the campaign took; in milliseconds of the processor, ours and the database's."""

    cpu_ms: list[float] = field(default_factory=list)
    statements: list[int] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        ordered = sorted(self.cpu_ms)
        return {
            "looks": len(ordered),
            "cpu_ms_first": round(self.cpu_ms[0], 1),
            "cpu_ms_mean": round(sum(ordered) / len(ordered), 1),
            "cpu_ms_largest": round(ordered[-1], 1),
            "cpu_ms_last": round(self.cpu_ms[-1], 1),
            "statements_mean": round(sum(self.statements) / len(self.statements), 1),
            "statements_most": max(self.statements),
        }


def play(at_once: int) -> dict[str, Any]:
    """A campaign over all chargers that are online, from its start to its end."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from chargers.campaigns import care, running
    from chargers.models import Campaign, Charger, FirmwareImage, Participant
    from portal.bench.pages import processor_s
    from sessions import campaigns as eyes
    from sessions.models import ChargingSession

    Charger.objects.update(vendor=VENDOR, is_online=True)
    at = timezone.now()
    ChargingSession.objects.filter(stopped_at=None).update(stopped_at=at, stopped_received_at=at)  # else they wait
    image = FirmwareImage.objects.create(
        vendor=VENDOR, model="*", version=VERSION, name="bench", size_bytes=1, added_at=at
    )
    began_s = processor_s()
    campaign = care.start(
        image, list(Charger.objects.all()), title="bench", by=None, at=at, most_at_once=at_once, most_per_site=0,
        soak_minutes=0, base_url="http://127.0.0.1",
    )  # fmt: skip
    start_ms = 1000 * (processor_s() - began_s)
    looks, page = Looks(), Looks()
    while campaign.status == Campaign.Status.RUNNING and len(looks.cpu_ms) < MOST_LOOKS:
        at += LOOK_EVERY
        with CaptureQueriesContext(connection) as queries:
            began_s = processor_s()
            running.advance(campaign.pk, eyes, at=at)
            looks.cpu_ms.append(1000 * (processor_s() - began_s))
        looks.statements.append(len(queries))
        if len(looks.cpu_ms) % 10 == 1:
            _look_at_the_page(campaign.pk, page)
        _chargers_answer(campaign, at + LOOK_EVERY / 2)
        campaign.refresh_from_db()
    states = Participant.objects.order_by().values_list("state", flat=True)
    return {
        "start_ms": round(start_ms, 1),
        **looks.summary(),
        "page": page.summary(),
        "ended": str(campaign.status),
        "states": {state: list(states).count(state) for state in set(states)},
    }


def _chargers_answer(campaign: Any, at: datetime) -> None:
    """Who was ordered takes the order, boots with the new version, and charges a car, one step after each look."""
    from django.db import transaction
    from django.db.models import Exists, OuterRef

    from chargers.models import Boot, Charger, Command, CommandStatus, Participant
    from sessions.models import ChargingSession

    fresh = campaign.participants.filter(state=Participant.State.UPDATING)
    ready = list(fresh.filter(command__status=CommandStatus.ACCEPTED).values_list("charger", flat=True))
    told = {"received_at": at, "epoch": 1, "firmware_version": VERSION, "verdict": "Accepted", "interval_s": 300}
    Boot.objects.bulk_create([Boot(charger_id=pk, **told) for pk in ready], batch_size=50)
    Charger.objects.filter(pk__in=campaign.participants.filter(charger__in=ready).values("charger")).update(
        firmware_version=VERSION
    )
    Command.objects.filter(pk__in=fresh.values("command")).update(status=CommandStatus.ACCEPTED, settled_at=at)
    soaking = campaign.participants.filter(state=Participant.State.SOAKING)
    charged = ChargingSession.objects.filter(charger=OuterRef("charger"), started_received_at__gte=campaign.created_at)
    with transaction.atomic():
        for pk in soaking.exclude(Exists(charged)).values_list("charger", flat=True):
            ChargingSession.objects.create(
                charger_id=pk, evse_id=1, transaction_id=f"bench-{pk}", started_at=at, started_received_at=at,
                stopped_at=at, stopped_received_at=at, energy_wh=7000,
            )  # fmt: skip


def _look_at_the_page(pk: int, page: Looks) -> None:
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from portal.bench.pages import processor_s

    client = Client()
    client.force_login(get_user_model().objects.get(username="bench-pages"))
    with CaptureQueriesContext(connection) as queries:
        began_s = processor_s()
        answer = client.get(f"/firmware/campaigns/{pk}/")
        page.cpu_ms.append(1000 * (processor_s() - began_s))
    page.statements.append(len(queries))
    if answer.status_code != 200:
        raise SystemExit(f"The campaign's page answers {answer.status_code}.")


def main(chargers: int, at_once: int) -> None:
    from django.core.management import call_command

    from portal.bench import fill
    from portal.bench.pages import as_it_is_served

    call_command("migrate", verbosity=0)
    fill.fill(fill.Size(chargers, chargers))
    with as_it_is_served():
        sys.stdout.write(json.dumps(play(at_once)))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    main(*map(int, sys.argv[1:]))
