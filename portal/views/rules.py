"""Which rules look for issues and how patient they are; who is told."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_POST

from chargers.sentences import read
from portal.forms.issues import ChannelForm, RuleForm
from portal.issues import care, first_steps, telling, watch
from portal.issues.models import Channel, Issue, Telling
from portal.issues.rules import RULES
from portal.views.pages import desk_page, must_act, render_page

NEWEST = 20


@desk_page
def rules(request: HttpRequest) -> HttpResponse:
    settings = watch.decisions()
    open_by_rule = Issue.objects.filter(closed_at=None).order_by().values_list("rule").annotate(Count("pk"))
    counts = dict(open_by_rule)
    rows = [
        {
            "rule": rule,
            "setting": settings[name],
            "patience": watch.patience(rule, settings[name]),
            "count": counts.get(name, 0),
            "step": first_steps.STEPS.get(settings[name].step),
        }
        for name, rule in RULES.items()
    ]
    return render_page(request, "issues/rules.html", {"room": "issues", "rows": rows})


@desk_page
def rule(request: HttpRequest, name: str) -> HttpResponse:
    must_act(request)
    found = RULES.get(name)
    if found is None:
        messages.error(request, gettext("There is no rule {name!r}.").format(name=name))
        return redirect("rules")
    form = RuleForm(found, watch.decisions()[name], request.POST or None)
    if form.is_valid():
        care.decide(name, **form.decision())
        messages.success(
            request, gettext("“{title}” looks with its new setting from now on.").format(title=read(found.title))
        )
        return redirect("rules")
    context = {
        "room": "issues",
        "form": form,
        "title": read(found.title),
        "lead": " ".join([read(found.first_step), gettext("Who can mend it: {who}.").format(who=read(found.who))]),
        "back": reverse("rules"),
        "back_word": gettext("Rules"),
    }
    return render_page(request, "parts/form_page.html", context)


@desk_page
def channels(request: HttpRequest) -> HttpResponse:
    rows = Channel.objects.annotate(failed=Count("tellings", filter=Q(tellings__status=Telling.Status.FAILED)))
    context = {
        "room": "issues",
        "channels": rows,
        "tellings": lambda: Telling.objects.select_related("channel", "issue")[:NEWEST],
    }
    return render_page(request, "issues/channels.html", context, parts={"tellings": "issues/_tellings.html"})


@desk_page
def channel(request: HttpRequest, channel_id: int | None = None) -> HttpResponse:
    must_act(request)
    found = get_object_or_404(Channel, pk=channel_id) if channel_id else None
    form = ChannelForm(
        request.POST or None, instance=found, initial=None if found else {"kind": "mail", "language": get_language()}
    )
    if form.is_valid():
        saved = form.save()
        messages.success(request, gettext("Saved {name}.").format(name=saved.name))
        return redirect("channels")
    context: dict[str, Any] = {
        "room": "issues",
        "form": form,
        "title": found.name if found else gettext("Add a channel"),
        "lead": gettext(
            "A mailbox, or the URL of a system of yours. Each webhook is signed with the channel's own key."
        ),
        "back": reverse("channels"),
        "back_word": gettext("Channels"),
    }
    return render_page(request, "parts/form_page.html", context)


@desk_page
@require_POST
def channel_act(request: HttpRequest, channel_id: int) -> HttpResponse:
    """``do``: test it, or delete it."""
    must_act(request)
    found = get_object_or_404(Channel, pk=channel_id)
    if request.POST.get("do") == "delete":
        found.delete()
        messages.success(request, gettext("{name} hears nothing any more.").format(name=found.name))
    else:
        telling.test(found)
        messages.success(request, gettext("A test is on its way; see below what became of it."))
    return redirect("channels")


@desk_page
@require_POST
def tell_again(request: HttpRequest, telling_id: UUID) -> HttpResponse:
    must_act(request)
    telling.again(telling_id)
    return redirect("channels")
