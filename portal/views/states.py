"""The nine states the desk shows, of a connector and of a whole charger: one vocabulary for rows, counts, filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Value, When
from django.utils import timezone

from chargers.models import Charger, Connector, ConnectorStatus
from portal.issues.models import Issue, Severity
from portal.issues.models.issue import awake


class State(TypedDict):
    state: str  # one of STATES


if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    ChargerWithState = WithAnnotations[Charger, State]

# name → (word, what it means); the order is that of the legend.
STATES: dict[str, tuple[str, str]] = {
    "available": ("Available", "free, ready for a car"),
    "charging": ("Charging", "power flows to a car"),
    "preparing": ("Preparing", "a car is plugged in, or about to leave"),
    "suspended": ("Suspended", "plugged in, no power flows"),
    "faulted": ("Faulted", "reports an error, cannot charge"),
    "unavailable": ("Unavailable", "taken out of service"),
    "offline": ("Offline", "no connection to us"),
    "reserved": ("Reserved", "kept for one token"),
    "unknown": ("Unknown", "has not told its state yet"),
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

# A charger as a whole shows the first of these that any of its connectors has: what needs a person comes first.
PRECEDENCE = ("faulted", "charging", "suspended", "preparing", "reserved", "available", "unavailable")


def with_state(chargers: QuerySet[Charger]) -> QuerySet[ChargerWithState]:
    """Annotate each charger with ``state``, one of STATES."""
    return chargers.annotate(
        state=Case(
            When(is_online=False, then=Value("offline")),
            *(When(_has_connector(state), then=Value(state)) for state in PRECEDENCE),
            default=Value("unknown"),
            output_field=CharField(),
        )
    )


def _has_connector(state: str) -> Exists:
    return Exists(Connector.objects.filter(charger=OuterRef("pk"), status__in=_statuses(state)))


def _statuses(state: str) -> list[str]:
    return [status for status, shape in SHAPE_OF.items() if shape == state]


def needs_you() -> Q:
    """Condition on chargers: an issue that keeps somebody from charging is open and awake, theirs or their site's."""
    grave = Issue.objects.filter(awake(timezone.now()), severity__lte=Severity.MAJOR).order_by()
    lost = grave.filter(Q(site=OuterRef("site")) | Q(site=None), charger=None)
    return Q(Exists(grave.filter(charger=OuterRef("pk")))) | Q(Exists(lost), is_online=False)


def state_of(connector: Connector, *, is_online: bool) -> str:
    """What the desk shows for a connector: nothing is known about one whose charger is offline."""
    return SHAPE_OF.get(connector.status, "unknown") if is_online else "offline"
