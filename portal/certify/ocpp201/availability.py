"""G: in and out of service."""

from __future__ import annotations

from functools import partial

from portal.certify.registry import add, proves
from portal.certify.station import OK
from portal.certify.station201 import Station201
from portal.certify.wire import Payload, now

EVSE, STATION, CONNECTOR = {"evse_id": 1}, {"evse_id": 0}, {"evse_id": 1, "connector_id": 1}
PLACES = {
    id(EVSE): {"id": 1, "connectorId": None},
    id(STATION): None,
    id(CONNECTOR): {"id": 1, "connectorId": 1},
}


def changes(where: Payload, operative: bool) -> tuple[str, Payload, str, Payload]:
    wanted = {"operationalStatus": "Operative" if operative else "Inoperative", "evse": PLACES[id(where)]}
    return "change_availability", {**where, "operative": operative}, "ChangeAvailability", wanted


async def without_session(where: Payload, operative: bool, s: Station201) -> None:
    await s.shows("Unavailable" if operative else "Available")
    await s.ordered(*changes(where, operative), OK)
    await s.shows("Available" if operative else "Unavailable")


async def with_session(where: Payload, s: Station201) -> None:
    await s.charges()
    await s.ordered(*changes(where, False), {"status": "Scheduled"})
    await s.session(is_open=True)
    await s.is_told_to_stop()
    await s.ends("EVCommunicationLost", "Local", state="Idle")
    await s.shows("Unavailable")


for _number, _place in ((3, EVSE), (5, STATION), (7, CONNECTOR)):
    add(f"TC_G_{_number:02}", partial(without_session, _place, False))
    add(f"TC_G_{_number + 1:02}", partial(without_session, _place, True))
for _number, _place in ((11, EVSE), (14, STATION), (17, CONNECTOR)):
    add(f"TC_G_{_number}", partial(with_session, _place))


@proves("TC_G_20")
async def the_lock_fails(s: Station201) -> None:
    await s.shows("Occupied")
    await s.authorizes("accepted")
    problem = {
        "eventId": 1, "timestamp": now(), "trigger": "Alerting", "actualValue": "true",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "ConnectorPlugRetentionLock", "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": "Problem"},
    }  # fmt: skip
    await s.says("NotifyEvent", {"generatedAt": now(), "seqNo": 0, "tbc": False, "eventData": [problem]})
    await s.sees_connector(1, 1, error_code="Problem")
