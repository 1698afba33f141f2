"""A charger whose clock is wrong: sessions at the wrong hour, certificates that it takes for expired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db.models import Q

from chargers.models import Charger
from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact, span


def find_skewed(look: Look) -> Iterator[Finding]:
    limit_s = look.patience.total_seconds()
    off = Charger.objects.filter(Q(clock_offset_s__gt=limit_s) | Q(clock_offset_s__lt=-limit_s), is_online=True)
    for charger in off.order_by():
        offset_s = charger.clock_offset_s or 0.0
        way = "ahead of" if offset_s > 0 else "behind"
        hint = ", whole hours: its time zone is wrong" if abs(offset_s) > 1800 and _is_whole_hours(offset_s) else ""
        yield Finding(
            key=f"clock:{charger.pk}",
            title=f"The clock of {charger.identity} is {span(abs(offset_s))} {way} ours{hint}.",
            charger_id=charger.pk,
            evidence=[fact(charger.last_heard_at, f"Its clock minus ours: {offset_s:+.0f} s.")],
        )


def _is_whole_hours(offset_s: float) -> bool:
    return abs(offset_s / 3600 - round(offset_s / 3600)) * 3600 < 120


def prove_skewed(issues: Sequence[Issue], look: Look) -> Gone:
    limit_s = look.patience.total_seconds()
    right = Charger.objects.filter(
        pk__in=[issue.charger_id for issue in issues],
        is_online=True,
        clock_offset_s__gte=-limit_s,
        clock_offset_s__lte=limit_s,
    )
    offsets = {charger.pk: charger.clock_offset_s or 0.0 for charger in right}
    return {
        issue.pk: f"It is within {abs(offsets[issue.charger_id]):.0f} s of ours."
        for issue in issues
        if issue.charger_id in offsets
    }


CLOCK_SKEW = Rule(
    name="clock_skew",
    title=phrase("Clock is wrong"),
    severity=Severity.MINOR,
    find=find_skewed,
    prove=prove_skewed,
    patience=timedelta(minutes=2),
    patience_means=phrase("a charger's clock is off by more than"),
    first_step=phrase("A restart makes most chargers take the time from our answer to their boot."),
    who=phrase("you"),
    every=timedelta(minutes=1),
    steps=("tell_time", "restart"),
)
