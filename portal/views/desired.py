"""Configuration as desired state: templates, what differs from them, restarts that wait, settings in quarantine."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from chargers.desired import quarantine as guard
from chargers.desired import rollouts, standings, templates
from chargers.desired.rule import WRITABLE
from chargers.models import Command, SettingQuarantine, SettingTemplate, Site, Standing, Tag, Write, fold
from chargers.models.desired import DRIFTED
from portal.forms.desired import TemplateForm
from portal.views.lists import Listing, tidy_url, words_of
from portal.views.pages import desk_page, must_act, render_page
from sessions.models import ChargingSession

State = Standing.State
NOT_SAME = ~Q(state=State.SAME)
FILTERS = ("q", "state", "reason", "template", "site", "tag", "charger")
RESTART_PARTS = {"restarts-head": "desired/_restarts_head.html", "rows": "desired/_restarts.html"}
AT_ONCE = 200  # chargers that are looked at before a page is shown; beat looks at the others


def frame(tab: str) -> dict[str, Any]:
    """What every page of this room shows: its tabs with their counts."""
    return {
        "room": "configuration",
        "tab": tab,
        "counts": {
            "differences": Standing.objects.filter(NOT_SAME).count,
            "restarts": Write.objects.filter(status=Write.Status.REBOOT).values("charger").distinct().count,
            "quarantine": SettingQuarantine.objects.filter(lifted_at=None).count,
        },
    }


@desk_page
def all_templates(request: HttpRequest) -> HttpResponse:
    rows = SettingTemplate.objects.annotate(
        size=Count("values", distinct=True),
        reached=Count("standings__charger", distinct=True),
        differing=Count("standings__charger", distinct=True, filter=~Q(standings__state=State.SAME)),
    ).prefetch_related("sites", "tags")
    orders = {"priority": ("priority", "name"), "name": ("name",)}
    context = {
        **frame("templates"),
        "summary": summary,
        **Listing(request, rows, orders=orders, default="-priority").context(),
    }
    parts = {"rows": "desired/_templates.html", "desired-head": "desired/_head.html"}
    return render_page(request, "desired/templates.html", context, parts=parts)


def summary() -> dict[str, int]:
    """Of how many chargers something is wanted, and how many are not as wanted."""
    wanted = Standing.objects.values("charger").distinct()
    return {
        "wanted": wanted.count(),
        "differing": wanted.filter(NOT_SAME).count(),
        "drifted": wanted.filter(DRIFTED).count(),
    }


@desk_page
def template(request: HttpRequest, template_id: int) -> HttpResponse:
    """What it says, whom it reaches, and how each of them stands to it."""
    found = get_object_or_404(SettingTemplate.objects.select_related("changed_by"), pk=template_id)
    standings.look_due(limit=AT_ONCE, at=timezone.now())
    rows = found.standings.select_related("charger__site")
    by_state = dict(rows.order_by().values_list("state").annotate(Count("pk")))
    state = request.GET.get("state", "")
    shown = rows.filter(state=state) if state in State.values else rows
    context = {
        **frame("templates"),
        "template": found,
        "values": found.values.all(),
        "reached": rows.values("charger").distinct().count(),
        "differing": rows.filter(NOT_SAME).values("charger").distinct().count(),
        "to_write": sum(by_state.get(each, 0) for each in WRITABLE),
        "states": [(value, word, by_state[value]) for value, word in State.choices if value in by_state],
        "state": state,
        "running": rollouts.counted(found.rollouts.all())[:5],
        **Listing(request, shown, orders=ORDERS, default="state").context(),
    }
    parts = {"rows": "desired/_standings.html", "template-head": "desired/_template_head.html"}
    return render_page(request, "desired/template.html", context, parts=parts)


ORDERS = {
    "charger": ("charger__identity_folded", "path"),
    "setting": ("path", "charger__identity_folded"),
    "state": ("state", "charger__identity_folded", "path"),
    "since": ("since", "charger__identity_folded"),
}


@desk_page
def edit(request: HttpRequest, template_id: int | None = None) -> HttpResponse:
    by = must_act(request)
    found = get_object_or_404(SettingTemplate, pk=template_id) if template_id else None
    form = TemplateForm(request.POST or None, instance=found)
    if form.is_valid():
        saved = form.keep(by=by)
        messages.success(
            request,
            gettext("Saved {name}. Nothing was written to a charger: see below what would be.").format(name=saved.name),
        )
        return redirect("template", saved.pk)
    context = {
        **frame("templates"),
        "form": form,
        "title": gettext("Edit {name}").format(name=found.name) if found else gettext("New template"),
        "lead": gettext("It says what chargers are to be set to. Nothing is written until somebody applies it."),
        "back": reverse("template", args=[found.pk]) if found else reverse("templates"),
        "back_word": found.name if found else gettext("Configuration"),
    }
    return render_page(request, "parts/form_page.html", context)


@desk_page
@require_POST
def delete(request: HttpRequest, template_id: int) -> HttpResponse:
    must_act(request)
    found = get_object_or_404(SettingTemplate, pk=template_id)
    if request.POST.get("typed", "").strip() != found.name:
        messages.error(request, gettext("{name} stays: its name was not typed.").format(name=found.name))
        return redirect("template", found.pk)
    templates.delete(found)
    messages.success(
        request, gettext("{name} is wanted no more. What chargers are set to stays as it is.").format(name=found.name)
    )
    return redirect("templates")


@desk_page
def differences(request: HttpRequest) -> HttpResponse:
    """All that is not as wanted, over the fleet, each with its reason."""
    found = filtered(request, Standing.objects.filter(NOT_SAME))
    context = {
        **frame("differences"),
        "summary": summary,
        "states": [choice for choice in State.choices if choice[0] != State.SAME],
        "reasons": Standing.Reason.choices,
        "templates": SettingTemplate.objects.all(),
        "sites": Site.objects.all(),
        "tags": Tag.objects.all(),
        "to_write": found.filter(state__in=WRITABLE).count,
        **Listing(request, found.select_related("charger__site"), orders=ORDERS, default="-since").context(),
    }
    parts = {"rows": "desired/_standings.html", "desired-head": "desired/_differences_head.html"}
    return tidy_url(request, render_page(request, "desired/differences.html", context, parts=parts))


def filtered(request: HttpRequest, found: QuerySet[Standing]) -> QuerySet[Standing]:
    """The standings that the URL asks for: ``q state reason template site tag charger``."""
    asked = {name: request.GET.get(name, "").strip() for name in FILTERS}
    for word in words_of(asked["q"]):
        found = found.filter(
            Q(charger__identity__icontains=word) | Q(path__icontains=word) | Q(charger__site__name__icontains=word)
        )
    if asked["state"] in State.values:
        found = found.filter(state=asked["state"])
    if asked["reason"] == "drift":
        found = found.filter(DRIFTED)
    elif asked["reason"] in Standing.Reason.values:
        found = found.filter(state=State.DIFFERS, reason=asked["reason"])
    for name, column in (("template", "template"), ("site", "charger__site"), ("tag", "charger__tags")):
        if asked[name].isdecimal():
            found = found.filter(**{column: int(asked[name])})
    if asked["charger"]:
        found = found.filter(charger__identity_folded=fold(asked["charger"]))
    return found


# -- restarts --------------------------------------------------------------------------------------------------------


@desk_page
def restarts(request: HttpRequest) -> HttpResponse:
    """Chargers that took a setting which is in force after their next boot, and releasing that boot."""
    context: dict[str, Any] = {**frame("restarts"), "rows": waiting_for_boot}
    if request.method == "POST":
        by = must_act(request)
        ids = [int(pk) for pk in request.POST.getlist("charger") if pk.isdecimal()]
        charging = _charging(ids)
        if charging and request.POST.get("confirmed") != "yes":
            context |= {"chosen": ids, "charging": len(charging)}
            return render_page(request, "desired/restarts.html", context)
        count = rollouts.restart(ids, by=by)
        messages.success(
            request,
            ngettext(
                "{count} restart ordered; it is read back after each.",
                "{count} restarts ordered; it is read back after each.",
                count,
            ).format(count=count),
        )
        return redirect("restarts")
    return render_page(request, "desired/restarts.html", context, parts=RESTART_PARTS)


def waiting_for_boot() -> list[dict[str, Any]]:
    """Each charger with its writes, whether a car is charging there, and what became of the last restart."""
    writes: dict[int, list[Write]] = {}
    for write in Write.objects.filter(status=Write.Status.REBOOT).select_related("charger__site", "rollout"):
        writes.setdefault(write.charger_id, []).append(write)
    running = _charging(writes)
    resets: dict[int, Command] = {}
    for order in Command.objects.filter(charger__in=writes, verb="reset").order_by("created_at"):
        if any(write.written_at and order.created_at > write.written_at for write in writes[order.charger_id]):
            resets[order.charger_id] = order
    return [
        {"charger": rows[0].charger, "writes": rows, "is_charging": pk in running, "reset": resets.get(pk)}
        for pk, rows in writes.items()
    ]


def _charging(charger_ids: Collection[int]) -> set[int]:
    """Those of these chargers that a session runs at."""
    running = ChargingSession.objects.filter(charger__in=charger_ids, stopped_at=None, is_superseded=False)
    return set(running.values_list("charger", flat=True))


# -- quarantine ------------------------------------------------------------------------------------------------------


@desk_page
def quarantine(request: HttpRequest) -> HttpResponse:
    rows = SettingQuarantine.objects.select_related("charger", "write__rollout", "lifted_by", "command")
    context = {**frame("quarantine"), "held": rows.filter(lifted_at=None), "lifted": rows.exclude(lifted_at=None)[:20]}
    return render_page(request, "desired/quarantine.html", context, parts={"rows": "desired/_quarantine.html"})


@desk_page
@require_POST
def lift(request: HttpRequest, quarantine_id: int) -> HttpResponse:
    by = must_act(request)
    if guard.lift(quarantine_id, by=by, at=timezone.now()):
        messages.success(
            request, gettext("Lifted: it may be written to this model again. Three more boots bring it back.")
        )
    return redirect("quarantine")
