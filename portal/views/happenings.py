"""What happened lately, from three tables into one list: states, connections, sessions.

Each is read from its newest end by an index that is there anyway, however long its history.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from chargers.models import Charger, Connection, ConnectorStatus, StatusChange
from chargers.sentences import read
from portal.views import formats
from portal.views.states import SHAPE_OF
from sessions.models import ChargingSession

MOST = 24
# What a car does shows as a session; here only what the street itself does.
TOLD_BY_SESSIONS = (
    ConnectorStatus.PREPARING,
    ConnectorStatus.FINISHING,
    ConnectorStatus.CHARGING,
    ConnectorStatus.OCCUPIED,
    ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE,
)


@dataclass(frozen=True, slots=True)
class Happening:
    at: datetime
    key: str  # id of its line on the page, so that a live swap keeps it
    charger: Charger
    word: str
    state: str = ""  # shape of the line, for a connector's state
    icon: str = ""  # for anything else
    detail: str = ""
    session_id: int | None = None


def latest() -> list[Happening]:
    found = [*_states(), *_connections(), *_sessions()]
    return sorted(found, key=attrgetter("at"), reverse=True)[:MOST]


def _states() -> list[Happening]:
    rows = StatusChange.objects.exclude(status__in=TOLD_BY_SESSIONS).filter(evse_id__gt=0)
    return [
        Happening(
            at=row.received_at,
            key=f"state-{row.pk}",
            charger=row.charger,
            word=capfirst(row.get_status_display()),
            state=SHAPE_OF.get(row.status, "unknown"),
            detail=" · ".join([_connector(row.evse_id), *([row.error_code] if _is_error(row) else [])]),
        )
        for row in rows.select_related("charger").order_by("-pk")[:MOST]
    ]


def _connector(evse_id: int) -> str:
    return _("connector {number}").format(number=evse_id)


def _is_error(row: StatusChange) -> bool:
    return row.error_code not in {"", "NoError"}


def _connections() -> list[Happening]:
    rows = Connection.objects.select_related("charger")
    came = [
        Happening(
            at=row.connected_at,
            key=f"up-{row.pk}",
            charger=row.charger,
            word=_("Online"),
            icon="plug-connected",
            detail=row.subprotocol.replace("ocpp", "OCPP "),
        )
        for row in rows.order_by("-pk")[:MOST]
    ]
    gone = [
        Happening(
            at=row.disconnected_at,
            key=f"down-{row.pk}",
            charger=row.charger,
            word=_("Offline"),
            state="offline",
            detail=read(row.close_reason),
        )
        for row in rows.exclude(disconnected_at=None).order_by("-disconnected_at")[:MOST]
        if row.disconnected_at
    ]
    return came + gone


def _sessions() -> list[Happening]:
    rows = ChargingSession.objects.select_related("charger")
    started = [
        Happening(
            at=row.started_received_at,
            key=f"start-{row.pk}",
            charger=row.charger,
            word=_("Session started"),
            icon="bolt",
            detail=_connector(row.evse_id),
            session_id=row.pk,
        )
        for row in rows.order_by("-started_received_at")[:MOST]
    ]
    ended = [
        Happening(
            at=row.stopped_received_at,
            key=f"stop-{row.pk}",
            charger=row.charger,
            word=_("Session ended"),
            icon="check",
            detail=_energy(row.energy_wh),
            session_id=row.pk,
        )
        for row in rows.exclude(stopped_received_at=None).order_by("-stopped_received_at")[:MOST]
        if row.stopped_received_at
    ]
    return started + ended


def _energy(energy_wh: float | None) -> str:
    return _("energy unknown") if energy_wh is None else f"{formats.number(energy_wh / 1000, 2)} kWh"
