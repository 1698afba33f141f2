"""Issues: what is wrong and who looks after it. The list, and one with its evidence and its history."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from chargers import sentences
from chargers.models import Site
from portal.issues import care, first_steps
from portal.issues.models import Issue, RuleSetting, Severity
from portal.issues.models.issue import awake
from portal.issues.rules import RULES
from portal.issues.rules.faults import fault_of
from portal.views import saved
from portal.views.lists import Listing, empty_last, tidy_url, words_of
from portal.views.pages import desk_page, must_act, render_page

ORDERS = {
    "severity": ("severity", "-opened_at"),
    "opened": ("opened_at",),
    "charger": (empty_last("charger__identity_folded"), "-opened_at"),
    "closed": (empty_last("closed_at"),),
}
SNOOZES = {"1h": (_("1 hour"), timedelta(hours=1)), "8h": (_("8 hours"), timedelta(hours=8)),
           "1d": (_("a day"), timedelta(days=1)), "7d": (_("a week"), timedelta(days=7))}  # fmt: skip
LIST_PARTS = {"issues-head": "issues/_head.html", "rows": "issues/_rows.html"}
PARTS = {"issue-head": "issues/_issue_head.html", "issue": "issues/_issue.html"}


@desk_page
def issues(request: HttpRequest) -> HttpResponse:
    context = {
        "room": "issues",
        "total": Issue.objects.exists,
        "counts": counts,
        "sites": Site.objects.all(),
        "severities": Severity.choices,
        "rules": RULES.values(),
        **saved.context(request, "issues"),
        **Listing(request, filtered(request), orders=ORDERS, default="severity").context(),
    }
    return tidy_url(request, render_page(request, "issues/list.html", context, parts=LIST_PARTS))


def filtered(request: HttpRequest) -> QuerySet[Issue]:
    """What the URL asks for: ``q state severity rule site whose``; without a state those that are open and awake."""
    asked = request.GET
    found = Issue.objects.select_related("charger__site", "site", "assigned_to", "acknowledged_by")
    for word in words_of(asked.get("q", "")):
        found = found.filter(
            Q(title__icontains=word) | Q(charger__identity__icontains=word) | Q(charger__site__name__icontains=word)
        )
    found = found.filter(_states(timezone.now()).get(asked.get("state", ""), awake(timezone.now())))
    if asked.get("severity", "").isdecimal():
        found = found.filter(severity=int(asked["severity"]))
    if asked.get("rule") in RULES:
        found = found.filter(rule=asked["rule"])
    if asked.get("site", "").isdecimal():
        found = found.filter(Q(site=int(asked["site"])) | Q(charger__site=int(asked["site"])))
    if asked.get("whose") == "mine":
        found = found.filter(assigned_to=request.user.pk)
    elif asked.get("whose") == "nobody":
        found = found.filter(assigned_to=None)
    return found


def _states(at: datetime) -> dict[str, Q]:
    return {
        "open": Q(closed_at=None),
        "new": awake(at) & Q(acknowledged_at=None),
        "snoozed": Q(closed_at=None, snoozed_until__gt=at),
        "closed": Q(closed_at__isnull=False),
        "all": Q(),
    }


def counts() -> dict[str, int]:
    """How many are open and awake, by severity, and how many sleep."""
    now = timezone.now()
    rows = Issue.objects.filter(awake(now)).order_by().values_list("severity", flat=True)
    severities = list(rows)
    return {
        "open": len(severities),
        "critical": severities.count(Severity.CRITICAL),
        "major": severities.count(Severity.MAJOR),
        "minor": severities.count(Severity.MINOR),
        "snoozed": Issue.objects.filter(closed_at=None, snoozed_until__gt=now).count(),
    }


@desk_page
def issue(request: HttpRequest, issue_id: int) -> HttpResponse:
    rows = Issue.objects.select_related(
        "charger__site", "site", "session", "assigned_to", "acknowledged_by", "step__charger"
    )
    found = get_object_or_404(rows.select_related("step__charger"), pk=issue_id)
    context = {
        "room": "issues",
        "issue": found,
        "rule": RULES.get(found.rule),
        "fault": fault_of(found),
        "notes": found.notes.select_related("by"),
        "before": lambda: _earlier(found),
        **_by_itself(found),
        "staff": get_user_model().objects.filter(is_staff=True, is_active=True).order_by("username"),
        "snoozes": [(key, words) for key, (words, _how_long) in SNOOZES.items()],
    }
    return render_page(request, "issues/detail.html", context, parts=PARTS)


def _earlier(found: Issue) -> QuerySet[Issue]:
    """The same thing before."""
    return Issue.objects.filter(key=found.key).exclude(pk=found.pk).order_by("-opened_at")[:5]


def _by_itself(found: Issue) -> dict[str, Any]:
    """What the yard does about it before anybody has seen it, and what keeps it from that."""
    setting = RuleSetting.objects.filter(rule=found.rule).first()
    chosen = first_steps.STEPS.get(setting.step) if setting else None
    is_about_one = found.charger_id is not None and found.is_open
    return {
        "step": chosen if is_about_one else None,
        "held": lambda: first_steps.standing(found, setting, at=timezone.now()),
    }


@desk_page
@require_POST
def act(request: HttpRequest, issue_id: int) -> HttpResponse:
    """What somebody does with it: ``do`` is one of ACTS."""
    by = must_act(request)
    get_object_or_404(Issue, pk=issue_id)
    doing = ACTS.get(request.POST.get("do", ""))
    if doing is None:
        messages.error(request, gettext("That is nothing one can do with an issue."))
        return redirect("issue", issue_id)
    try:
        trouble = doing(request, issue_id, by)
    except care.AlreadyClosed as closed:
        trouble = sentences.read(str(closed))
    if trouble:
        messages.warning(request, trouble)
    return redirect("issue", issue_id)


def _acknowledge(request: HttpRequest, issue_id: int, by: AbstractBaseUser) -> str:
    care.acknowledge(issue_id, by=by)
    return ""


def _assign(request: HttpRequest, issue_id: int, by: AbstractBaseUser) -> str:
    wanted = request.POST.get("to", "")
    if not wanted:
        care.assign(issue_id, None, by=by)
        return ""
    people = get_user_model().objects.filter(is_staff=True, is_active=True)
    to = people.filter(pk=int(wanted)).first() if wanted.isdecimal() and len(wanted) < 19 else None
    if to is None:
        return gettext("There is no such person among the staff.")
    care.assign(issue_id, to, by=by)
    return ""


def _snooze(request: HttpRequest, issue_id: int, by: AbstractBaseUser) -> str:
    _words, how_long = SNOOZES.get(request.POST.get("how_long", ""), ("", None))
    care.snooze(issue_id, timezone.now() + how_long if how_long else None, by=by)
    return ""


def _comment(request: HttpRequest, issue_id: int, by: AbstractBaseUser) -> str:
    text = request.POST.get("text", "").strip()
    if not text:
        return gettext("Nothing was written.")
    care.comment(issue_id, text, by=by)
    return ""


def _close(request: HttpRequest, issue_id: int, by: AbstractBaseUser) -> str:
    reason = request.POST.get("text", "").strip()
    if not reason:
        return gettext("Say why it is closed; it would close by itself once its condition is gone.")
    care.close(issue_id, reason, by=by)
    return ""


ACTS: dict[str, Callable[[HttpRequest, int, AbstractBaseUser], str]] = {
    "acknowledge": _acknowledge,
    "assign": _assign,
    "snooze": _snooze,
    "comment": _comment,
    "close": _close,
}


@desk_page
def count(request: HttpRequest) -> HttpResponse:
    """The number in the head of every page."""
    return render_page(request, "issues/_count.html", {})


def open_count(request: HttpRequest) -> dict[str, Any]:
    """Context of every whole page: how many issues wait, for the head; asked only where it is shown."""
    return {"open_issues": lambda: Issue.objects.filter(awake(timezone.now()), severity__lte=Severity.MAJOR).count()}
