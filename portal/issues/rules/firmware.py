"""A firmware update that the charger gave up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db.models import Max

from chargers.campaigns.progress import FAILED_STEPS as FAILED
from chargers.models import Charger, Transfer
from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact


def find_failed(look: Look) -> Iterator[Finding]:
    failed = Charger.objects.filter(firmware_status__in=FAILED).order_by()
    told = dict(
        Transfer.objects.filter(charger__in=failed.values("pk"), kind=Transfer.Kind.FIRMWARE, status__in=FAILED)
        .order_by()
        .values_list("charger")
        .annotate(at=Max("received_at"))
    )
    for charger in failed:
        told_at = told.get(charger.pk)
        if told_at is None or told_at > look.since:
            continue
        yield Finding(
            key=f"firmware:{charger.pk}",
            title=f"{charger.identity} did not take its firmware: {charger.firmware_status}.",
            charger_id=charger.pk,
            facts={"firmware_version": charger.firmware_version, "told_at": told_at.isoformat()},
            evidence=[
                fact(told_at, f"It told {charger.firmware_status}, with firmware {charger.firmware_version or '–'}.")
            ],
        )


def prove_failed(issues: Sequence[Issue], look: Look) -> Gone:
    chargers = Charger.objects.in_bulk([issue.charger_id for issue in issues if issue.charger_id])
    gone: Gone = {}
    for issue in issues:
        charger = chargers.get(issue.charger_id or 0)
        if charger and charger.firmware_version != issue.facts.get("firmware_version"):
            gone[issue.pk] = f"It has booted with firmware {charger.firmware_version}."
        elif charger and charger.firmware_status not in FAILED:
            gone[issue.pk] = f"Its update goes on: {charger.firmware_status or 'nothing to tell'}."
    return gone


FIRMWARE_FAILED = Rule(
    name="firmware_failed",
    title=phrase("Firmware update failed"),
    severity=Severity.MAJOR,
    find=find_failed,
    prove=prove_failed,
    patience=timedelta(0),
    patience_means=phrase("a charger reports a failed update"),
    first_step=phrase(
        "Can the charger reach the URL, is the image for this model? Then try one charger again, not all."
    ),
    who=phrase("you; then the manufacturer"),
    every=timedelta(minutes=1),
    steps=("fetch_log",),
)
