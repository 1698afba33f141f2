"""The rules look at the yard, again and again: issues are opened once, and closed when their condition is proven gone.

Promises: a condition has one open issue, whatever number of workers look at once; a rule that fails does not keep the
others from looking; what a person has closed stays closed until the condition has been away.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from portal.issues import evidence, first_steps, telling
from portal.issues.models import Issue, Note, RuleSetting
from portal.issues.rule import Finding, Gone, Look, Rule
from portal.issues.rules import RULES
from portal.issues.signals import issue_changed

log = structlog.get_logger(__name__)

# The same thing again so soon is the same issue come back: a plug that flaps is one story, not twenty.
COMES_BACK_WITHIN = timedelta(hours=6)


def watch(*, at: datetime, rules: Iterable[Rule] | None = None) -> None:
    """Let each rule look that is due; ``rules`` look in any case."""
    settings = decisions()
    for rule in RULES.values() if rules is None else rules:
        setting = settings[rule.name]
        is_due = setting.checked_at is None or setting.checked_at <= at - rule.every or rules is not None
        if not setting.is_on or not is_due:
            continue
        try:
            _look(rule, setting, at)
        except Exception:
            log.exception("rule_failed", rule=rule.name)


def decisions() -> dict[str, RuleSetting]:
    """What staff decided about each rule; a new rule gets its row."""
    known = {setting.rule: setting for setting in RuleSetting.objects.all()}
    if missing := RULES.keys() - known.keys():
        RuleSetting.objects.bulk_create([RuleSetting(rule=rule) for rule in sorted(missing)], ignore_conflicts=True)
        known = {setting.rule: setting for setting in RuleSetting.objects.all()}
    return known


def patience(rule: Rule, setting: RuleSetting | None) -> timedelta:
    return rule.patience if setting is None or setting.patience_s is None else timedelta(seconds=setting.patience_s)


def _look(rule: Rule, setting: RuleSetting, at: datetime) -> None:
    look = Look(at=at, patience=patience(rule, setting))
    findings = {finding.key: finding for finding in rule.find(look)}
    known = _known(rule)
    if not findings and not known:
        RuleSetting.objects.filter(pk=setting.pk).update(checked_at=at)
        return
    missing = [issue for key, issue in known.items() if key not in findings]
    gone = rule.prove(missing, look) if missing else {}
    with transaction.atomic():
        # One writer at a time per rule; another worker's look may have come between.
        RuleSetting.objects.select_for_update().filter(pk=setting.pk).update(checked_at=at)
        known = _known(rule)
        opened = _open(rule, [finding for key, finding in findings.items() if key not in known], at)
        lasting = [(known[key], finding) for key, finding in findings.items() if key in known]
        changed = [
            *opened,
            *_follow(lasting, at),
            *_close([issue for issue in known.values() if issue.pk in gone], gone, at),
        ]
        if setting.step in rule.steps:
            changed += first_steps.take(setting.step, [*opened, *(issue for issue, _ in lasting)], at=at)
        announce(changed)


def _known(rule: Rule) -> dict[str, Issue]:
    """Open issues, and those that a person closed while it was so."""
    found = Issue.objects.filter(Q(closed_at=None) | Q(is_dismissed=True), rule=rule.name).order_by("-closed_at")
    return {issue.key: issue for issue in found}


def _open(rule: Rule, findings: Sequence[Finding], at: datetime) -> list[Issue]:
    if not findings:
        return []
    recent = Issue.objects.filter(key__in=[f.key for f in findings], closed_at__gte=at - COMES_BACK_WITHIN)
    back = {issue.key: issue for issue in recent.order_by("closed_at")}
    fresh = [_issue(rule, finding, at) for finding in findings if finding.key not in back]
    evidence.gather(fresh, at=at)
    Issue.objects.bulk_create(fresh)
    returned = [_take_up(back[finding.key], finding, at) for finding in findings if finding.key in back]
    _write(returned, ("title", "facts", "severity", "closed_at", "close_reason", "times", "seen_at", "acknowledged_at"))
    _note(fresh, Note.Kind.OPENED, at, [issue.title for issue in fresh])
    _note(returned, Note.Kind.CAME_BACK, at, [issue.title for issue in returned])
    telling.tell([*fresh, *returned], "issue.opened", at=at)
    return [*fresh, *returned]


def _issue(rule: Rule, finding: Finding, at: datetime) -> Issue:
    return Issue(
        rule=rule.name,
        key=finding.key,
        severity=finding.severity or rule.severity,
        charger_id=finding.charger_id,
        site_id=finding.site_id,
        session_id=finding.session_id,
        evse_id=finding.evse_id,
        title=finding.title[:255],
        facts=finding.facts,
        evidence=finding.evidence,
        opened_at=at,
        seen_at=at,
    )


def _take_up(issue: Issue, finding: Finding, at: datetime) -> Issue:
    issue.title, issue.facts = finding.title[:255], finding.facts
    issue.severity = finding.severity or issue.severity
    issue.closed_at, issue.close_reason, issue.acknowledged_at = None, "", None
    issue.times += 1
    issue.seen_at = at
    return issue


def _follow(pairs: Sequence[tuple[Issue, Finding]], at: datetime) -> list[Issue]:
    """Still so. A title with other facts is news; one that only counts on is not."""
    changed, counted = [], []
    for issue, finding in pairs:
        if issue.is_open and issue.facts != finding.facts:
            _note([issue], Note.Kind.CHANGED, at, [finding.title])
            issue.severity = finding.severity or issue.severity
            changed.append(issue)
        elif issue.is_open and issue.title != finding.title:
            counted.append(issue)
        issue.title, issue.facts = finding.title[:255], finding.facts
    _write(changed + counted, ("title", "facts", "severity"))
    Issue.objects.filter(pk__in=[issue.pk for issue, _ in pairs]).update(seen_at=at)
    return changed + counted


def _close(issues: Sequence[Issue], gone: Gone, at: datetime) -> list[Issue]:
    were_open = [issue for issue in issues if issue.is_open]
    for issue in issues:
        issue.is_dismissed = False
        if issue.is_open:
            issue.close_reason = gone[issue.pk][:255]
    for issue in were_open:
        issue.closed_at = at
    _write(issues, ("is_dismissed", "closed_at", "close_reason"))
    _note(were_open, Note.Kind.CLOSED, at, [issue.close_reason for issue in were_open])
    telling.tell(were_open, "issue.closed", at=at)
    return were_open


def _write(issues: Sequence[Issue], columns: Sequence[str]) -> None:
    if issues:
        Issue.objects.bulk_update(issues, columns, batch_size=200)


def _note(issues: Sequence[Issue], kind: Note.Kind, at: datetime, texts: Sequence[str]) -> None:
    Note.objects.bulk_create(
        [Note(issue=issue, at=at, kind=kind, text=text) for issue, text in zip(issues, texts, strict=True)]
    )


def announce(issues: Iterable[Issue]) -> None:
    """Tell the floors above, on commit."""
    changed = list(issues)
    if changed:
        ids = {issue.pk for issue in changed}
        chargers = {issue.charger_id for issue in changed if issue.charger_id}
        transaction.on_commit(lambda: issue_changed.send_robust(sender=Issue, issue_ids=ids, charger_ids=chargers))
