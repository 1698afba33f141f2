"""Writing what is wanted: shown before, watched while, taken back after."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from chargers.desired import rollouts as writing
from chargers.desired.rule import WRITABLE
from chargers.models import Rollout, SettingTemplate, Standing, Write
from chargers.models.desired import UNDER_WAY, UNDONE
from chargers.sentences import phrase, read
from portal.forms.desired import ApplyForm
from portal.views.desired import FILTERS, filtered, frame
from portal.views.lists import Listing
from portal.views.pages import desk_page, must_act, render_page

SHOWN = 200  # writes in a preview
MOST_LOOKED_AT = 500  # chargers that are judged anew for a preview


@desk_page
def apply(request: HttpRequest) -> HttpResponse:
    """What would be written to those that the URL's filters match; with POST of what was shown, it is."""
    by = must_act(request)
    wanted = filtered(request, Standing.objects.all())
    ids = list(wanted.order_by().values_list("charger", flat=True).distinct()[: MOST_LOOKED_AT + 1])
    if len(ids) <= MOST_LOOKED_AT and request.method == "GET":
        writing.look_again(ids, at=timezone.now())
    rows = list(wanted.filter(state__in=WRITABLE).select_related("charger").order_by(*_ORDER))
    form = ApplyForm(request.POST or None)
    digest = _digest((row.charger_id, row.path, row.wanted) for row in rows)
    template = _template_of(request)
    if request.method == "POST" and form.is_valid() and rows:
        if request.POST.get("confirmed") == digest:
            rollout = writing.start_these(
                rows, _title(template, rows), template=template, parallel=form.cleaned_data["parallel"], by=by
            )
            return redirect("rollout", rollout.pk)
        messages.warning(request, gettext("What would be written has changed since you saw it; look once more."))
    context = {
        **frame("rollouts"),
        "form": form,
        "title": _title(template, rows),
        "digest": digest,
        "rows": [_shown(row.charger, row.path, row.actual, row.wanted) for row in rows[:SHOWN]],
        "rest": max(0, len(rows) - SHOWN),
        "count": len(rows),
        "chargers": len({row.charger_id for row in rows}),
        "offline": len({row.charger_id for row in rows if not row.charger.is_online}),
        "unread": sum(row.actual is None for row in rows),
        "left": _left_alone(wanted),
        "back": reverse("template", args=[template.pk]) if template else reverse("differences"),
        "back_word": template.name if template else gettext("Differences"),
        "filters": {name: request.GET[name] for name in FILTERS if request.GET.get(name)},
    }
    return render_page(request, "desired/apply.html", context)


def _template_of(request: HttpRequest) -> SettingTemplate | None:
    asked = request.GET.get("template", "")
    return SettingTemplate.objects.filter(pk=int(asked)).first() if asked.isdecimal() else None


_ORDER = ("charger__identity_folded", "path")
WANTED_OF = phrase("What is wanted of {identity}")


def _title(template: SettingTemplate | None, rows: list[Standing]) -> str:
    if template:
        return template.name
    identities = sorted({row.charger.identity for row in rows})
    return WANTED_OF.format(identity=identities[0]) if len(identities) == 1 else phrase("What is wanted")


def _shown(charger: Any, path: str, has: str | None, will: str) -> dict[str, Any]:
    return {"charger": charger, "path": path, "has": has, "will": will}


def _left_alone(wanted: QuerySet[Standing]) -> list[tuple[str, int, str]]:
    """What is not written though it is not as wanted: why, how often, with examples."""
    kept = wanted.exclude(state__in=[*WRITABLE, Standing.State.SAME])
    counts = kept.order_by().values_list("state").annotate(Count("pk"))
    return [
        (
            str(Standing.State(state).label),
            count,
            ", ".join(
                gettext("{path} of {identity}").format(path=path, identity=identity)
                for identity, path in kept.filter(state=state).values_list("charger__identity", "path")[:3]
            ),
        )
        for state, count in counts
    ]


def _digest(what: Any) -> str:
    """What is agreed to must be what is written."""
    return blake2b(repr(sorted(what)).encode(), digest_size=12).hexdigest()


@desk_page
def rollouts(request: HttpRequest) -> HttpResponse:
    rows = writing.counted(Rollout.objects.select_related("requested_by", "takes_back"))
    listing = Listing(request, rows, orders={"created": ("created_at",)}, default="-created")
    running = Rollout.objects.filter(status__in=(Rollout.Status.RUNNING, Rollout.Status.PAUSED))
    context = {**frame("rollouts"), "open_count": running.count, **listing.context()}
    parts = {"rollouts-head": "desired/_rollouts_head.html", "rows": "desired/_rollouts.html"}
    return render_page(request, "desired/rollouts.html", context, parts=parts)


SHOWS = {
    "waiting": (Write.Status.WAITING, *UNDER_WAY),
    "reboot": (Write.Status.REBOOT,),
    "done": (Write.Status.DONE,),
    "failed": UNDONE,
    "left": (Write.Status.SKIPPED, Write.Status.CANCELLED),
}


@desk_page
def rollout(request: HttpRequest, rollout_id: int) -> HttpResponse:
    rows = Rollout.objects.select_related("requested_by", "template", "takes_back", "retry_of")
    found = get_object_or_404(writing.counted(rows), pk=rollout_id)
    writes = found.writes.select_related("charger__site", "command")
    status = request.GET.get("status", "")
    if status in SHOWS:
        writes = writes.filter(status__in=SHOWS[status])
    orders = {
        "charger": ("charger__identity_folded", "path"),
        "setting": ("path", "charger__identity_folded"),
        "status": ("status", "charger__identity_folded", "path"),
    }
    context = {
        **frame("rollouts"),
        "rollout": found,
        "status": status,
        "can_take_back": writing.taking_back(found).exists,
        "taken_back_by": found.taken_back_by.first,
        **Listing(request, writes, orders=orders, default="charger").context(),
    }
    parts = {"rollout-head": "desired/_rollout_head.html", "rows": "desired/_writes.html"}
    return render_page(request, "desired/rollout.html", context, parts=parts)


@desk_page
@require_POST
def act(request: HttpRequest, rollout_id: int) -> HttpResponse:
    """``do``: pause, resume, cancel, or retry what failed."""
    by = must_act(request)
    found = get_object_or_404(Rollout, pk=rollout_id)
    do = request.POST.get("do")
    if do == "retry":
        try:
            return redirect("rollout", writing.retry(found, by=by).pk)
        except ValueError as error:
            messages.warning(request, read(str(error)))
    elif do == "cancel":
        count = writing.cancel(found)
        messages.success(
            request, gettext("Cancelled; {count} not written. What was sent cannot be called back.").format(count=count)
        )
    elif do == "pause":
        writing.pause(found)
    elif do == "resume":
        writing.resume(found)
    return redirect("rollout", found.pk)


@desk_page
def take_back(request: HttpRequest, rollout_id: int) -> HttpResponse:
    """What would be written back; with POST, it is."""
    by = must_act(request)
    found = get_object_or_404(Rollout, pk=rollout_id)
    writes = list(writing.taking_back(found).select_related("charger").order_by(*_ORDER))
    digest = _digest((row.charger_id, row.path, row.old_value or "") for row in writes)
    if request.method == "POST":
        if writes and request.POST.get("confirmed") == digest:
            return redirect("rollout", writing.take_back(found, by=by).pk)
        messages.warning(request, gettext("What would be written back has changed since you saw it; look once more."))
    context = {
        **frame("rollouts"),
        "is_back": True,
        "title": gettext("Take back {title}").format(title=read(found.title)),
        "digest": digest,
        "rows": [
            _shown(row.charger, row.path, row.read_value or row.value, row.old_value or "") for row in writes[:SHOWN]
        ],
        "rest": max(0, len(writes) - SHOWN),
        "count": len(writes),
        "chargers": len({row.charger_id for row in writes}),
        "offline": len({row.charger_id for row in writes if not row.charger.is_online}),
        "back": reverse("rollout", args=[found.pk]),
        "back_word": gettext("Rollout {number}").format(number=found.pk),
    }
    return render_page(request, "desired/apply.html", context)
