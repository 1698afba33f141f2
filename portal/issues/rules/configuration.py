"""What is wanted of chargers and is not so: a setting that sends a model into a boot loop, drift, refusals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from django.db.models import QuerySet

from chargers.models import Refusal, SettingQuarantine, Standing
from chargers.models.desired import DRIFTED
from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact

NAMED = 3  # settings in a title


def find_quarantined(look: Look) -> Iterator[Finding]:
    for row in SettingQuarantine.objects.filter(lifted_at=None).select_related("charger", "command"):
        lines = [fact(row.opened_at, f"{row.path} is no longer written to {row.kind}.")]
        if row.command:
            lines.append(fact(row.command.sent_at, f"{row.path} was written.", command=str(row.command.pk)))
        lines += [{"at": at, "text": "It booted."} for at in row.boots_at[:10]]
        yield Finding(
            key=f"setting-quarantine:{row.pk}",
            title=f"{row.path} seems to send {row.kind} into a boot loop: {row.why}",
            charger_id=row.charger_id,
            facts={"quarantine": row.pk},
            evidence=sorted(lines, key=lambda line: str(line["at"])),
        )


def prove_lifted(issues: Sequence[Issue], look: Look) -> Gone:
    rows = SettingQuarantine.objects.select_related("lifted_by").in_bulk(
        [issue.facts.get("quarantine") for issue in issues]
    )
    gone: Gone = {}
    for issue in issues:
        row = rows.get(issue.facts.get("quarantine"))
        if row is None or row.lifted_at:
            by = row.lifted_by.get_username() if row and row.lifted_by else "somebody"
            gone[issue.pk] = f"{by} lifted the quarantine."
    return gone


SETTING_QUARANTINED = Rule(
    name="setting_quarantined",
    title=phrase("A setting sends a model into a boot loop"),
    severity=Severity.MAJOR,
    find=find_quarantined,
    prove=prove_lifted,
    patience=timedelta(0),
    patience_means=phrase("three boots follow a written setting"),
    first_step=phrase("Take the rollout back: what the charger had before is written to it. Tell the manufacturer."),
    who=phrase("you; then the manufacturer"),
)


def _by_charger(rows: QuerySet[Standing]) -> dict[int, list[Standing]]:
    found: defaultdict[int, list[Standing]] = defaultdict(list)
    for row in rows.select_related("charger").order_by("charger", "path"):
        found[row.charger_id].append(row)
    return found


def _names(rows: Iterable[Standing]) -> str:
    paths = [row.path for row in rows]
    more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
    return ", ".join(paths[:NAMED]) + more


def find_drift(look: Look) -> Iterator[Finding]:
    # All of a charger that has drifted for long enough, not only those: else each new one would change the issue twice.
    since_long = Standing.objects.filter(DRIFTED, since__lte=look.since).values("charger")
    for charger_id, rows in _by_charger(Standing.objects.filter(DRIFTED, charger__in=since_long)).items():
        yield Finding(
            key=f"drift:{charger_id}",
            title=f"{rows[0].charger.identity} is not set as its templates want: {_names(rows)}.",
            charger_id=charger_id,
            facts={"paths": [row.path for row in rows][:50]},
            evidence=[
                fact(
                    row.since, f"{row.path} is {row.actual!r}, wanted is {row.wanted!r} ({row.source}). {row.why}"[:500]
                )
                for row in rows[:20]
            ],
        )


def prove_agreed(issues: Sequence[Issue], look: Look) -> Gone:
    """It has been read since, and nothing has drifted; or nothing is wanted of it any more."""
    ids = [issue.charger_id for issue in issues if issue.charger_id]
    drifted = set(Standing.objects.filter(DRIFTED, charger__in=ids).values_list("charger", flat=True))
    return {
        issue.pk: "It is set as wanted, or something else is wanted of it now."
        for issue in issues
        if issue.charger_id not in drifted
    }


CONFIGURATION_DRIFT = Rule(
    name="configuration_drift",
    title=phrase("A charger is not set as wanted"),
    severity=Severity.MINOR,
    find=find_drift,
    prove=prove_agreed,
    # A person who tries something at a charger is done within the hour.
    patience=timedelta(hours=1),
    patience_means=phrase("a setting that was as wanted differs for longer than"),
    first_step=phrase(
        "See its reason under Configuration: apply the template once more, or change what the template wants."
    ),
    who=phrase("you"),
    every=timedelta(minutes=1),
)


def find_refused(look: Look) -> Iterator[Finding]:
    refused = Standing.objects.filter(state=Standing.State.REFUSED, since__lte=look.since)
    said = {(row.charger_id, row.path): row for row in Refusal.objects.filter(charger__in=refused.values("charger"))}
    for charger_id, rows in _by_charger(refused).items():
        yield Finding(
            key=f"refused:{charger_id}",
            title=f"{rows[0].charger.identity} does not take {_names(rows)}.",
            charger_id=charger_id,
            facts={"paths": [row.path for row in rows][:50]},
            evidence=[
                fact(refusal.at, f"{row.path} = {row.wanted!r}: {refusal.why}"[:500])
                for row in rows[:20]
                if (refusal := said.get((charger_id, row.path)))
            ],
        )


def prove_taken(issues: Sequence[Issue], look: Look) -> Gone:
    ids = [issue.charger_id for issue in issues if issue.charger_id]
    refused = set(
        Standing.objects.filter(state=Standing.State.REFUSED, charger__in=ids).values_list("charger", flat=True)
    )
    return {
        issue.pk: "It took the value, or another one is wanted of it now."
        for issue in issues
        if issue.charger_id not in refused
    }


SETTING_REFUSED = Rule(
    name="setting_refused",
    title=phrase("A charger refuses a setting"),
    severity=Severity.MINOR,
    find=find_refused,
    prove=prove_taken,
    patience=timedelta(0),
    patience_means=phrase("a wanted value was rejected, or written twice and reads back different"),
    first_step=phrase("Look up what values its manual allows and change the template, or leave this model out of it."),
    who=phrase("you; then the manufacturer"),
    every=timedelta(minutes=1),
)
