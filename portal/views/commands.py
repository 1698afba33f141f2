"""Orders to one charger: the forms, and the life of what was ordered."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from chargers import commands as outbox
from chargers.conflicts import conflict
from chargers.models import Charger, Command, CommandStatus
from portal import deeds
from portal.forms.command import CommandForm
from portal.forms.commands import FORMS
from portal.links import addressed
from portal.views import charger_page
from portal.views.lists import Listing
from portal.views.pages import desk_page, must_act
from sessions.models import IdToken

DEFAULT = "trigger"
KNOWN_TOKENS = 50
PARTS = {"act": "charger/_act.html", "orders": "charger/_orders.html"}


@desk_page
def commands(request: HttpRequest, identity: str) -> HttpResponse:
    charger = charger_page.find(identity)
    name = request.GET.get("do", DEFAULT)
    name = name if name in FORMS else DEFAULT
    context: dict[str, Any] = {"tab": "commands", "do": name, "title": FORMS[name].title, "lead": FORMS[name].lead}
    if request.method == "POST":
        context |= _order(request, charger, name)
    else:
        started = {key: value for key, value in request.GET.items() if key in FORMS[name].base_fields}
        context["form"] = FORMS[name](charger, initial=started)
    rows = charger.commands.select_related("requested_by")
    context |= {
        "groups": groups(charger),
        "known_tokens": IdToken.objects.values_list("value", "holder")[:KNOWN_TOKENS],
        **Listing(request, rows, orders={"created": ("created_at",)}, default="-created").context(),
    }
    return charger_page.render(request, charger, "charger/commands.html", context, parts=PARTS)


def _order(request: HttpRequest, charger: Charger, name: str) -> dict[str, Any]:
    """Put the posted command into the outbox, unless it is wrong, or does harm and was not confirmed."""
    must_act(request)
    form = FORMS[name](charger, request.POST)
    if not form.is_valid():
        return {"form": form}
    in_the_way = conflict(charger, form.verb, form.arguments(), idempotency_key=_own_key(request)) if form.verb else ""
    harm = " ".join(filter(None, [form.harm(), in_the_way]))
    if harm and request.POST.get("confirmed") != harm:
        # Also when the facts have changed since: what is agreed to must be what will be hit.
        return {"form": form, "harm": harm}
    return {"form": FORMS[name](charger), "ordered": _request(request, charger, form)}


def _request(request: HttpRequest, charger: Charger, form: CommandForm) -> Command:
    by = must_act(request)
    told: dict[str, Any] = {"by": by, "via": "portal", "idempotency_key": _own_key(request)}
    if form.verb:
        arguments = addressed(request, form.verb, form.arguments())
        return outbox.request(charger, form.verb, arguments=arguments, **told)
    data = form.cleaned_data
    return outbox.request(charger, action=data["action"], payload=data["payload"], **told)


def _own_key(request: HttpRequest) -> str | None:
    """Of a form that is sent twice, the second finds the order of the first."""
    key = deeds.key_of(request)
    return f"desk-{key}" if key else None


def groups(charger: Charger) -> list[tuple[str, list[tuple[str, str]]]]:
    """Titles of the commands that the charger's version has words for, by group."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, form in FORMS.items():
        if not charger.subprotocol or charger.subprotocol in form.versions:
            found.setdefault(str(form.group), []).append((name, str(form.title)))
    return list(found.items())


@desk_page
@require_POST
def cancel(request: HttpRequest, command_id: UUID) -> HttpResponse:
    must_act(request)
    command = get_object_or_404(Command.objects.select_related("charger"), pk=command_id)
    if command.status == CommandStatus.PENDING and outbox.cancel(command):
        messages.success(request, gettext("Withdrawn; nothing was sent."))
    else:
        messages.warning(request, gettext("Too late: it has been sent, or was closed before."))
    return redirect("charger-commands", command.charger.identity)
