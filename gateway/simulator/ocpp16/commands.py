"""What a CSMS may order over OCPP 1.6, each a verb of the charger and an answer."""

from __future__ import annotations

from binascii import unhexlify

from gateway.simulator.calls import Payload
from gateway.simulator.charger import Charger
from gateway.simulator.configuration import FACTORY, Verdict
from gateway.simulator.connector import Connector, Reservation
from gateway.simulator.dialect import Agent, Handler, epoch
from gateway.simulator.events import Cause, JobKind, Reason, State, Topic
from gateway.simulator.ocpp16.keys import KEYS
from gateway.simulator.ocpp16.smart import clear_charging_profile, get_composite_schedule, set_charging_profile
from gateway.simulator.ocpp16.smart import read_profile as _read_profile

TOPICS = {
    "BootNotification": Topic.BOOT,
    "DiagnosticsStatusNotification": Topic.DIAGNOSTICS,
    "FirmwareStatusNotification": Topic.FIRMWARE,
    "Heartbeat": Topic.HEARTBEAT,
    "LogStatusNotification": Topic.LOG,
    "MeterValues": Topic.METER,
    "StatusNotification": Topic.STATUS,
}
OCCUPIED = frozenset(State) - {State.AVAILABLE, State.RESERVED, State.UNAVAILABLE, State.FAULTED}
UNFIT = {State.FAULTED: "Faulted", State.UNAVAILABLE: "Unavailable"} | dict.fromkeys(OCCUPIED, "Occupied")


def _status(status: str) -> Payload:
    return {"status": status}


def _accepted(is_accepted: bool) -> Payload:
    return _status("Accepted" if is_accepted else "Rejected")


def reset(agent: Agent, payload: Payload) -> Payload:
    agent.charger.reset(is_hard=payload["type"] == "Hard")
    return _status("Accepted")


def unlock_connector(agent: Agent, payload: Payload) -> Payload:
    connector = agent.charger.connector(payload["connectorId"])
    if connector is None:
        return _status("NotSupported")
    if connector.fault is not None and connector.fault.code == "ConnectorLockFailure":
        return _status("UnlockFailed")
    if connector.session is not None:
        agent.charger.stop(connector.session, Reason.UNLOCKED)
    return _status("Unlocked")


def change_availability(agent: Agent, payload: Payload) -> Payload:
    number = payload["connectorId"]
    if number != 0 and agent.charger.connector(number) is None:
        return _status("Rejected")
    is_done = agent.charger.set_operative(number, is_operative=payload["type"] == "Operative")
    return _status("Accepted" if is_done else "Scheduled")


def remote_start(agent: Agent, payload: Payload) -> Payload:
    charger = agent.charger
    profile = payload.get("chargingProfile")
    if profile is not None and profile["chargingProfilePurpose"] != "TxProfile":
        return _status("Rejected")
    connector = charger.remote_start(payload["idTag"], payload.get("connectorId"), None)
    if connector is not None and profile is not None:
        charger.profiles.install(_read_profile(charger, connector.number, profile))
        charger.limits_changed()
    return _accepted(connector is not None)


def remote_stop(agent: Agent, payload: Payload) -> Payload:
    session = agent.charger.session(str(payload["transactionId"]))
    if session is not None:
        agent.charger.stop(session, Reason.REMOTE)
    return _accepted(session is not None)


def trigger_message(agent: Agent, payload: Payload) -> Payload:
    """TriggerMessage, and the whitepaper's ExtendedTriggerMessage."""
    charger = agent.charger
    topic, number = TOPICS.get(payload["requestedMessage"]), payload.get("connectorId", 0)
    if topic is None:
        return _status("NotImplemented")
    if number != 0 and charger.connector(number) is None:
        return _status("Rejected")
    if topic is Topic.METER:
        for connector in charger.connectors:
            if number in (0, connector.number):
                charger.metering.read(connector, Cause.TRIGGERED)
    else:
        agent.ask(topic, number)
    return _status("Accepted")


def get_configuration(agent: Agent, payload: Payload) -> Payload:
    wanted = payload.get("key") or list(KEYS)
    known = [
        {"key": key, "readonly": FACTORY[KEYS[key]].is_readonly, "value": agent.charger.settings.text(KEYS[key])[:500]}
        for key in wanted
        if key in KEYS and not FACTORY[KEYS[key]].is_secret
    ]
    answer: Payload = {"configurationKey": known}
    # A key that cannot be read (AuthorizationKey) is unknown to a reader.
    unknown = [key for key in wanted if key not in KEYS or (payload.get("key") and FACTORY[KEYS[key]].is_secret)]
    return answer | {"unknownKey": unknown} if unknown else answer


def change_configuration(agent: Agent, payload: Payload) -> Payload:
    name = KEYS.get(payload["key"])
    if name is None:
        return _status("NotSupported")
    verdict = agent.change_setting(name, payload["value"])
    if verdict is Verdict.ACCEPTED and name == "password":
        agent.change_password(_password(payload["value"]))
    return _status(
        {Verdict.ACCEPTED: "Accepted", Verdict.REJECTED: "Rejected", Verdict.REBOOT_REQUIRED: "RebootRequired"}[verdict]
    )


def _password(key: str) -> str:
    """AuthorizationKey comes as hex digits (1.6 §4.2.4, whitepaper); firmware that got text there uses it as it is."""
    try:
        return unhexlify(key).decode()
    except ValueError:
        return key


def update_firmware(agent: Agent, payload: Payload) -> Payload:
    agent.update_firmware(JobKind.FIRMWARE, payload["location"], epoch(payload["retrieveDate"]), None)
    return {}


def signed_update_firmware(agent: Agent, payload: Payload) -> Payload:
    firmware = payload["firmware"]
    is_replacing = agent.update_firmware(
        JobKind.SIGNED_FIRMWARE, firmware["location"], epoch(firmware["retrieveDateTime"]), payload["requestId"]
    )
    return _status("AcceptedCanceled" if is_replacing else "Accepted")


def get_diagnostics(agent: Agent, payload: Payload) -> Payload:
    return {"fileName": agent.upload_log(JobKind.DIAGNOSTICS, payload["location"], None)}


def get_log(agent: Agent, payload: Payload) -> Payload:
    file_name = agent.upload_log(JobKind.LOG, payload["log"]["remoteLocation"], payload["requestId"])
    return {"status": "Accepted", "filename": file_name}


def clear_cache(agent: Agent, _payload: Payload) -> Payload:
    return _accepted(agent.charger.tokens.forget())


def get_local_list_version(agent: Agent, _payload: Payload) -> Payload:
    return {"listVersion": agent.charger.tokens.version if agent.charger.settings.is_on("local_list") else -1}


def send_local_list(agent: Agent, payload: Payload) -> Payload:
    tokens, settings = agent.charger.tokens, agent.charger.settings
    entries = payload.get("localAuthorizationList", [])
    if not settings.is_on("local_list"):
        return _status("NotSupported")
    if len(entries) > settings.number("list_update_length"):
        return _status("Failed")
    statuses = {entry["idTag"]: (entry.get("idTagInfo") or {}).get("status") for entry in entries}
    if payload["updateType"] == "Full":
        tokens.replace(payload["listVersion"], statuses)
        return _status("Accepted")
    return _status("Accepted" if tokens.update(payload["listVersion"], statuses) else "VersionMismatch")


def reserve_now(agent: Agent, payload: Payload) -> Payload:
    charger, number = agent.charger, payload["connectorId"]
    connector = _free(charger) if number == 0 else charger.connector(number)
    if connector is None:
        return _status("Occupied" if number == 0 else "Rejected")
    held = connector.reservation
    if held is not None and held.id != payload["reservationId"]:
        return _status("Occupied")
    if (unfit := UNFIT.get(connector.state)) is not None:
        return _status(unfit)
    until = epoch(payload["expiryDate"])
    charger.reserve(
        connector, Reservation(payload["reservationId"], payload["idTag"], until, payload.get("parentIdTag"))
    )
    return _status("Accepted")


def _free(charger: Charger) -> Connector | None:
    return next((c for c in charger.connectors if c.state is State.AVAILABLE), None)


def cancel_reservation(agent: Agent, payload: Payload) -> Payload:
    return _accepted(agent.charger.cancel_reservation(payload["reservationId"]))


def data_transfer(agent: Agent, payload: Payload) -> Payload:
    if payload["vendorId"] != agent.charger.make.vendor:
        return _status("UnknownVendorId")
    return {"status": "Accepted", "data": payload.get("data", "")}


HANDLERS: dict[str, Handler] = {
    "CancelReservation": cancel_reservation,
    "ChangeAvailability": change_availability,
    "ChangeConfiguration": change_configuration,
    "ClearCache": clear_cache,
    "ClearChargingProfile": clear_charging_profile,
    "DataTransfer": data_transfer,
    "ExtendedTriggerMessage": trigger_message,
    "GetCompositeSchedule": get_composite_schedule,
    "GetConfiguration": get_configuration,
    "GetDiagnostics": get_diagnostics,
    "GetLocalListVersion": get_local_list_version,
    "GetLog": get_log,
    "RemoteStartTransaction": remote_start,
    "RemoteStopTransaction": remote_stop,
    "ReserveNow": reserve_now,
    "Reset": reset,
    "SendLocalList": send_local_list,
    "SetChargingProfile": set_charging_profile,
    "SignedUpdateFirmware": signed_update_firmware,
    "TriggerMessage": trigger_message,
    "UnlockConnector": unlock_connector,
    "UpdateFirmware": update_firmware,
}
