"""What people do with an issue. Each act leaves a line in its history; acts on a closed issue, but for a comment, fail.

Raises `AlreadyClosed` where the issue closed meanwhile.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from portal.issues import telling
from portal.issues.models import Issue, Note, RuleSetting
from portal.issues.rules import RULES
from portal.issues.watch import announce

LONGEST_COMMENT = 4000


class AlreadyClosed(ValueError):
    """The issue was closed before the act; the text is for people."""


@transaction.atomic
def acknowledge(issue_id: int, *, by: AbstractBaseUser | None) -> Issue:
    """Somebody has seen it and looks after it. Repeated, nothing happens."""
    issue = _locked(issue_id)
    if issue.acknowledged_at is None:
        issue.acknowledged_at, issue.acknowledged_by = timezone.now(), by  # type: ignore[assignment]
        issue.save(update_fields=["acknowledged_at", "acknowledged_by"])
        _noted(issue, Note.Kind.ACKNOWLEDGED, by)
    return issue


@transaction.atomic
def assign(issue_id: int, to: AbstractBaseUser | None, *, by: AbstractBaseUser | None) -> Issue:
    """Give it to somebody, or (None) back to everybody."""
    issue = _locked(issue_id)
    if issue.assigned_to_id != (to.pk if to else None):
        issue.assigned_to = to  # type: ignore[assignment]
        issue.save(update_fields=["assigned_to"])
        _noted(issue, Note.Kind.ASSIGNED, by, to.get_username() if to else "nobody")
    return issue


@transaction.atomic
def snooze(issue_id: int, until: datetime | None, *, by: AbstractBaseUser | None) -> Issue:
    """Put it off until then; None wakes it."""
    issue = _locked(issue_id)
    if issue.snoozed_until != until:
        issue.snoozed_until = until
        issue.save(update_fields=["snoozed_until"])
        kind = Note.Kind.SNOOZED if until else Note.Kind.WOKEN
        _noted(issue, kind, by, until.isoformat(timespec="minutes") if until else "")
    return issue


@transaction.atomic
def comment(issue_id: int, text: str, *, by: AbstractBaseUser | None) -> Issue:
    issue = Issue.objects.select_for_update().get(pk=issue_id)
    _noted(issue, Note.Kind.COMMENTED, by, text.strip()[:LONGEST_COMMENT])
    return issue


@transaction.atomic
def close(issue_id: int, reason: str, *, by: AbstractBaseUser | None) -> Issue:
    """Close it by hand. While the condition lasts it is not opened again."""
    issue = _locked(issue_id)
    issue.closed_at, issue.close_reason, issue.is_dismissed = timezone.now(), reason.strip()[:255], True
    issue.save(update_fields=["closed_at", "close_reason", "is_dismissed"])
    _noted(issue, Note.Kind.CLOSED, by, issue.close_reason)
    telling.tell([issue], "issue.closed", at=issue.closed_at)
    return issue


@transaction.atomic
def decide(rule: str, *, is_on: bool, patience_s: int | None, step: str = "") -> RuleSetting:
    """Switch a rule, say how long it is to wait, and what the yard may do by itself.

    One that is off has no open issues. Raises ValueError for a step that is not among those of the rule.
    """
    if step and step not in RULES[rule].steps:
        raise ValueError(f"The rule {rule!r} has no step {step!r}; it has {', '.join(RULES[rule].steps) or 'none'}.")
    setting, _ = RuleSetting.objects.update_or_create(
        rule=rule, defaults={"is_on": is_on, "patience_s": patience_s, "step": step, "checked_at": None}
    )
    if not is_on:
        now = timezone.now()
        left = list(Issue.objects.select_for_update().filter(rule=rule, closed_at=None))
        Issue.objects.filter(pk__in=[issue.pk for issue in left]).update(
            closed_at=now, close_reason="The rule was switched off."
        )
        Note.objects.bulk_create(
            [Note(issue=issue, at=now, kind=Note.Kind.CLOSED, text="The rule was switched off.") for issue in left]
        )
        announce(left)
    return setting


def _locked(issue_id: int) -> Issue:
    issue = Issue.objects.select_for_update().get(pk=issue_id)
    if not issue.is_open:
        raise AlreadyClosed(f"It was closed meanwhile: {issue.close_reason}")
    return issue


def _noted(issue: Issue, kind: Note.Kind, by: AbstractBaseUser | None, text: str = "") -> None:
    Note.objects.create(issue=issue, at=timezone.now(), by=by, kind=kind, text=text)  # type: ignore[misc]
    announce([issue])
