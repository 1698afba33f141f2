"""A connector kept free for a card."""

from __future__ import annotations

from typing import Any

from portal.certify.orders import Order, prove
from portal.certify.registry import proves
from portal.certify.station import NO, OK, card
from portal.certify.station16 import Station16
from portal.certify.wire import now

UNTIL = "2036-01-01T00:00:00.000Z"


def reserves(**changes: Any) -> tuple[str, dict[str, Any], str, dict[str, Any]]:
    order = {"evse_id": 1, "token": card("accepted"), "expires_at": UNTIL, "reservation_id": 5, **changes}
    wanted = {
        "connectorId": order["evse_id"],
        "idTag": order["token"],
        "expiryDate": order["expires_at"],
        "reservationId": 5,
        "parentIdTag": order.get("group"),
    }
    return "reserve", order, "ReserveNow", wanted


CANCEL = ("cancel_reservation", {"reservation_id": 5}, "CancelReservation", {"reservationId": 5})


@proves("TC_046")
async def reserved_and_used(s: Station16) -> None:
    await s.ordered(*reserves(), OK)
    await s.shows("Reserved")
    await s.sees_connector(status="reserved")
    await s.authorizes("accepted")
    await s.shows("Preparing")
    await s.starts("accepted", reservationId=5)
    await s.shows("Charging")
    await s.session(is_open=True, reservation_id=5)


@proves("TC_047")
async def reserved_and_nobody_came(s: Station16) -> None:
    await s.ordered(*reserves(expires_at=now(seconds=2)), OK)
    await s.shows("Reserved")
    await s.sees_connector(status="reserved")
    await s.shows("Available")
    await s.sees_connector(status="available")


for _number, _status in enumerate(("Faulted", "Occupied", "Unavailable", "Rejected"), 1):
    prove(f"TC_048_{_number}", Order(*reserves(), {"status": _status}, "rejected"))


@proves("TC_049")
async def any_connector_is_reserved(s: Station16) -> None:
    await s.ordered(*reserves(evse_id=0), OK)
    await s.authorizes("accepted")
    await s.shows("Preparing")
    await s.starts("accepted", reservationId=5)
    await s.shows("Charging")
    await s.session(is_open=True, reservation_id=5, evse_id=1)


@proves("TC_051")
async def a_reservation_is_cancelled(s: Station16) -> None:
    await s.ordered(*reserves(), OK)
    await s.shows("Reserved")
    await s.ordered(*CANCEL, OK)
    await s.shows("Available")
    await s.sees_connector(status="available")


prove("TC_052", Order(*CANCEL, NO, "rejected"))


@proves("TC_053")
async def used_by_a_card_of_the_same_group(s: Station16) -> None:
    await s.ordered(*reserves(group="FLEET-7"), OK)
    await s.shows("Reserved")
    await s.authorizes("sibling", parentIdTag="FLEET-7")
    await s.shows("Preparing")
    await s.starts("sibling", reservationId=5)
    await s.shows("Charging")
    await s.session(is_open=True, reservation_id=5, token_value=card("sibling"))
