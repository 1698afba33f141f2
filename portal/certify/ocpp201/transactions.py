"""E: how sessions begin, go on and end."""

from __future__ import annotations

from functools import partial
from typing import Any

from portal.certify.expect import same
from portal.certify.registry import add, proves
from portal.certify.station import OK
from portal.certify.station201 import END_WH, Station201, register
from portal.certify.wire import now

ACCEPTED: Any = {"token_verdict": "accepted"}

# -- when a session begins ---------------------------------------------------------------------------------------------


@proves("TC_E_01", "TC_E_02")
async def begins_with_power(s: Station201) -> None:
    """TxStartPoint PowerPathClosed, EnergyTransfer: card and car first, then one event that tells all."""
    await s.authorizes("accepted")
    await s.shows("Occupied")
    same(await s.sessions(), [], "The sessions before the power")
    await s.tells("ChargingStateChanged", "Charging", name="accepted")
    await s.session(is_open=True, charging_state="charging", meter_start_wh=1000, **ACCEPTED)


@proves("TC_E_03", "TC_E_09")
async def begins_with_the_car(s: Station201) -> None:
    await s.is_plugged_in()
    await s.session(is_open=True, charging_state="preparing", token_verdict="")
    await s.is_authorized()
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, charging_state="charging", meter_start_wh=1000, **ACCEPTED)


@proves("TC_E_04", "TC_E_10")
async def begins_with_the_card(s: Station201) -> None:
    await s.charges()
    await s.session(is_open=True, charging_state="charging", meter_start_wh=1000, **ACCEPTED)


@proves("TC_E_11")
async def begins_with_signed_data(s: Station201) -> None:
    signed = {
        "signedMeterData": "T0NNRg==", "signingMethod": "ECDSA-secp256r1-SHA256", "encodingMethod": "OCMF",
        "publicKey": "MFkw",
    }  # fmt: skip
    await s.authorizes("accepted")
    await s.shows("Occupied")
    meter = [register(1000.0, "Transaction.Begin", signedMeterValue=signed)]
    await s.tells("SignedDataReceived", "EVConnected", name="accepted", meter=meter)
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, meter_start_wh=1000, **ACCEPTED)


@proves("TC_E_12")
async def begins_with_the_parking_bay(s: Station201) -> None:
    await s.tells("EVDetected", "Idle")
    await s.session(is_open=True, token_verdict="")
    await s.is_authorized()
    await s.is_plugged_in()
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, charging_state="charging", **ACCEPTED)


@proves("TC_E_38")
async def the_car_is_not_ready(s: Station201) -> None:
    await s.is_authorized()
    await s.is_plugged_in()
    await s.tells("ChargingStateChanged", "SuspendedEV")
    await s.session(is_open=True, charging_state="suspended_ev")
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, charging_state="charging")


@proves("TC_E_53")
async def each_session_counts_from_zero(s: Station201) -> None:
    for _ in range(2):
        s.new_session()
        await s.is_authorized()
        await s.is_plugged_in()
        await s.tells("ChargingStateChanged", "Charging")
        meter = [register(END_WH, "Transaction.End")]
        await s.tells(
            "StopAuthorized", "EVConnected", name="accepted", kind="Ended", stoppedReason="Local", meter=meter
        )
        await s.shows("Available")
    for session in await s.sessions():
        same(session, {"is_open": False, "is_incomplete": False, "needs_review": False, "energy_wh": 1500}, "A session")


# -- when a session ends -----------------------------------------------------------------------------------------------


@proves("TC_E_07", "TC_E_15")
async def ends_with_the_card(s: Station201) -> None:
    """TxStopPoint PowerPathClosed, Authorized: the card that stops is the end."""
    await s.charges()
    await s.authorizes("accepted")
    await s.ends("StopAuthorized", "Local", name="accepted", state="EVConnected")
    await s.shows("Available")


@proves("TC_E_08")
async def ends_when_the_energy_stops_after_the_card(s: Station201) -> None:
    await s.charges()
    await s.authorizes("accepted")
    await s.tells("StopAuthorized", "Charging", name="accepted")
    await s.ends("ChargingStateChanged", "Local", state="EVConnected")
    await s.shows("Available")


@proves("TC_E_14")
async def ends_when_unplugged_at_the_station(s: Station201) -> None:
    await s.charges()
    await s.authorizes("accepted")
    await s.is_told_to_stop()
    await s.tells("ChargingStateChanged", "EVConnected")
    await s.session(is_open=True, charging_state="preparing")
    await s.is_unplugged("EVDisconnected")


@proves("TC_E_16")
async def ends_when_the_card_is_refused(s: Station201) -> None:
    await s.is_plugged_in()
    await s.tells("Authorized", "EVConnected", name="unknown", status="Invalid")
    await s.session(is_open=True, token_verdict="invalid")  # noqa: S106
    await s.ends("Deauthorized", "DeAuthorized", state="EVConnected")
    await s.shows("Available")


@proves("TC_E_17", "TC_E_20")
async def ends_when_unplugged_at_the_car(s: Station201) -> None:
    await s.charges()
    await s.tells("ChargingStateChanged", "SuspendedEV")
    await s.is_unplugged("EVDisconnected")


@proves("TC_E_19")
async def ends_when_the_bay_is_left(s: Station201) -> None:
    await s.charges()
    await s.is_told_to_stop()
    await s.shows("Available")
    await s.tells("EVCommunicationLost", "Idle")
    await s.ends("EVDeparted", "Local", state="Idle")


@proves("TC_E_21")
async def ends_from_afar(s: Station201) -> None:
    await s.charges()
    order = {"transaction_id": s.transaction}
    await s.ordered("remote_stop", order, "RequestStopTransaction", {"transactionId": s.transaction}, OK)
    await s.ends("RemoteStop", "Remote", state="EVConnected")
    await s.shows("Available")


@proves("TC_E_22")
async def ends_when_the_car_is_full(s: Station201) -> None:
    await s.charges()
    await s.ends("ChargingStateChanged", "StoppedByEV", state="SuspendedEV")


@proves("TC_E_26")
async def unplugged_at_the_car_and_back(s: Station201) -> None:
    await s.charges()
    await s.tells("EVCommunicationLost", "Idle")
    await s.shows("Available")
    await s.session(is_open=True)
    await s.is_plugged_in()
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, charging_state="charging")


@proves("TC_E_39")
async def ends_because_no_car_came(s: Station201) -> None:
    await s.is_authorized()
    await s.ends("EVConnectTimeout", "Timeout", state="Idle")


# -- what is still in the queue ----------------------------------------------------------------------------------------


def queued(**more: Any) -> Any:
    return {"event": {"offline": True, "timestamp": now(minutes=-5)}, **more}


async def status(s: Station201, *, is_named: bool, ongoing: bool, is_ended: bool, in_queue: bool) -> None:
    """GetTransactionStatus of a session, and the messages that the station held back."""
    await s.charges()
    if is_ended and not in_queue:
        await s.ends("StopAuthorized", "Local", name="accepted")
    await s.reconnects()
    order = {"transaction_id": s.transaction} if is_named else {}
    answer = {"messagesInQueue": in_queue} | ({"ongoingIndicator": ongoing} if is_named else {})
    wanted = {"transactionId": s.transaction if is_named else None}
    await s.ordered("session_status", order, "GetTransactionStatus", wanted, answer)
    if in_queue:
        await s.tells("MeterValuePeriodic", "Charging", meter=[register(2000.0)], **queued())
    if in_queue and is_ended:
        await s.ends("StopAuthorized", "Local", name="accepted", **queued())
    else:
        await s.session(is_incomplete=False)


for _case, _named, _ongoing, _ended, _queue in (
    ("TC_E_29", True, True, False, True),
    ("TC_E_30", True, True, False, False),
    ("TC_E_31", True, False, True, True),
    ("TC_E_33", False, False, False, True),
    ("TC_E_34", False, False, False, False),
):
    _facts: Any = {"is_named": _named, "ongoing": _ongoing, "is_ended": _ended, "in_queue": _queue}
    add(_case, partial(status, **_facts))
