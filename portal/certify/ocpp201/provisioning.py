"""B: boots, pending stations, resets, network profiles."""

from __future__ import annotations

from typing import Any

from portal.certify import door
from portal.certify.ocpp201.configuration import HEARTBEAT, reads, report, reported, values, writes, written
from portal.certify.orders import Order, prove
from portal.certify.registry import add, proves
from portal.certify.station import OK, card
from portal.certify.station201 import Station201
from portal.certify.wire import now

PENDING = {"status": "Pending", "interval": lambda seconds: seconds > 0, "currentTime": lambda text: text.endswith("Z")}
STARTUP = {"type": "StartupOfTheDevice", "timestamp": "2026-03-01T00:00:00Z"}
add("TC_B_58", door.subprotocols, is_booted=False)


@proves("TC_B_01", is_booted=False)
async def cold_boot(s: Station201) -> None:
    await s.connects()
    await s.boots()
    for connector in (1, 2):
        await s.shows("Available", connector=connector)
    await s.says("SecurityEventNotification", STARTUP)
    await s.says("Heartbeat", {}, {"currentTime": lambda text: text.endswith("Z")})
    await s.sees_charger(is_booted=True, model="Street 50", firmware_version="2.0.0", serial_number="SN-201")


async def is_pending(s: Station201) -> None:
    await s.desk.patch(f"chargers/{s.identity}/", {"registration": "quarantined"})
    await s.connects()
    await s.says("BootNotification", s.BOOT, PENDING)
    await s.sees_charger(is_booted=False)


async def is_admitted(s: Station201, **boot: Any) -> None:
    await s.desk.patch(f"chargers/{s.identity}/", {"registration": "accepted"})
    await s.boots(**boot)
    await s.shows("Available")
    await s.sees_charger(is_booted=True)


@proves("TC_B_02", is_booted=False)
async def pending(s: Station201) -> None:
    """A pending station is set up: settings and reports, but no start."""
    await is_pending(s)
    await s.ordered(*writes((*HEARTBEAT, "600")), written(HEARTBEAT))
    await s.ordered(*reads(HEARTBEAT), values((*HEARTBEAT, "600")))
    heard = await s.ordered("read_settings", {}, "GetBaseReport", {"reportBase": "FullInventory"}, OK)
    await report(s, heard["requestId"], [reported(*HEARTBEAT, "600")])
    await s.is_ordered("remote_start", {"token": card("accepted"), "evse_id": 1})
    await s.sees_settled("failed")
    await is_admitted(s)


@proves("TC_B_30", is_booted=False)
async def pending_and_talkative(s: Station201) -> None:
    await is_pending(s)
    status = {"evseId": 1, "connectorId": 1, "connectorStatus": "Available", "timestamp": now()}
    await s.is_refused("StatusNotification", status, "SecurityError")
    await s.is_refused("Authorize", {"idToken": {"idToken": card("accepted"), "type": "ISO14443"}}, "SecurityError")
    await s.desk.patch(f"chargers/{s.identity}/", {"registration": "rejected"})
    await s.says("BootNotification", s.BOOT, {**PENDING, "status": "Rejected"})
    await s.is_refused("Heartbeat", {}, "SecurityError")
    await is_admitted(s)


@proves("TC_B_31", is_booted=False)
async def pending_and_triggered(s: Station201) -> None:
    await is_pending(s)
    order = {"message": "BootNotification"}
    await s.ordered("trigger", order, "TriggerMessage", {"requestedMessage": "BootNotification", "evse": None}, OK)
    await is_admitted(s, reason="Triggered")


# -- resets ------------------------------------------------------------------------------------------------------------


async def comes_up_again(s: Station201, reason: str) -> None:
    await s.leaves()
    await s.connects()
    await s.boots(reason=reason)
    await s.shows("Available")
    await s.says("SecurityEventNotification", STARTUP)


@proves("TC_B_20")
async def reset_when_idle(s: Station201) -> None:
    await s.ordered("reset", {"kind": "soft"}, "Reset", {"type": "OnIdle", "evseId": None}, OK)
    await comes_up_again(s, "RemoteReset")


@proves("TC_B_21")
async def reset_after_a_session(s: Station201) -> None:
    await s.charges()
    wanted = {"type": "OnIdle", "evseId": None}
    await s.ordered("reset", {"kind": "soft"}, "Reset", wanted, {"status": "Scheduled"})
    await s.session(is_open=True)
    await s.is_told_to_stop()
    await s.is_unplugged()
    await comes_up_again(s, "ScheduledReset")


@proves("TC_B_22")
async def reset_in_a_session(s: Station201) -> None:
    await s.charges()
    await s.ordered("reset", {"kind": "hard"}, "Reset", {"type": "Immediate", "evseId": None}, OK)
    await s.ends("ResetCommand", "ImmediateReset", state="EVConnected")
    await comes_up_again(s, "RemoteReset")


@proves("TC_B_25")
async def reset_of_an_evse(s: Station201) -> None:
    await s.ordered("reset", {"kind": "soft", "evse_id": 1}, "Reset", {"type": "OnIdle", "evseId": 1}, OK)
    await s.shows("Unavailable")
    await s.shows("Available")


@proves("TC_B_26")
async def reset_of_an_evse_after_a_session(s: Station201) -> None:
    await s.charges()
    wanted = {"type": "OnIdle", "evseId": 1}
    await s.ordered("reset", {"kind": "soft", "evse_id": 1}, "Reset", wanted, {"status": "Scheduled"})
    await s.session(is_open=True)
    await s.is_told_to_stop()
    await s.is_unplugged()
    await s.shows("Unavailable")
    await s.shows("Available")


@proves("TC_B_27")
async def reset_of_an_evse_in_a_session(s: Station201) -> None:
    await s.charges()
    await s.ordered("reset", {"kind": "hard", "evse_id": 1}, "Reset", {"type": "Immediate", "evseId": 1}, OK)
    await s.ends("ResetCommand", "ImmediateReset", state="EVConnected")
    await s.shows("Unavailable")
    await s.shows("Available")


NETWORK = {"slot": 1, "url": "wss://csms.example/ocpp", "security_profile": 2, "message_timeout_s": 30}
CONNECTION = {
    "ocppVersion": "OCPP20",
    "ocppTransport": "JSON",
    "ocppCsmsUrl": "wss://csms.example/ocpp",
    "messageTimeout": 30,
    "securityProfile": 2,
    "ocppInterface": "Wired0",
}
SET = ("set_network_profile", NETWORK, "SetNetworkProfile", {"configurationSlot": 1, "connectionData": CONNECTION})
prove("TC_B_42", Order(*SET, OK))
prove("TC_B_44", Order(*SET, {"status": "Failed"}, "rejected"))
