"""Rules by which chargers watch their own variables, and what they raised by them. Knows no OCPP words."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from chargers import clocks
from chargers.configuration import Place
from chargers.models import Alert, Charger, Monitor, Setting
from chargers.rows import clip, digest


@dataclass(slots=True, frozen=True)
class Watch:
    """A monitor. ``kind``: `Monitor.Kind`; ``severity``: 0 danger … 9 debug."""

    monitor_id: int
    place: Place
    kind: Monitor.Kind
    value: float
    severity: int
    only_in_session: bool = False


@dataclass(slots=True, frozen=True)
class Raised:
    """One event of a charger about one of its variables."""

    event_id: int
    place: Place
    value: str = ""
    tech_code: str = ""
    tech_info: str = ""
    monitor_id: int | None = None
    device_time: str = ""
    is_over: bool = False


def record(charger: Charger, watches: Iterable[Watch], *, at: datetime) -> None:
    """Store monitors that a charger has. Safe to repeat."""
    rows = {
        watch.monitor_id: Monitor(
            charger=charger,
            monitor_id=watch.monitor_id,
            path=path_of(watch.place),
            kind=watch.kind,
            value=watch.value,
            severity=watch.severity,
            only_in_session=watch.only_in_session,
            reported_at=at,
        )
        for watch in watches
    }
    Monitor.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["charger", "monitor_id"],
        update_fields=["path", "kind", "value", "severity", "only_in_session", "reported_at"],
    )


def forget(charger: Charger, monitor_ids: Collection[int] | None = None) -> int:
    """A charger does not have these monitors (None: any) any more; how many we knew."""
    known = Monitor.objects.filter(charger=charger)
    return (known if monitor_ids is None else known.filter(monitor_id__in=monitor_ids)).delete()[0]


def record_alerts(charger: Charger, events: Iterable[Raised], *, at: datetime) -> None:
    """Store what a charger raised, and close what is over, in the order told. Safe to repeat."""
    events = list(events)
    told = {event.monitor_id for event in events if event.monitor_id is not None}
    severities = dict(
        Monitor.objects.filter(charger=charger, monitor_id__in=told).values_list("monitor_id", "severity")
    )
    fresh = [_alert(charger, event, severities, at) for event in events if not event.is_over]
    Alert.objects.bulk_create(fresh, ignore_conflicts=True)
    # The end and what it ends are of one monitor, or, without one, of one variable.
    over = {(path_of(event.place), event.monitor_id) for event in events if event.is_over}
    if over:
        # The open ones once, not once for each event: a charger may tell the end of ten thousand in a message.
        still_open = Alert.objects.filter(charger=charger, cleared_at=None).values_list("pk", "path", "monitor_id")
        ended = [pk for pk, path, monitor_id in still_open if (path, monitor_id) in over]
        Alert.objects.filter(pk__in=ended).update(cleared_at=at)


def path_of(place: Place) -> str:
    """A variable in one line, as people write it."""
    setting = Setting(
        component=place.component,
        component_instance=place.component_instance,
        evse_id=place.evse_id,
        connector_id=place.connector_id,
        name=place.name,
        instance=place.instance,
    )
    return setting.path[:255]


def _alert(charger: Charger, event: Raised, severities: dict[int, int], at: datetime) -> Alert:
    path = path_of(event.place)
    return Alert(
        charger=charger,
        key=digest("alert", event.event_id, path, event.device_time, event.value),
        path=path,
        value=event.value,
        tech_code=clip(Alert, "tech_code", event.tech_code),
        tech_info=clip(Alert, "tech_info", event.tech_info),
        monitor_id=event.monitor_id,
        severity=severities.get(event.monitor_id) if event.monitor_id is not None else None,
        device_time=clocks.kept(event.device_time),
        received_at=at,
    )
