"""A charger's own certificate runs out: after that it cannot come in any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db.models import Max

from chargers.models import CertificateRequest, SecurityProfile
from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact

URGENT = timedelta(days=3)
INSTALLED = CertificateRequest.Status.INSTALLED


def find_expiring(look: Look) -> Iterator[Finding]:
    """Patience is the notice we want: the time before the end at which it becomes an issue."""
    latest = (
        CertificateRequest.objects.filter(status=INSTALLED, charger__security_profile=SecurityProfile.CERTIFICATE)
        .order_by()
        .values("charger", "charger__identity")
        .annotate(ends_at=Max("expires_at"))
    )
    for row in latest.filter(ends_at__lte=look.at + look.patience):
        ends_at = row["ends_at"]
        what = "expired" if ends_at <= look.at else "expires"
        yield Finding(
            key=f"certificate:{row['charger']}",
            title=f"The certificate of {row['charger__identity']} {what} on {ends_at:%d %b %Y}.",
            charger_id=row["charger"],
            severity=Severity.MAJOR if ends_at <= look.at + URGENT else None,
            facts={"ends_at": ends_at.isoformat()},
            evidence=[fact(ends_at, "The end of its certificate.")],
        )


def prove_expiring(issues: Sequence[Issue], look: Look) -> Gone:
    latest = dict(
        CertificateRequest.objects.filter(charger__in=[issue.charger_id for issue in issues], status=INSTALLED)
        .order_by()
        .values_list("charger")
        .annotate(ends_at=Max("expires_at"))
    )
    return {
        issue.pk: f"It has a certificate until {ends_at:%d %b %Y}."
        for issue in issues
        if (ends_at := latest.get(issue.charger_id)) and ends_at > look.at + look.patience
    }


CERTIFICATE_EXPIRES = Rule(
    name="certificate_expires",
    title=phrase("Certificate expires"),
    severity=Severity.MINOR,
    find=find_expiring,
    prove=prove_expiring,
    patience=timedelta(days=30),
    patience_means=phrase("a charger's certificate ends within"),
    first_step=phrase(
        "Ask the charger to request a new one: Commands, Ask for a message, SignChargingStationCertificate."
    ),
    who=phrase("you"),
    every=timedelta(hours=1),
)
