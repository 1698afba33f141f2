"""What a CSMS may order over OCPP 2.0.1, each a verb of the charger and an answer."""

from __future__ import annotations

from gateway.simulator.calls import Call, Kind, Payload
from gateway.simulator.connector import Connector, Reservation
from gateway.simulator.dialect import Agent, Handler, epoch, wire_time
from gateway.simulator.events import Cause, JobKind, Reason, State, Topic
from gateway.simulator.ocpp201.smart import (
    clear_charging_profile,
    get_charging_profiles,
    get_composite_schedule,
    read_profile,
    set_charging_profile,
)
from gateway.simulator.ocpp201.variables import ITEMS_PER_REPORT, asked_for, get_variables, inventory, set_variables

TOPICS = {
    "BootNotification": Topic.BOOT,
    "FirmwareStatusNotification": Topic.FIRMWARE,
    "Heartbeat": Topic.HEARTBEAT,
    "LogStatusNotification": Topic.LOG,
    "MeterValues": Topic.METER,
    "StatusNotification": Topic.STATUS,
    "TransactionEvent": Topic.SESSION,
}
NETWORK_SLOTS = (1, 2, 3)


def _status(status: str, reason: str | None = None) -> Payload:
    return {"status": status} if reason is None else {"status": status, "statusInfo": {"reasonCode": reason}}


def _accepted(is_accepted: bool) -> Payload:
    return _status("Accepted" if is_accepted else "Rejected")


def _connector(agent: Agent, evse: Payload) -> Connector | None:
    return agent.charger.connector(evse["id"]) if evse.get("connectorId", 1) == 1 else None


def reset(agent: Agent, payload: Payload) -> Payload:
    charger = agent.charger
    if "evseId" in payload:
        return _status("Rejected", "EvseResetUnsupported")
    if payload["type"] == "OnIdle" and charger.sessions():
        charger.reset_when_idle = True
        return _status("Scheduled")
    charger.reset(is_hard=payload["type"] == "Immediate")
    return _status("Accepted")


def unlock_connector(agent: Agent, payload: Payload) -> Payload:
    connector = _connector(agent, {"id": payload["evseId"], "connectorId": payload["connectorId"]})
    if connector is None:
        return _status("UnknownConnector")
    if connector.session is not None:
        return _status("OngoingAuthorizedTransaction")
    is_stuck = connector.fault is not None and connector.fault.code == "ConnectorLockFailure"
    return _status("UnlockFailed" if is_stuck else "Unlocked")


def change_availability(agent: Agent, payload: Payload) -> Payload:
    evse = payload.get("evse")
    if evse is not None and _connector(agent, evse) is None:
        return _status("Rejected", "UnknownEvse")
    number = 0 if evse is None else evse["id"]
    is_done = agent.charger.set_operative(number, is_operative=payload["operationalStatus"] == "Operative")
    return _status("Accepted" if is_done else "Scheduled")


def request_start(agent: Agent, payload: Payload) -> Payload:
    charger, profile = agent.charger, payload.get("chargingProfile")
    if profile is not None and profile["chargingProfilePurpose"] != "TxProfile":
        return _status("Rejected", "InvalidProfile")
    connector = charger.remote_start(payload["idToken"]["idToken"], payload.get("evseId"), payload["remoteStartId"])
    if connector is None:
        return _status("Rejected", "NoFreeEvse")
    if profile is not None:
        charger.profiles.install(read_profile(charger, connector.number, profile))
        charger.limits_changed()
    session = connector.session
    return _status("Accepted") if session is None else _status("Accepted") | {"transactionId": session.wire_id}


def request_stop(agent: Agent, payload: Payload) -> Payload:
    session = agent.charger.session(payload["transactionId"])
    if session is None:
        return _status("Rejected", "TxNotFound")
    agent.charger.stop(session, Reason.REMOTE)
    return _status("Accepted")


def trigger_message(agent: Agent, payload: Payload) -> Payload:
    charger, topic, evse = agent.charger, TOPICS.get(payload["requestedMessage"]), payload.get("evse")
    if topic is None:
        return _status("NotImplemented")
    if evse is not None and _connector(agent, evse) is None:
        return _status("Rejected", "UnknownEvse")
    number = 0 if evse is None else evse["id"]
    meant = [c for c in charger.connectors if number in (0, c.number)]
    match topic:
        case Topic.METER:
            for connector in meant:
                charger.metering.read_apart(connector, Cause.TRIGGERED)
        case Topic.SESSION:
            running = [connector for connector in meant if connector.session is not None]
            for connector in running:
                charger.metering.read(connector, Cause.TRIGGERED)
            return _accepted(bool(running))
        case _:
            agent.ask(topic, number)
    return _status("Accepted")


def get_base_report(agent: Agent, payload: Payload) -> Payload:
    return _report(agent, payload["requestId"], inventory(agent.charger, payload["reportBase"]))


def get_report(agent: Agent, payload: Payload) -> Payload:
    return _report(agent, payload["requestId"], asked_for(agent.charger, payload.get("componentVariable")))


def _report(agent: Agent, request_id: int, items: list[Payload]) -> Payload:
    """Send the items as NotifyReports, numbered from 0; all but the last say that more is to come."""
    if not items:
        return _status("EmptyResultSet")
    generated_at = wire_time(agent.charger.agenda.now())
    for number, first in enumerate(range(0, len(items), ITEMS_PER_REPORT)):
        part = {
            "requestId": request_id,
            "generatedAt": generated_at,
            "seqNo": number,
            "tbc": first + ITEMS_PER_REPORT < len(items),
            "reportData": items[first : first + ITEMS_PER_REPORT],
        }
        agent.queue(Call("NotifyReport", part, Kind.TRIGGERED))
    return _status("Accepted")


def update_firmware(agent: Agent, payload: Payload) -> Payload:
    firmware = payload["firmware"]
    kind = JobKind.SIGNED_FIRMWARE if "signature" in firmware else JobKind.FIRMWARE
    retrieve_at = epoch(firmware["retrieveDateTime"])
    is_replacing = agent.update_firmware(kind, firmware["location"], retrieve_at, payload["requestId"])
    return _status("AcceptedCanceled" if is_replacing else "Accepted")


def get_log(agent: Agent, payload: Payload) -> Payload:
    file_name = agent.upload_log(JobKind.LOG, payload["log"]["remoteLocation"], payload["requestId"])
    return {"status": "Accepted", "filename": file_name}


def clear_cache(agent: Agent, _payload: Payload) -> Payload:
    return _accepted(agent.charger.tokens.forget())


def get_local_list_version(agent: Agent, _payload: Payload) -> Payload:
    return {"versionNumber": agent.charger.tokens.version}


def send_local_list(agent: Agent, payload: Payload) -> Payload:
    tokens, entries = agent.charger.tokens, payload.get("localAuthorizationList", [])
    if len(entries) > agent.charger.settings.number("list_update_length"):
        return _status("Failed", "TooManyElements")
    statuses = {entry["idToken"]["idToken"]: (entry.get("idTokenInfo") or {}).get("status") for entry in entries}
    if payload["updateType"] == "Full":
        tokens.replace(payload["versionNumber"], statuses)
        return _status("Accepted")
    return _status("Accepted" if tokens.update(payload["versionNumber"], statuses) else "VersionMismatch")


def reserve_now(agent: Agent, payload: Payload) -> Payload:
    charger, evse_id = agent.charger, payload.get("evseId")
    meant = [c for c in charger.connectors if evse_id in (None, c.number)]
    if not meant:
        return _status("Rejected", "UnknownEvse")
    able = [c for c in meant if c.state is State.AVAILABLE or (c.reservation and c.reservation.id == payload["id"])]
    if not able:
        states = {connector.state for connector in meant}
        return _status(next((s.value for s in (State.FAULTED, State.UNAVAILABLE) if states == {s}), "Occupied"))
    group = (payload.get("groupIdToken") or {}).get("idToken")
    until = epoch(payload["expiryDateTime"])
    charger.reserve(able[0], Reservation(payload["id"], payload["idToken"]["idToken"], until, group))
    return _status("Accepted")


def cancel_reservation(agent: Agent, payload: Payload) -> Payload:
    return _accepted(agent.charger.cancel_reservation(payload["reservationId"]))


def data_transfer(agent: Agent, payload: Payload) -> Payload:
    if payload["vendorId"] != agent.charger.make.vendor:
        return _status("UnknownVendorId")
    return {"status": "Accepted", "data": payload["data"]} if "data" in payload else _status("Accepted")


def get_transaction_status(agent: Agent, payload: Payload) -> Payload:
    answer: Payload = {"messagesInQueue": agent.owes}
    if "transactionId" in payload:
        answer["ongoingIndicator"] = agent.charger.session(payload["transactionId"]) is not None
    return answer


def set_network_profile(_agent: Agent, payload: Payload) -> Payload:
    """Takes what this charger could dial; it stays with the line it has."""
    data = payload["connectionData"]
    is_usable = data["ocppVersion"] == "OCPP20" and data["ocppTransport"] == "JSON"
    return _accepted(is_usable and payload["configurationSlot"] in NETWORK_SLOTS)


def customer_information(agent: Agent, payload: Payload) -> Payload:
    if payload["clear"] and "idToken" in payload:
        agent.charger.tokens.forget()
    data = f"Nothing is kept about a customer on {agent.charger.identity}." if payload["report"] else "Cleared."
    told = {
        "requestId": payload["requestId"],
        "generatedAt": wire_time(agent.charger.agenda.now()),
        "seqNo": 0,
        "tbc": False,
        "data": data,
    }
    agent.queue(Call("NotifyCustomerInformation", told, Kind.TRIGGERED))
    return _status("Accepted")


def cost_updated(_agent: Agent, _payload: Payload) -> Payload:
    return {}


def get_installed_certificate_ids(_agent: Agent, _payload: Payload) -> Payload:
    return _status("NotFound")


HANDLERS: dict[str, Handler] = {
    "CancelReservation": cancel_reservation,
    "ChangeAvailability": change_availability,
    "ClearCache": clear_cache,
    "ClearChargingProfile": clear_charging_profile,
    "CostUpdated": cost_updated,
    "CustomerInformation": customer_information,
    "DataTransfer": data_transfer,
    "GetBaseReport": get_base_report,
    "GetChargingProfiles": get_charging_profiles,
    "GetCompositeSchedule": get_composite_schedule,
    "GetInstalledCertificateIds": get_installed_certificate_ids,
    "GetLocalListVersion": get_local_list_version,
    "GetLog": get_log,
    "GetReport": get_report,
    "GetTransactionStatus": get_transaction_status,
    "GetVariables": get_variables,
    "RequestStartTransaction": request_start,
    "RequestStopTransaction": request_stop,
    "ReserveNow": reserve_now,
    "Reset": reset,
    "SendLocalList": send_local_list,
    "SetChargingProfile": set_charging_profile,
    "SetNetworkProfile": set_network_profile,
    "SetVariables": set_variables,
    "TriggerMessage": trigger_message,
    "UnlockConnector": unlock_connector,
    "UpdateFirmware": update_firmware,
}
