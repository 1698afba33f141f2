"""How Chargeyard itself is doing: its parts and processes, how fast it answers, and what it could not digest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from chargers import dead_letters
from chargers.connections import SILENT_AFTER
from chargers.models import Charger, Command, CommandStatus, DeadLetter, Exchange, GatewayProcess, WorkerProcess
from portal import health
from portal.views.pages import desk_page, must_act, render_page

# A worker touches its row at least every 10 s.
WORKER_SILENT_AFTER = timedelta(seconds=15)
PACE_OVER = timedelta(minutes=5)
PACE_OF = 500
MOST_LETTERS = 50
PARTS = {"health": "system/_health.html", "letters": "system/_letters.html"}
# What each check of `/readyz` is called here, and what goes on without it.
NAMES: dict[str, tuple[str | Promise, str | Promise]] = {
    "database": (
        _("Database"),
        _("Nothing can be stored: chargers are sent offline and keep their records until it is back."),
    ),
    "redis": ("Redis", _("Pages do not update by themselves, orders may start 5 s late. Charging goes on.")),
    "mqtt": (_("MQTT broker"), _("Frames do not reach the workers: chargers are sent offline and keep their records.")),
    "worker": (_("Workers"), _("Nothing is stored and nothing answered: chargers are sent offline until one is back.")),
    "chargers": (
        _("Chargers' door"),
        _("They wait outside, keep their records, and are let in again a few hundred a second."),
    ),
}


@dataclass(frozen=True, slots=True)
class Part:
    title: str | Promise
    wrong: str  # empty: fine
    consequence: str | Promise
    took_ms: float


@dataclass(frozen=True, slots=True)
class Process:
    name: str
    kind: str | Promise
    started_at: datetime
    seen_at: datetime
    is_silent: bool
    chargers: int | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the newest of chargers' messages were answered, from the worker's receipt to its answer."""

    count: int
    median_ms: float | None
    slow_ms: float | None  # 95 % were faster
    newest_at: datetime | None


@desk_page
def system(request: HttpRequest, checks: dict[str, health.Check]) -> HttpResponse:
    context = {
        "room": "system",
        "parts": lambda: look(checks),
        "processes": lambda: processes(timezone.now()),
        "pace": lambda: pace(timezone.now()),
        "waiting": lambda: Command.objects.filter(status=CommandStatus.PENDING).count(),
        "letters": lambda: DeadLetter.objects.filter(replayed_at=None).select_related("charger")[:MOST_LETTERS],
        "letter_count": DeadLetter.objects.filter(replayed_at=None).count,
    }
    return render_page(request, "system/page.html", context, parts=PARTS)


@desk_page
@require_POST
def replay(request: HttpRequest, letter_id: int) -> HttpResponse:
    must_act(request)
    dead_letters.request_replay(get_object_or_404(DeadLetter, pk=letter_id))
    messages.success(
        request, gettext("A worker tries it again. If it succeeds it leaves this list; if not, its traceback is new.")
    )
    return redirect("system")


def look(checks: dict[str, health.Check]) -> dict[str, Any]:
    parts = [_part(name, check) for name, check in checks.items()]
    return {"all": parts, "broken": [str(part.title) for part in parts if part.wrong]}


def _part(name: str, check: health.Check) -> Part:
    title, consequence = NAMES[name]
    began = time.perf_counter()
    wrong = health.run(check)
    return Part(title, wrong, consequence, (time.perf_counter() - began) * 1000)


def processes(at: datetime) -> list[Process]:
    """Gateways and workers, those that live first."""
    return sorted(
        [*_gateways(at), *_workers(at)], key=lambda process: (process.is_silent, str(process.kind), process.name)
    )


def _gateways(at: datetime) -> Iterator[Process]:
    online = Charger.objects.filter(is_online=True).order_by().values_list("gateway").annotate(Count("pk"))
    chargers = dict(online)
    for row in GatewayProcess.objects.all():
        is_silent = row.seen_at < at - SILENT_AFTER
        yield Process(row.name, _("gateway"), row.started_at, row.seen_at, is_silent, chargers.get(row.name, 0))


def _workers(at: datetime) -> Iterator[Process]:
    for row in WorkerProcess.objects.all():
        yield Process(row.name, _("worker"), row.started_at, row.seen_at, row.seen_at < at - WORKER_SILENT_AFTER)


def pace(at: datetime) -> Pace:
    newest = Exchange.objects.filter(origin=Exchange.Origin.CHARGER).order_by("-pk")[:PACE_OF]
    recent = [row for row in newest.only("requested_at", "responded_at") if row.requested_at > at - PACE_OVER]
    took_ms = sorted(row.latency_ms for row in recent if row.latency_ms is not None)
    newest_at = max((row.requested_at for row in recent), default=None)
    if not took_ms:
        return Pace(len(recent), None, None, newest_at)
    last = len(took_ms) - 1
    return Pace(len(recent), took_ms[last // 2], took_ms[int(last * 0.95)], newest_at)
