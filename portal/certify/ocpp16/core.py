"""Boot, charging sessions, cards, faults, and what was kept while offline."""

from __future__ import annotations

from functools import partial

from portal.certify.expect import same
from portal.certify.registry import add, proves
from portal.certify.station16 import BEGIN_WH, END_WH, Station16
from portal.certify.wire import now

ENERGY_WH = END_WH - BEGIN_WH


@proves("TC_001")
async def cold_boot(s: Station16) -> None:
    await s.boots()
    for connector in (0, 1):
        await s.shows("Available", connector=connector)
    await s.says("Heartbeat", {}, {"currentTime": lambda text: text.endswith("Z")})
    await s.sees_charger(
        is_booted=True, vendor="Acme", model="Wallbox 22", serial_number="SN-16", firmware_version="1.0.0"
    )
    await s.sees_connector(0, 0, status="available")
    await s.sees_connector(1, status="available")


@proves("TC_003")
async def plugged_in_first(s: Station16) -> None:
    number = await s.charges()
    await s.meters(number, 1700)
    await s.session(is_open=True, token_verdict="accepted", meter_last_wh=1700)  # noqa: S106
    await s.stops(number, "Local", "accepted")
    await s.is_left()
    await s.session(is_open=False, energy_wh=ENERGY_WH, stop_reason="Local", transaction_id=str(number))


@proves("TC_004_1")
async def identified_first(s: Station16) -> None:
    await s.authorizes("accepted")
    await s.shows("Preparing")
    number = await s.starts("accepted")
    await s.shows("Charging")
    await s.session(is_open=True, transaction_id=str(number), meter_start_wh=BEGIN_WH)


@proves("TC_004_2")
async def identified_and_nobody_plugs_in(s: Station16) -> None:
    await s.authorizes("accepted")
    await s.shows("Preparing")
    await s.sees_connector(status="preparing")
    await s.shows("Available")
    await s.sees_connector(status="available")
    same(await s.sessions(), [], "The sessions")


@proves("TC_005_1")
async def unplugged_at_the_car(s: Station16) -> None:
    number = await s.charges()
    await s.shows("SuspendedEV")
    await s.sees_connector(status="suspended_ev")
    await s.stops(number, "EVDisconnected")
    await s.is_left()
    await s.session(is_open=False, stop_reason="EVDisconnected", energy_wh=ENERGY_WH)


@proves("TC_007")
async def started_from_the_cache(s: Station16) -> None:
    await s.shows("Preparing")
    number = await s.starts("accepted")  # not authorized before: the charger knows the card
    await s.shows("Charging")
    await s.session(is_open=True, transaction_id=str(number), token_verdict="accepted")  # noqa: S106


async def refused(name: str, status: str, s: Station16) -> None:
    await s.shows("Preparing")
    await s.authorizes(name, status)
    await s.shows("Available")
    same(await s.sessions(), [], "The sessions")


for _case, _card, _status in (
    ("TC_023_1", "unknown", "Invalid"), ("TC_023_2", "expired", "Expired"), ("TC_023_3", "blocked", "Blocked"),
):  # fmt: skip
    add(_case, partial(refused, _card, _status))


@proves("TC_024")
async def the_lock_fails(s: Station16) -> None:
    await s.shows("Preparing")
    await s.authorizes("accepted")
    await s.shows("Faulted", error="ConnectorLockFailure")
    await s.sees_connector(status="faulted", error_code="ConnectorLockFailure")


@proves("TC_032_1")
async def power_fails_and_the_session_is_stopped(s: Station16) -> None:
    number = await s.charges()
    await s.leaves()
    await s.connects()
    await s.boots()
    await s.shows("Available", connector=0)
    await s.stops(number, "PowerLoss")
    await s.shows("Available")
    await s.session(is_open=False, stop_reason="PowerLoss", energy_wh=ENERGY_WH)


@proves("TC_037_1")
async def started_offline_with_a_valid_card(s: Station16) -> None:
    await s.leaves()
    began = now(minutes=-10)
    await s.connects()
    number = await s.starts("accepted", timestamp=began)
    await s.shows("Charging")
    await s.session(is_open=True, started_device_time=began, token_verdict="accepted")  # noqa: S106
    await s.stops(number, "Local", "accepted")
    await s.session(is_open=False, energy_wh=ENERGY_WH)


@proves("TC_037_3")
async def started_offline_with_an_unknown_card(s: Station16) -> None:
    await s.leaves()
    began = now(minutes=-10)
    await s.connects()
    number = await s.starts("unknown", status="Invalid", timestamp=began)
    await s.stops(number, "DeAuthorized")
    await s.is_left()
    await s.session(is_open=False, stop_reason="DeAuthorized", token_verdict="invalid")  # noqa: S106


@proves("TC_039")
async def a_whole_session_offline(s: Station16) -> None:
    await s.leaves()
    began, ended = now(hours=-2), now(hours=-1)
    await s.connects()
    number = await s.starts("accepted", timestamp=began)
    await s.stops(number, "Local", "accepted", timestamp=ended)
    await s.shows("Available")
    await s.session(
        is_open=False, energy_wh=ENERGY_WH, started_device_time=began, stopped_device_time=ended, stop_reason="Local"
    )


@proves("TC_064")
async def a_vendor_message(s: Station16) -> None:
    told = {"vendorId": "nobody.knows", "messageId": "hello", "data": "x"}
    await s.says("DataTransfer", told, {"status": {"UnknownVendorId", "UnknownMessageId", "Rejected"}})
