"""H: an EVSE kept free for a card."""

from __future__ import annotations

from typing import Any

from portal.certify.orders import Order, prove
from portal.certify.registry import proves
from portal.certify.station import NO, OK, card
from portal.certify.station201 import Station201, token
from portal.certify.wire import Payload, now

UNTIL = "2036-01-01T00:00:00.000Z"


def reserves(number: int = 5, **changes: Any) -> tuple[str, Payload, str, Payload]:
    order = {"evse_id": 1, "token": card("accepted"), "expires_at": UNTIL, "reservation_id": number, **changes}
    group = order.get("group")
    wanted = {
        "id": number,
        "evseId": order["evse_id"] or None,
        "idToken": token("accepted"),
        "expiryDateTime": order["expires_at"],
        "connectorType": order.get("connector_type"),
        "groupIdToken": {"idToken": group, "type": "Central"} if group else None,
    }
    return "reserve", order, "ReserveNow", wanted


def over(word: str) -> tuple[str, Payload]:
    return "ReservationStatusUpdate", {"reservationId": 5, "reservationUpdateStatus": word}


async def is_used(s: Station201, name: str = "accepted") -> None:
    await s.authorizes(name)
    await s.tells("Authorized", "Idle", name=name, event={"reservationId": 5})
    await s.is_plugged_in()
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, reservation_id=5, token_value=card(name))


@proves("TC_H_01")
async def reserved_and_used(s: Station201) -> None:
    await s.ordered(*reserves(), OK)
    await s.shows("Reserved")
    await is_used(s)


@proves("TC_H_07")
async def reserved_and_nobody_came(s: Station201) -> None:
    await s.ordered(*reserves(expires_at=now(seconds=2)), OK)
    await s.shows("Reserved")
    await s.says(*over("Expired"))
    await s.shows("Available")


@proves("TC_H_08")
async def any_evse_is_reserved(s: Station201) -> None:
    await s.ordered(*reserves(evse_id=0), OK)
    await is_used(s)


@proves("TC_H_14")
async def as_many_reservations_as_evses(s: Station201) -> None:
    for number in (5, 6):
        await s.ordered(*reserves(number, evse_id=0), OK)
    for evse in (1, 2):
        await s.shows("Reserved", evse=evse)
    await is_used(s)


@proves("TC_H_15")
async def a_kind_of_connector_is_reserved(s: Station201) -> None:
    await s.ordered(*reserves(evse_id=0, connector_type="cType2"), OK)
    await is_used(s)


@proves("TC_H_17")
async def a_reservation_is_cancelled(s: Station201) -> None:
    await s.ordered(*reserves(), OK)
    await s.shows("Reserved")
    cancel = ("cancel_reservation", {"reservation_id": 5}, "CancelReservation", {"reservationId": 5})
    await s.ordered(*cancel, OK)
    await s.shows("Available")


@proves("TC_H_19")
async def used_by_a_card_of_the_group(s: Station201) -> None:
    await s.ordered(*reserves(group="FLEET-7"), OK)
    await s.shows("Reserved")
    await s.authorizes("sibling", groupIdToken={"idToken": "FLEET-7", "type": "Central"})
    await is_used(s, "sibling")


@proves("TC_H_20")
async def dropped_because_of_a_fault(s: Station201) -> None:
    await s.ordered(*reserves(), OK)
    await s.shows("Reserved")
    await s.shows("Faulted")
    await s.says(*over("Removed"))


prove("TC_H_22", Order(*reserves(), NO, "rejected"))
