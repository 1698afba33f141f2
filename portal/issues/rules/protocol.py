"""A charger whose messages have to be refused again and again: what it wanted to tell is lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db.models import Max, Sum

from chargers.models import Breach, Charger
from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact

MOST = 20  # an hour; a few after a boot are nothing
QUIET = timedelta(hours=2)


def find_refused(look: Look) -> Iterator[Finding]:
    this_hour = look.at.replace(minute=0, second=0, microsecond=0)
    rows = (
        Breach.objects.filter(is_refused=True, hour__gte=this_hour - timedelta(hours=1))
        .order_by()
        .values("charger", "charger__identity")
        .annotate(times=Sum("hour_count"), last_at=Max("last_at"), example=Max("exchange_id"))
    )
    for row in rows.filter(times__gte=MOST):
        yield Finding(
            key=f"protocol:{row['charger']}",
            title=f"{row['charger__identity']}: {row['times']} of its messages had to be refused within an hour.",
            charger_id=row["charger"],
            evidence=[fact(row["last_at"], "The latest refusal.", exchange=row["example"])],
        )


def prove_refused(issues: Sequence[Issue], look: Look) -> Gone:
    pks = [issue.charger_id for issue in issues if issue.charger_id]
    lately = Breach.objects.filter(charger__in=pks, is_refused=True, last_at__gt=look.at - QUIET)
    noisy = set(lately.order_by().values_list("charger", flat=True))
    heard = Charger.objects.filter(pk__in=pks, is_online=True, last_heard_at__gt=look.at - QUIET)
    quiet = set(heard.values_list("pk", flat=True)) - noisy
    return {issue.pk: "Nothing was refused for two hours." for issue in issues if issue.charger_id in quiet}


PROTOCOL_ERRORS = Rule(
    name="protocol_errors",
    title=phrase("Messages are refused"),
    severity=Severity.MINOR,
    find=find_refused,
    prove=prove_refused,
    patience=timedelta(hours=1),
    patience_means=phrase("refusals are counted; twenty within"),
    first_step=phrase("See Protocol for what its model gets wrong; a behaviour pack may put it right."),
    who=phrase("you; then the manufacturer"),
    every=timedelta(minutes=1),
    steps=("fetch_log",),
)
