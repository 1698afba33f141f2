"""A charger that nobody registered has come and waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from chargers.models import Charger, Registration
from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact


def find_quarantined(look: Look) -> Iterator[Finding]:
    for charger in Charger.objects.filter(registration=Registration.QUARANTINED, created_at__lte=look.since).order_by():
        yield Finding(
            key=f"quarantine:{charger.pk}",
            title=f"{charger.identity} waits in quarantine: accept or reject it.",
            charger_id=charger.pk,
            evidence=[fact(charger.created_at, f"It came from {charger.remote_address or 'an unknown address'}.")],
        )


def prove_quarantined(issues: Sequence[Issue], look: Look) -> Gone:
    rows = Charger.objects.filter(pk__in=[issue.charger_id for issue in issues])
    decided = {charger.pk: charger for charger in rows.exclude(registration=Registration.QUARANTINED)}
    return {
        issue.pk: f"It is {decided[issue.charger_id].get_registration_display()}."
        for issue in issues
        if issue.charger_id in decided
    }


QUARANTINED = Rule(
    name="quarantined",
    title=phrase("Unknown charger waits"),
    severity=Severity.MAJOR,
    find=find_quarantined,
    prove=prove_quarantined,
    patience=timedelta(0),
    patience_means=phrase("a charger waits in quarantine"),
    first_step=phrase(
        "Compare identity, serial number and address with what was installed; accept or reject it under Edit."
    ),
    who=phrase("you"),
)
