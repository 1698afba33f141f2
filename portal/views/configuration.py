"""What a charger is set to, as it reported it, and writing a value: the write is a command with a life of its own."""

from __future__ import annotations

from typing import Any

import structlog
from django import forms
from django.db.models import Max, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from chargers import commands, twins
from chargers.desired import due, rollouts
from chargers.desired.rule import WRITABLE
from chargers.desired.templates import SHADOW
from chargers.models import Charger, Command, Setting, Standing
from portal.forms.fields import DeskForm
from portal.views import charger_page
from portal.views.lists import words_of
from portal.views.pages import desk_page, must_act, render_page

log = structlog.get_logger(__name__)

RECENT_WRITES = 200
MOST_ROWS = 1000
PARTS = {"settings": "charger/_settings.html", "monitors": "charger/_monitors.html", "wanted": "charger/_wanted.html"}


@desk_page
def configuration(request: HttpRequest, identity: str) -> HttpResponse:
    charger = charger_page.find(identity)
    if request.method == "POST":
        commands.request(charger, "read_settings", by=must_act(request), via="portal")
        return redirect("charger-configuration", charger.identity)
    query = request.GET.get("q", "").strip()
    context = {
        "tab": "configuration",
        "query": query,
        "settings": lambda: rows(charger, query),
        "reported_at": charger.settings.aggregate(last=Max("reported_at"))["last"],
        "monitors": charger.monitors.all(),
        "wanted": lambda: wanted(charger),
        "shadow": SHADOW,
        "to_write": charger.standings.filter(state__in=WRITABLE).count,
        "fetch": charger.commands.filter(verb="read_settings").first(),
    }
    return charger_page.render(request, charger, "charger/configuration.html", context, parts=PARTS)


def wanted(charger: Charger) -> list[dict[str, Any]]:
    """What is wanted of it, what differs first, each with what it refused and its last write in a rollout."""
    refusals = {row.path: row for row in charger.refusals.all()}
    writes = {row.path: row for row in charger.writes.order_by("pk")}
    standings = sorted(charger.standings.all(), key=lambda row: (row.state == Standing.State.SAME, row.path))
    return [{"standing": row, "refusal": refusals.get(row.path), "write": writes.get(row.path)} for row in standings]


@desk_page
@require_POST
def allow(request: HttpRequest, identity: str) -> HttpResponse:
    """A person lets a setting be written again that the charger did not take."""
    must_act(request)
    charger = charger_page.find(identity)
    rollouts.forget_refusals([(charger.pk, request.POST.get("path", ""))])
    due.note({charger.pk})
    rollouts.look_again([charger.pk], at=timezone.now())
    return redirect("charger-configuration", charger.identity)


@desk_page
@require_POST
def renounce(request: HttpRequest, identity: str) -> HttpResponse:
    """A person ends what somebody wants of it by the shadow in AWS; the shadow is told."""
    by = must_act(request)
    charger, path, now = charger_page.find(identity), request.POST.get("path", ""), timezone.now()
    if twins.renounce(charger, path, at=now):
        log.info("shadow_wish_ended", charger=charger.identity, setting=path, by=by.get_username())
        rollouts.look_again([charger.pk], at=now)
    return redirect("charger-configuration", charger.identity)


def rows(charger: Charger, query: str) -> list[dict[str, Any]]:
    """Settings with the last write of each that is not yet, or not rightly, what the charger reports."""
    found = charger.settings.all()
    for word in words_of(query):
        found = found.filter(Q(name__icontains=word) | Q(component__icontains=word) | Q(value__icontains=word))
    writes = last_writes(charger)
    return [{"setting": setting, "write": writes.get(setting.path)} for setting in found[:MOST_ROWS]]


def last_writes(charger: Charger) -> dict[str, Command]:
    """The newest write of each setting by its path."""
    found: dict[str, Command] = {}
    for command in charger.commands.filter(verb="write_settings")[:RECENT_WRITES]:
        for place in command.arguments.get("settings", []):
            found.setdefault(path(place), command)
    return found


def path(place: dict[str, Any]) -> str:
    names = {field.name for field in Setting._meta.get_fields()}
    return Setting(**{key: value for key, value in place.items() if key in names}).path


class ValueForm(DeskForm):
    """A new value for one setting; a choice where the charger told what it may be."""

    value = forms.CharField(label=_("Value"), required=False, strip=False, max_length=2500)

    def __init__(self, setting: Setting, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, initial={"value": setting.value}, **kwargs)
        options = [option.strip() for option in setting.options.split(",") if option.strip()]
        if setting.data_type.casefold() == "boolean":
            options = ["true", "false"]
        if options and setting.data_type not in {"MemberList", "SequenceList"}:
            choices = [(option, option) for option in dict.fromkeys([setting.value, *options]) if option]
            self.fields["value"] = forms.ChoiceField(choices=choices)
        widget = self.fields["value"].widget
        look = "form-select" if isinstance(widget, forms.Select) else "form-control"
        widget.attrs |= {
            "aria-label": gettext("New value of {path}").format(path=setting.path),
            "class": look,
            "autofocus": True,
        }


@desk_page
def setting(request: HttpRequest, identity: str, setting_id: int) -> HttpResponse:
    """One row: as it is, as a form (``?edit``), or, after POST, with its write under way."""
    charger = charger_page.find(identity)
    found = get_object_or_404(Setting, pk=setting_id, charger=charger)
    context: dict[str, Any] = {"charger": charger, "row": {"setting": found}}
    is_editing = "edit" in request.GET and not found.is_readonly
    if request.method == "POST" or is_editing:
        must_act(request)
        form = ValueForm(found, request.POST or None)
        if form.is_valid():
            write(request, charger, found, form.cleaned_data["value"])
        else:
            context["form"] = form
    context["row"]["write"] = last_writes(charger).get(found.path)
    if request.headers.get("HX-Request") != "true":
        return redirect("charger-configuration", charger.identity)
    return render_page(request, "charger/_setting.html", context)


def write(request: HttpRequest, charger: Charger, setting: Setting, value: str) -> Command:
    place = {
        name: getattr(setting, name)
        for name in ("component", "component_instance", "evse_id", "connector_id", "name", "instance", "attribute")
        if getattr(setting, name) not in ("", 0)
    }
    arguments = {"settings": [{**place, "value": value}]}
    return commands.request(charger, "write_settings", arguments=arguments, by=must_act(request), via="portal")
