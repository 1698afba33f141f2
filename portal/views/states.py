"""The nine states the desk shows, of a connector and of a whole charger: one vocabulary for rows, counts, filters."""

from __future__ import annotations

from collections import Counter
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
    return _hit_by(Issue.objects.filter(awake(timezone.now())))


def put_off() -> Q:
    """Condition on chargers: such an issue is there, and somebody has snoozed it or closed it while it is still so."""
    is_asleep = Q(closed_at=None, snoozed_until__gt=timezone.now())
    return _hit_by(Issue.objects.filter(is_asleep | Q(is_dismissed=True)))


def _hit_by(issues: QuerySet[Issue]) -> Q:
    grave = issues.filter(severity__lte=Severity.MAJOR).order_by()
    lost = grave.filter(charger=None)
    their_site_is = Q(site__in=lost.exclude(site=None).values("site"))
    return Q(pk__in=grave.exclude(charger=None).values("charger")) | (
        Q(is_online=False) & (their_site_is | Q(Exists(lost.filter(site=None))))
    )


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
