"""Who has gone: one charger, a whole site at once (the router, or the grid), or half the yard (then it is us)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.db.models import Count, Max, Min, Q, QuerySet

from chargers.models import Charger, Registration
from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact

LOST = ("yard_lost", "site_lost")
SMALLEST_SITE = 3  # fewer that go together may be chance
SMALLEST_YARD = 10
TOGETHER = timedelta(minutes=5)


def expected() -> QuerySet[Charger]:
    """Chargers that have been here and should be: no fault is one that never came, or that we turned away."""
    return Charger.objects.filter(registration=Registration.ACCEPTED, connected_at__isnull=False).order_by()


def find_yard_lost(look: Look) -> Iterator[Finding]:
    counts = expected().aggregate(
        all=Count("pk"), gone=Count("pk", filter=Q(is_online=False, disconnected_at__lte=look.since))
    )
    if counts["all"] >= SMALLEST_YARD and counts["gone"] * 2 > counts["all"]:
        text = f"{counts['gone']} of {counts['all']} chargers are offline. Look at our own network and gateway first."
        yield Finding(key="yard", title=text)


def prove_yard_lost(issues: Sequence[Issue], look: Look) -> Gone:
    counts = expected().aggregate(all=Count("pk"), online=Count("pk", filter=Q(is_online=True)))
    if counts["online"] * 2 < counts["all"]:
        return {}
    return {issue.pk: f"{counts['online']} of {counts['all']} chargers are online again." for issue in issues}


def find_site_lost(look: Look) -> Iterator[Finding]:
    if _is_yard_lost():
        return
    sites = (
        expected()
        .filter(site__isnull=False)
        .values("site", "site__name")
        .annotate(
            all=Count("pk"),
            gone=Count("pk", filter=Q(is_online=False, disconnected_at__lte=look.since)),
            first_at=Min("disconnected_at"),
            last_at=Max("disconnected_at"),
        )
    )
    for row in sites:
        if row["all"] < SMALLEST_SITE or row["gone"] < row["all"]:
            continue
        at_once = row["last_at"] - row["first_at"] <= TOGETHER
        guess = "all at once: router, SIM or grid?" if at_once else "one after the other."
        yield Finding(
            key=f"site:{row['site']}",
            title=f"Whole site silent: {row['site__name']}, {row['all']} chargers, {guess}",
            site_id=row["site"],
            evidence=[fact(row["first_at"], "The first charger went."), fact(row["last_at"], "The last charger went.")],
        )


def prove_site_lost(issues: Sequence[Issue], look: Look) -> Gone:
    if _is_yard_lost():
        return {issue.pk: "Part of a loss of the whole yard." for issue in issues}
    sites = expected().filter(site__in=[issue.site_id for issue in issues])
    rows = sites.values_list("site").annotate(all=Count("pk"), back=Count("pk", filter=Q(is_online=True)))
    found = {site_id: (back, total) for site_id, total, back in rows}
    gone: Gone = {}
    for issue in issues:
        back, total = found.get(issue.site_id, (0, 0))
        if back or not total:
            gone[issue.pk] = f"{back} of {total} chargers are back." if total else "No charger stands there any more."
    return gone


def find_offline(look: Look) -> Iterator[Finding]:
    rows = _uncovered(expected()).filter(is_online=False, disconnected_at__lte=look.since)
    for charger in rows:
        title = f"{charger.identity} has been offline since {charger.disconnected_at:%d %b %H:%M} UTC."
        yield Finding(key=f"offline:{charger.pk}", title=title, charger_id=charger.pk)


def prove_offline(issues: Sequence[Issue], look: Look) -> Gone:
    pks = [issue.charger_id for issue in issues if issue.charger_id]
    online = set(Charger.objects.filter(pk__in=pks, is_online=True).values_list("pk", flat=True))
    uncovered = set(_uncovered(Charger.objects.filter(pk__in=pks)).order_by().values_list("pk", flat=True))
    gone: Gone = {}
    for issue in issues:
        pk = issue.charger_id or 0
        if pk in online:
            gone[issue.pk] = "It is connected again."
        elif pk not in uncovered:
            gone[issue.pk] = "Part of a larger loss, which has an issue of its own."
    return gone


def _is_yard_lost() -> bool:
    return Issue.objects.filter(rule="yard_lost", closed_at=None).exists()


def _uncovered(chargers: QuerySet[Charger]) -> QuerySet[Charger]:
    """Without those whose absence a larger issue explains."""
    if _is_yard_lost():
        return chargers.none()
    lost = Issue.objects.filter(rule="site_lost", closed_at=None).values("site")
    return chargers.exclude(site__in=lost)


YARD_LOST = Rule(
    name="yard_lost",
    title=phrase("More than half of the yard is offline"),
    severity=Severity.CRITICAL,
    find=find_yard_lost,
    prove=prove_yard_lost,
    patience=timedelta(minutes=1),
    patience_means=phrase("more than half of all chargers are offline"),
    first_step=phrase("Look at System: is a gateway down, does the proxy or the network in front of it answer?"),
    who=phrase("whoever runs Chargeyard"),
)
SITE_LOST = Rule(
    name="site_lost",
    title=phrase("Whole site silent"),
    severity=Severity.CRITICAL,
    find=find_site_lost,
    prove=prove_site_lost,
    patience=timedelta(minutes=1),
    patience_means=phrase("all chargers of a site (three or more) are offline"),
    first_step=phrase("Call the site: is there power? Then restart its router, or ask the SIM's provider."),
    who=phrase("site contact or network provider"),
)
CHARGER_OFFLINE = Rule(
    name="charger_offline",
    title=phrase("Charger offline"),
    severity=Severity.MAJOR,
    find=find_offline,
    prove=prove_offline,
    patience=timedelta(minutes=5),
    patience_means=phrase("a charger is offline"),
    first_step=phrase(
        "See under Connection how it went: without a word it lost power or network. Ask on site: is it lit?"
    ),
    who=phrase("site contact"),
)
