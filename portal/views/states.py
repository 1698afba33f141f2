"""The nine states the desk shows, of a connector and of a whole charger: one vocabulary for rows, counts, filters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Case, CharField, Count, Exists, Q, QuerySet, Value, When
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chargers.models import Charger, Connector, ConnectorStatus
from portal.issues.models import Issue, Severity
from portal.issues.models.issue import awake


class State(TypedDict):
    state: str  # one of STATES


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    ChargerWithState = WithAnnotations[Charger, State]

# name → (word, what it means); the order is that of the legend.
STATES: dict[str, tuple[str | Promise, str | Promise]] = {
    "available": (_("Available"), _("free, ready for a car")),
    "charging": (_("Charging"), _("power flows to a car")),
    "preparing": (_("Preparing"), _("a car is plugged in, or about to leave")),
    "suspended": (_("Suspended"), _("plugged in, no power flows")),
    "faulted": (_("Faulted"), _("reports an error, cannot charge")),
    "unavailable": (_("Unavailable"), _("taken out of service")),
    "offline": (_("Offline"), _("no connection to us")),
    "reserved": (_("Reserved"), _("kept for one token")),
    "unknown": (_("Unknown"), _("has not told its state yet")),
}

SHAPE_OF: dict[str, str] = {
    ConnectorStatus.AVAILABLE: "available",
    ConnectorStatus.CHARGING: "charging",
    ConnectorStatus.PREPARING: "preparing",
    ConnectorStatus.FINISHING: "preparing",
    ConnectorStatus.OCCUPIED: "preparing",
    ConnectorStatus.SUSPENDED_EV: "suspended",
    ConnectorStatus.SUSPENDED_EVSE: "suspended",
    ConnectorStatus.FAULTED: "faulted",
    ConnectorStatus.UNAVAILABLE: "unavailable",
    ConnectorStatus.RESERVED: "reserved",
    ConnectorStatus.UNKNOWN: "unknown",
}


def with_state(chargers: QuerySet[Charger]) -> QuerySet[ChargerWithState]:
    """Annotate each charger with ``state``, one of STATES."""
    return chargers.annotate(
        state=Case(
            When(is_online=False, then=Value("offline")),
            *(When(leading_status__in=_statuses(state), then=Value(state)) for state in STATES),
            default=Value("unknown"),
            output_field=CharField(),
        )
    )


def _statuses(state: str) -> list[str]:
    return [status for status, shape in SHAPE_OF.items() if shape == state]


def needs_you() -> Q:
    """Condition on chargers: an issue that keeps somebody from charging is open and awake, theirs or their site's.

    The issues are asked once, not for each charger: there are few of them.
    """
    grave = Issue.objects.filter(awake(timezone.now()), severity__lte=Severity.MAJOR).order_by()
    lost = grave.filter(charger=None)
    their_site_is = Q(site__in=lost.exclude(site=None).values("site"))
    return Q(pk__in=grave.exclude(charger=None).values("charger")) | (
        Q(is_online=False) & (their_site_is | Q(Exists(lost.filter(site=None))))
    )


@dataclass(frozen=True, slots=True)
class Attention:
    """Chargers by who looks after what keeps them from charging; each counts once."""

    needy: int  # an issue waits
    put_off: int  # it was snoozed, or closed by hand while it is still so
    just_gone: int  # offline, and no issue tells yet
    just_faulted: int  # faulted, and no issue tells yet


def attention() -> Attention:
    """The same as `needs_you`, counted from the issues, of which there are few, and not from the chargers."""
    now = timezone.now()
    is_known = Q(closed_at=None) | Q(is_dismissed=True)
    grave = Issue.objects.filter(is_known, severity__lte=Severity.MAJOR).order_by()
    awake_at: dict[str, set[int | None]] = {"charger": set(), "site": set(), "yard": set()}
    asleep_at: dict[str, set[int | None]] = {"charger": set(), "site": set(), "yard": set()}
    for charger_id, site_id, closed_at, snoozed_until in grave.values_list(
        "charger", "site", "closed_at", "snoozed_until"
    ):
        is_awake = closed_at is None and (snoozed_until is None or snoozed_until <= now)
        where = awake_at if is_awake else asleep_at
        what = "charger" if charger_id else "site" if site_id else "yard"
        where[what].add(charger_id or site_id)
    sites = awake_at["site"] | asleep_at["site"]
    silent = Q() if awake_at["yard"] or asleep_at["yard"] else Q(site__in=sites)
    told = Q(pk__in=grave.exclude(charger=None).values("charger"))
    columns = ("pk", "site", "is_online", "leading_status", "connected_at")
    rows = {row[0]: row for row in Charger.objects.filter(told).values_list(*columns)}
    if sites or silent == Q():
        rows |= {row[0]: row for row in Charger.objects.filter(silent, is_online=False).values_list(*columns)}
    counts: Counter[str] = Counter()
    for pk, site_id, is_online, status, connected_at in rows.values():
        trouble = "gone" if not is_online and connected_at else "faulted" if is_online and status == "faulted" else ""
        if _is_in(awake_at, pk, site_id, is_online=is_online):
            counts["needy"] += 1
            counts[trouble] += 1
        elif trouble and _is_in(asleep_at, pk, site_id, is_online=is_online):
            counts["put_off"] += 1
            counts[trouble] += 1
    gone = Charger.objects.filter(is_online=False, connected_at__isnull=False).count()
    faulted = Charger.objects.filter(is_online=True, leading_status=ConnectorStatus.FAULTED).count()
    return Attention(counts["needy"], counts["put_off"], gone - counts["gone"], faulted - counts["faulted"])


def _is_in(where: dict[str, set[int | None]], pk: int, site_id: int | None, *, is_online: bool) -> bool:
    is_lost = not is_online and (site_id in where["site"] or bool(where["yard"]))
    return pk in where["charger"] or is_lost


def counts_by_site(chargers: QuerySet[Charger]) -> dict[int | None, Counter[str]]:
    """How many of these chargers are in which state, by the pk of their site. Reads one index."""
    groups = chargers.order_by().values_list("site", "is_online", "leading_status").annotate(n=Count("*"))
    found: dict[int | None, Counter[str]] = {}
    for site_id, is_online, status, count in groups:
        state = SHAPE_OF.get(status, "unknown") if is_online else "offline"
        found.setdefault(site_id, Counter())[state] += count
    return found


def state_of(connector: Connector, *, is_online: bool) -> str:
    """What the desk shows for a connector: nothing is known about one whose charger is offline."""
    return SHAPE_OF.get(connector.status, "unknown") if is_online else "offline"
