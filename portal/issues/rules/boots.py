"""A charger that starts again and again, and what it was told just before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from chargers.models import Boot, Charger, Command, CommandStatus
from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact, span

FEWEST = 3
QUIET = timedelta(hours=1)
# A command that comes so shortly before the first boot is the first suspect.
SUSPECT = timedelta(minutes=5)


def find_boot_loop(look: Look) -> Iterator[Finding]:
    fresh = Charger.objects.filter(booted_at__gte=look.since).order_by()
    boots: defaultdict[int, list[datetime]] = defaultdict(list)
    rows = Boot.objects.filter(charger__in=fresh.values("pk"), received_at__gte=look.since).order_by("received_at")
    names: dict[int, str] = {}
    for charger_id, identity, at in rows.values_list("charger", "charger__identity", "received_at"):
        boots[charger_id].append(at)
        names[charger_id] = identity
    looping = {charger_id: times for charger_id, times in boots.items() if len(times) >= FEWEST}
    suspects = _told_before({charger_id: times[0] for charger_id, times in looping.items()})
    for charger_id, times in looping.items():
        suspect = suspects.get(charger_id)
        after = f", after {suspect.action or suspect.verb}" if suspect else ""
        lines = [fact(at, "It booted.") for at in times[:20]]
        if suspect:
            lines.insert(
                0, fact(suspect.sent_at, f"We sent {suspect.action or suspect.verb}.", command=str(suspect.pk))
            )
        lasted = span((look.at - times[0]).total_seconds())
        yield Finding(
            key=f"boots:{charger_id}",
            title=f"{names[charger_id]} has booted {len(times)} times in {lasted}{after}.",
            charger_id=charger_id,
            evidence=lines,
        )


def _told_before(first_boot: dict[int, datetime]) -> dict[int, Command]:
    """The last thing each charger accepted shortly before its first boot, but for a reset, which explains one boot."""
    if not first_boot:
        return {}
    since = min(first_boot.values()) - SUSPECT
    commands = Command.objects.filter(charger__in=first_boot, created_at__gte=since - SUSPECT, sent_at__gte=since)
    accepted = commands.filter(status=CommandStatus.ACCEPTED).exclude(verb="reset").order_by("sent_at")
    return {
        command.charger_id: command
        for command in accepted
        if command.sent_at
        and first_boot[command.charger_id] - SUSPECT <= command.sent_at <= first_boot[command.charger_id]
    }


def prove_boot_loop(issues: Sequence[Issue], look: Look) -> Gone:
    pks = [issue.charger_id for issue in issues if issue.charger_id]
    calm = Charger.objects.filter(pk__in=pks, is_online=True, booted_at__lt=look.at - QUIET)
    quiet = set(calm.values_list("pk", flat=True))
    return {issue.pk: "It is online and has not booted for an hour." for issue in issues if issue.charger_id in quiet}


BOOT_LOOP = Rule(
    name="boot_loop",
    title=phrase("Boot loop"),
    severity=Severity.MAJOR,
    find=find_boot_loop,
    prove=prove_boot_loop,
    patience=timedelta(minutes=15),
    patience_means=phrase("boots are counted; three within"),
    first_step=phrase(
        "See what it was told before the first boot and take that back. Send this model no more settings."
    ),
    who=phrase("you; then the manufacturer"),
    steps=("fetch_log",),
)
