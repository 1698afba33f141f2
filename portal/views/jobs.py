"""One order to many chargers: choose and preview, then watch, retry and withdraw it as one job."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from chargers import jobs as outbox
from chargers.models import Charger, Command, CommandStatus, Job
from chargers.sentences import in_english
from portal.forms.command import CommandForm
from portal.forms.commands import FORMS
from portal.links import addressed
from portal.views import chargers as charger_list
from portal.views.lists import Listing
from portal.views.pages import desk_page, must_act, render_page
from sessions.models import ChargingSession

# What makes sense for many at once, and which of it can harm them.
BULK = ("trigger", "read_settings", "reset", "change_availability", "clear_cache", "fetch_logs", "update_firmware")
HARMFUL = {"reset", "change_availability", "update_firmware"}
SHOWN = 12
FILTERS = ("q", "state", "site", "tag", "version", "vendor", "online")


@desk_page
def jobs(request: HttpRequest) -> HttpResponse:
    rows = _counted(Job.objects.select_related("requested_by"))
    listing = Listing(request, rows, orders={"created": ("created_at",)}, default="-created")
    left = Command.objects.filter(status__in=CommandStatus.open()).exclude(job=None)
    context = {"room": "chargers", "left": left.count, **listing.context()}
    return render_page(
        request, "jobs/list.html", context, parts={"jobs-head": "jobs/_list_head.html", "rows": "jobs/_rows.html"}
    )


def _counted(rows: QuerySet[Job]) -> Any:
    status = "commands__status"
    return rows.annotate(
        total=Count("commands"),
        waiting=Count("commands", filter=Q(**{f"{status}__in": CommandStatus.open()})),
        done=Count("commands", filter=Q(**{status: CommandStatus.ACCEPTED})),
        failed=Count("commands", filter=Q(**{f"{status}__in": outbox.FAILED})),
        seen=Count("commands", filter=Q(commands__effect=Command.Effect.SEEN)),
        not_seen=Count("commands", filter=Q(commands__effect=Command.Effect.NOT_SEEN)),
    )


@desk_page
def new(request: HttpRequest) -> HttpResponse:
    """Choose what to order of all chargers that the URL's filters match; the second time with a preview, then do it."""
    by = must_act(request)
    name = request.GET.get("do", BULK[0])
    name = name if name in BULK and name in FORMS else BULK[0]
    matching = charger_list.filtered(request)
    chosen = matching.filter(Q(subprotocol="") | Q(subprotocol__in=FORMS[name].versions))
    ids = sorted(chosen.values_list("pk", flat=True))
    example = Charger.objects.filter(pk__in=ids[:1]).first()
    context: dict[str, Any] = {
        "room": "chargers",
        "do": name,
        "forms": [(key, FORMS[key].title) for key in BULK if key in FORMS],
        "filters": urlencode({key: request.GET[key] for key in FILTERS if request.GET.get(key)}),
        "count": len(ids),
        "left_out": matching.count() - len(ids),
    }
    if example is not None:
        form = _form(name, example, request.POST or None)
        context |= {"form": form, "lead": FORMS[name].lead}
        if request.method == "POST" and form.is_valid():
            context["preview"] = preview = _preview(name, ids)
            if request.POST.get("confirmed") == preview["digest"]:
                if not preview["is_harmful"] or request.POST.get("typed", "").strip() == str(len(ids)):
                    arguments = addressed(request, name, _arguments(form))
                    job = outbox.start(
                        in_english(FORMS[name].title), name, arguments, ids, by=by, chosen_by=context["filters"]
                    )
                    return redirect("job", job.pk)
                context["mistyped"] = True
    return render_page(request, "jobs/new.html", context)


def _form(name: str, example: Charger, posted: QueryDict | None) -> CommandForm:
    """The command's own form, without the choice of a connector: many chargers have none in common."""
    form = FORMS[name](example, posted)
    form.fields.pop("evse_id", None)
    return form


def _arguments(form: CommandForm) -> dict[str, Any]:
    arguments = form.arguments()
    return {**arguments, "evse_id": 0} if "evse_id" in form.base_fields else arguments


def _preview(name: str, ids: list[int]) -> dict[str, Any]:
    """Who would be hit. ``digest``: what is agreed to must be what is hit."""
    chargers = Charger.objects.filter(pk__in=ids)
    running = ChargingSession.objects.filter(charger__in=ids, stopped_at=None, is_superseded=False)
    return {
        "digest": blake2b(",".join(map(str, ids)).encode(), digest_size=12).hexdigest(),
        "is_harmful": name in HARMFUL and len(ids) > 1,
        "online": chargers.filter(is_online=True).count(),
        "charging": running.values("charger").distinct().count(),
        "first": list(chargers.select_related("site")[:SHOWN]),
        "rest": max(0, len(ids) - SHOWN),
    }


@desk_page
def job(request: HttpRequest, job_id: int) -> HttpResponse:
    found = get_object_or_404(_counted(Job.objects.select_related("requested_by", "retry_of")), pk=job_id)
    rows = found.commands.select_related("charger__site")
    status = request.GET.get("status", "")
    if status == "failed":
        rows = rows.filter(status__in=outbox.FAILED)
    elif status == "waiting":
        rows = rows.filter(status__in=CommandStatus.open())
    elif status == "not_seen":
        rows = rows.filter(effect=Command.Effect.NOT_SEEN)
    elif status in CommandStatus.values:
        rows = rows.filter(status=status)
    orders = {"charger": ("charger__identity_folded",), "status": ("status", "charger__identity_folded")}
    context = {
        "room": "chargers",
        "job": found,
        "can_cancel": found.waiting > 0,
        "status": status,
        **Listing(request, rows, orders=orders, default="charger").context(),
    }
    parts = {"job-head": "jobs/_job_head.html", "rows": "jobs/_results.html"}
    return render_page(request, "jobs/detail.html", context, parts=parts)


@desk_page
@require_POST
def act(request: HttpRequest, job_id: int) -> HttpResponse:
    """``do``: cancel what waits, or retry what failed."""
    by = must_act(request)
    found = get_object_or_404(Job, pk=job_id)
    if request.POST.get("do") == "retry":
        try:
            again = outbox.retry(found, by=by)
        except ValueError:
            messages.warning(request, gettext("Nothing has failed."))
            return redirect("job", found.pk)
        return redirect("job", again.pk)
    withdrawn = outbox.cancel(found)
    said = ngettext(
        "{count} withdrawn; what was sent cannot be called back.",
        "{count} withdrawn; what was sent cannot be called back.",
        withdrawn,
    )
    messages.success(request, said.format(count=withdrawn))
    return redirect("job", found.pk)
