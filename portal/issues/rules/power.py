"""Sites that share their power: not safe, not planned; a charger that disobeys; a silent edge or meter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact, span
from smartcharging.models import LeadChange, Leader, Outlet, SitePlan

NOT_SHARED = "Its power is not shared any more."
FULL = 1 + 1e-6
NOTHING = 1000  # so many times what it bears: it bears next to nothing, as where somebody limits it to 0 W


def _shared() -> QuerySet[SitePlan]:
    return SitePlan.objects.filter(is_on=True).select_related("site").order_by()


def _judged(issues: Sequence[Issue], why_over: Callable[[SitePlan], str]) -> Gone:
    """``why_over`` says of the plan of a site why its issue is over; "" while it is not."""
    plans = _shared().filter(site__in=[issue.site_id for issue in issues])
    reasons = {plan.site_id: why_over(plan) for plan in plans}
    judged = {issue.pk: reasons.get(issue.site_id or 0, NOT_SHARED) for issue in issues}
    return {pk: reason for pk, reason in judged.items() if reason}


# -- if everything broke now ------------------------------------------------------------------------------------------


def find_unsafe(look: Look) -> Iterator[Finding]:
    for plan in _shared().filter(fullness__gt=FULL, unsafe_since__lte=look.since):
        most = f"{plan.fullness:.2f} times what the site bears" if plan.fullness < NOTHING else "where nothing may flow"
        yield Finding(
            key=f"unsafe:{plan.site_id}",
            title=f"{plan.site.name}: if everything broke now, its chargers could draw {most}.",
            site_id=plan.site_id,
            evidence=[
                fact(plan.unsafe_since, "Since then what they may draw at worst is above the limit."),
                fact(plan.planned_at, "The last plan."),
            ],
        )


def prove_safe(issues: Sequence[Issue], look: Look) -> Gone:
    def why_over(plan: SitePlan) -> str:
        is_safe = plan.fullness <= FULL
        return f"At worst they draw {100 * plan.fullness:.0f} % of what the site bears." if is_safe else ""

    return _judged(issues, why_over)


# -- who disobeys ------------------------------------------------------------------------------------------------------


def _wild() -> QuerySet[Outlet]:
    return Outlet.objects.filter(is_wild=True, node__site__plan__is_on=True).order_by()


def find_wild(look: Look) -> Iterator[Finding]:
    for outlet in _wild().select_related("charger", "node"):
        yield Finding(
            key=f"wild:{outlet.charger_id}:{outlet.evse_id}",
            title=f"{outlet.charger.identity}, connector {outlet.evse_id}, draws more than it may.",
            charger_id=outlet.charger_id,
            site_id=outlet.node.site_id,
            evse_id=outlet.evse_id,
            evidence=[fact(None, f"Until it is trusted again it counts with its cable, {outlet.cable_a:g} A.")],
        )


def prove_tamed(issues: Sequence[Issue], look: Look) -> Gone:
    wild = set(_wild().values_list("charger", "evse_id"))
    return {issue.pk: "It is led again." for issue in issues if (issue.charger_id, issue.evse_id) not in wild}


# -- who leads ---------------------------------------------------------------------------------------------------------


def find_unplanned(look: Look) -> Iterator[Finding]:
    """It cannot be planned, or nobody comes to it: leases end, and cars are left with their floor."""
    overdue = Q(next_due_at__lte=look.since)
    impossible = ~Q(problem="") & (Q(planned_at=None) | Q(planned_at__lte=look.since))
    for plan in _shared().filter(overdue | impossible, leader=Leader.CLOUD):
        told = "it was never planned"
        if plan.planned_at is not None:
            told = f"no plan for {span((look.at - plan.planned_at).total_seconds())}"
        problem = f" {plan.problem}" if plan.problem else ""
        yield Finding(
            key=f"unplanned:{plan.site_id}",
            title=f"{plan.site.name} shares its power and is not planned: {told}.{problem}",
            site_id=plan.site_id,
            evidence=[fact(plan.planned_at, "The last plan.")] if plan.planned_at else [],
        )


def prove_planned(issues: Sequence[Issue], look: Look) -> Gone:
    def why_over(plan: SitePlan) -> str:
        if plan.leader != Leader.CLOUD:
            return "The edge at the site leads it."
        is_planned = not plan.problem and plan.planned_at is not None and plan.planned_at > look.since
        return "It is planned again." if is_planned else ""

    return _judged(issues, why_over)


def _led_by_edge() -> QuerySet[Any]:
    """With ``began_at``, and ``spoke_at``: when the edge was heard last, or when it should have begun."""
    began = LeadChange.objects.filter(site=OuterRef("site")).order_by("-at", "-id").values("at")[:1]
    led = _shared().exclude(leader=Leader.CLOUD).annotate(began_at=Subquery(began))
    heard_at, began_at = Coalesce("edge_heard_at", "began_at"), Coalesce("began_at", "edge_heard_at")
    return led.annotate(spoke_at=Coalesce(Greatest(heard_at, began_at), F("planned_at")))


def find_silent_edge(look: Look) -> Iterator[Finding]:
    for plan in _led_by_edge().filter(spoke_at__lte=look.since):
        silence = span((look.at - plan.spoke_at).total_seconds())
        if plan.edge_heard_at is None:
            last = fact(plan.began_at, "It was told to lead, or to stop, and has not been heard since.")
        else:
            last = fact(plan.edge_heard_at, "Its last report.")
        yield Finding(
            key=f"edge:{plan.site_id}",
            title=f"The edge of {plan.site.name} leads it and has not been heard for {silence}.",
            site_id=plan.site_id,
            evidence=[last],
        )


def prove_edge_heard(issues: Sequence[Issue], look: Look) -> Gone:
    def why_over(plan: SitePlan) -> str:
        if plan.leader == Leader.CLOUD:
            return "No edge leads it any more."
        is_heard = plan.edge_heard_at is not None and plan.edge_heard_at > look.since
        return "The edge is heard again." if is_heard else ""

    return _judged(issues, why_over)


# -- the building's meter ----------------------------------------------------------------------------------------------


def _with_meter() -> QuerySet[SitePlan]:
    """Meters that spoke once. Behind a link that is cut nobody knows whether they do."""
    edges = Issue.objects.filter(rule="edge_silent", closed_at=None).values("site")
    return _shared().filter(building_at__isnull=False).exclude(site__in=edges)


def find_silent_meter(look: Look) -> Iterator[Finding]:
    for plan in _with_meter().filter(building_at__lte=look.since):
        assert plan.building_at is not None
        silence = span((look.at - plan.building_at).total_seconds())
        worst = ", ".join(f"{float(amperes):g}" for amperes in plan.building_worst_a or [0, 0, 0])
        yield Finding(
            key=f"meter:{plan.site_id}",
            title=f"The meter of the building of {plan.site.name} has been silent for {silence}.",
            site_id=plan.site_id,
            evidence=[
                fact(plan.building_at, "Its last reading."),
                fact(None, f"Until it speaks again the building counts with its worst, {worst} A."),
            ],
        )


def prove_meter_heard(issues: Sequence[Issue], look: Look) -> Gone:
    known = set(_with_meter().values_list("site", flat=True))

    def why_over(plan: SitePlan) -> str:
        if plan.site_id not in known:
            return "Part of a larger loss, which has an issue of its own."
        is_heard = plan.building_at is not None and plan.building_at > look.since
        return "It speaks again." if is_heard else ""

    return _judged(issues, why_over)


SITE_UNSAFE = Rule(
    name="site_unsafe",
    title=phrase("Site not safe if everything breaks"),
    severity=Severity.CRITICAL,
    find=find_unsafe,
    prove=prove_safe,
    patience=timedelta(minutes=2),
    patience_means=phrase("the chargers of a site that shares its power could together draw more than it bears"),
    first_step=phrase(
        "Open the site: which EVSE counts with its whole cable? Is its charger online, does it take limits, did it "
        "draw more than it may? Switch off what cannot be led, or give it a smaller fuse."
    ),
    who=phrase("you; then an electrician"),
)
CHARGER_WILD = Rule(
    name="charger_wild",
    title=phrase("Charger draws more than it may"),
    severity=Severity.MAJOR,
    find=find_wild,
    prove=prove_tamed,
    patience=timedelta(0),  # its meter has shown it for 30 s
    patience_means=phrase("a charger's meter shows more than any limit that it was given"),
    first_step=phrase(
        "Try its limits on the site's page, or set its trust to C. Once it obeys, let it be led again there; until "
        "then its whole cable is kept free for it, and where that is too much its session is stopped."
    ),
    who=phrase("you; then the maker of the charger"),
)
SITE_UNPLANNED = Rule(
    name="site_unplanned",
    title=phrase("Nobody plans a site"),
    severity=Severity.MAJOR,
    find=find_unplanned,
    prove=prove_planned,
    patience=timedelta(minutes=5),
    patience_means=phrase("a site that shares its power is not planned"),
    first_step=phrase("If its limits are impossible, draw them anew; else look at System: do worker and beat run?"),
    who=phrase("you"),
    every=timedelta(minutes=1),
)
EDGE_SILENT = Rule(
    name="edge_silent",
    title=phrase("Edge silent"),
    severity=Severity.MAJOR,
    find=find_silent_edge,
    prove=prove_edge_heard,
    patience=timedelta(minutes=5),
    patience_means=phrase("an edge that leads a site is not heard"),
    first_step=phrase(
        "Is the link of the site cut? Then the edge goes on leading. Else look at the machine there: do edge and "
        "broker run? Take the lead back without it only where it is off for good."
    ),
    who=phrase("site contact or network provider"),
)
METER_SILENT = Rule(
    name="meter_silent",
    title=phrase("Meter of a building silent"),
    severity=Severity.MINOR,
    find=find_silent_meter,
    prove=prove_meter_heard,
    patience=timedelta(minutes=10),
    patience_means=phrase("the meter of a building tells nothing"),
    first_step=phrase("Look at the meter and at what sends its readings. Until then cars get less; the limit holds."),
    who=phrase("site contact"),
)
