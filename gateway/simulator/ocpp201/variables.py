"""The device model of a 2.0.1 charger: (component, variable, instance) → neutral setting; and its reports."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.simulator.calls import Payload
from gateway.simulator.charger import Charger
from gateway.simulator.configuration import FACTORY, Setting, Verdict
from gateway.simulator.dialect import Agent
from gateway.simulator.ocpp201.reports import status_name

Name = tuple[str, str, str | None]

VARIABLES: dict[Name, str] = {
    ("AlignedDataCtrlr", "Interval", None): "clock_interval_s",
    ("AlignedDataCtrlr", "Measurands", None): "clock_measurands",
    ("AuthCacheCtrlr", "Enabled", None): "authorization_cache",
    ("AuthCtrlr", "AuthorizeRemoteStart", None): "authorize_remote_start",
    ("AuthCtrlr", "LocalAuthorizeOffline", None): "local_authorize_offline",
    ("AuthCtrlr", "LocalPreAuthorize", None): "local_pre_authorize",
    ("AuthCtrlr", "OfflineTxForUnknownIdEnabled", None): "offline_unknown_token",
    ("ChargingStation", "FirmwareVersion", None): "firmware",
    ("ChargingStation", "Model", None): "model",
    ("ChargingStation", "SerialNumber", None): "serial",
    ("ChargingStation", "VendorName", None): "vendor",
    ("DeviceDataCtrlr", "ItemsPerMessage", "GetVariables"): "keys_per_request",
    ("LocalAuthListCtrlr", "Enabled", None): "local_list",
    ("LocalAuthListCtrlr", "ItemsPerMessage", None): "list_update_length",
    ("OCPPCommCtrlr", "FileTransferProtocols", None): "transfer_protocols",
    ("OCPPCommCtrlr", "HeartbeatInterval", None): "heartbeat_interval_s",
    ("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent"): "message_retry_s",
    ("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent"): "message_attempts",
    ("OCPPCommCtrlr", "MessageTimeout", "Default"): "message_timeout_s",
    ("OCPPCommCtrlr", "ResetRetries", None): "reset_retries",
    ("OCPPCommCtrlr", "WebSocketPingInterval", None): "websocket_ping_s",
    ("ReservationCtrlr", "Enabled", None): "reserve_station",
    ("SampledDataCtrlr", "TxEndedMeasurands", None): "stop_measurands",
    ("SampledDataCtrlr", "TxUpdatedInterval", None): "sample_interval_s",
    ("SampledDataCtrlr", "TxUpdatedMeasurands", None): "sampled_measurands",
    ("SecurityCtrlr", "BasicAuthPassword", None): "password",
    ("SecurityCtrlr", "OrganizationName", None): "operator_name",
    ("SecurityCtrlr", "SecurityProfile", None): "security_profile",
    ("SmartChargingCtrlr", "Entries", "ChargingProfiles"): "profiles_installed",
    ("SmartChargingCtrlr", "PeriodsPerSchedule", None): "schedule_periods",
    ("SmartChargingCtrlr", "ProfileStackLevel", None): "stack_levels",
    ("SmartChargingCtrlr", "RateUnit", None): "rate_units",
    ("TxCtrlr", "EVConnectionTimeOut", None): "connection_timeout_s",
    ("TxCtrlr", "StopTxOnEVSideDisconnect", None): "stop_on_unplug",
    ("TxCtrlr", "StopTxOnInvalidId", None): "stop_on_invalid_token",
    ("TxCtrlr", "TxStartPoint", None): "start_point",
    ("TxCtrlr", "TxStopPoint", None): "stop_point",
}
COMPONENTS = frozenset(component for component, _, _ in VARIABLES)
TYPES = {"int": "integer", "bool": "boolean", "list": "MemberList", "text": "string"}
ITEMS_PER_REPORT = 20

VERDICTS = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.REJECTED: "Rejected",
    Verdict.REBOOT_REQUIRED: "RebootRequired",
}


def _name(data: Payload) -> Name:
    return data["component"]["name"], data["variable"]["name"], data["variable"].get("instance")


def _unknown(name: Name) -> str | None:
    if name in VARIABLES:
        return None
    return "UnknownVariable" if name[0] in COMPONENTS else "UnknownComponent"


def get_variables(agent: Agent, payload: Payload) -> Payload:
    return {"getVariableResult": [_get(agent.charger, data) for data in payload["getVariableData"]]}


def _get(charger: Charger, data: Payload) -> Payload:
    name, kind = _name(data), data.get("attributeType", "Actual")
    result: Payload = {"attributeType": kind, "component": data["component"], "variable": data["variable"]}
    if (problem := _unknown(name)) is not None:
        return result | {"attributeStatus": problem}
    if kind != "Actual":
        return result | {"attributeStatus": "NotSupportedAttributeType"}
    if FACTORY[VARIABLES[name]].is_secret:
        return result | {"attributeStatus": "Rejected"}
    return result | {"attributeStatus": "Accepted", "attributeValue": charger.settings.text(VARIABLES[name])}


def set_variables(agent: Agent, payload: Payload) -> Payload:
    return {"setVariableResult": [_set(agent, data) for data in payload["setVariableData"]]}


def _set(agent: Agent, data: Payload) -> Payload:
    name, kind, value = _name(data), data.get("attributeType", "Actual"), data["attributeValue"]
    result: Payload = {"attributeType": kind, "component": data["component"], "variable": data["variable"]}
    if (problem := _unknown(name)) is not None:
        return result | {"attributeStatus": problem}
    if kind != "Actual":
        return result | {"attributeStatus": "NotSupportedAttributeType"}
    verdict = agent.change_setting(VARIABLES[name], value)
    if verdict is Verdict.ACCEPTED and VARIABLES[name] == "password":
        agent.change_password(value)
    return result | {"attributeStatus": VERDICTS[verdict]}


def inventory(charger: Charger, base: str) -> list[Payload]:
    """reportData of a base report: Configuration (what can be set), Summary (what works), Full (both)."""
    configuration = [_described(charger, name) for name in VARIABLES]
    if base == "ConfigurationInventory":
        return configuration
    states = list(_states(charger))
    return states if base == "SummaryInventory" else configuration + states


def asked_for(charger: Charger, wanted: list[Payload] | None) -> list[Payload]:
    """reportData of GetReport: everything, or the components and variables named."""
    everything = inventory(charger, "FullInventory")
    if wanted is None:
        return everything
    return [item for item in everything if any(_matches(item, one) for one in wanted)]


def _matches(item: Payload, wanted: Payload) -> bool:
    if item["component"]["name"] != wanted["component"]["name"]:
        return False
    evse, variable = wanted["component"].get("evse"), wanted.get("variable")
    if evse is not None and item["component"].get("evse", {}).get("id") != evse["id"]:
        return False
    return variable is None or item["variable"]["name"] == variable["name"]


def _described(charger: Charger, name: Name) -> Payload:
    setting = FACTORY[VARIABLES[name]]
    component, variable, instance = name
    attribute: Payload = {"type": "Actual", "mutability": _mutability(setting), "persistent": True, "constant": False}
    if not setting.is_secret:
        attribute["value"] = charger.settings.text(VARIABLES[name])
    return {
        "component": {"name": component},
        "variable": {"name": variable} if instance is None else {"name": variable, "instance": instance},
        "variableAttribute": [attribute],
        "variableCharacteristics": {"dataType": TYPES[setting.kind], "supportsMonitoring": False},
    }


def _mutability(setting: Setting) -> str:
    if setting.is_secret:
        return "WriteOnly"
    return "ReadOnly" if setting.is_readonly else "ReadWrite"


def _states(charger: Charger) -> Iterator[Payload]:
    yield _state({"name": "ChargingStation"}, "AvailabilityState", status_name(charger.state))
    for connector in charger.connectors:
        evse = {"id": connector.number}
        yield _state({"name": "EVSE", "evse": evse}, "AvailabilityState", status_name(connector.state))
        yield _state({"name": "EVSE", "evse": evse}, "Power", f"{connector.max_power_w:.0f}", "decimal", "W")
        plug = {"name": "Connector", "evse": evse | {"connectorId": 1}}
        yield _state(plug, "AvailabilityState", status_name(connector.state))
        yield _state(plug, "ConnectorType", "cCCS2" if connector.is_dc else "sType2", "string")


def _state(component: Payload, variable: str, value: str, kind: str = "OptionList", unit: str | None = None) -> Payload:
    characteristics: Payload = {"dataType": kind, "supportsMonitoring": False}
    return {
        "component": component,
        "variable": {"name": variable},
        "variableAttribute": [{"type": "Actual", "value": value, "mutability": "ReadOnly"}],
        "variableCharacteristics": characteristics if unit is None else characteristics | {"unit": unit},
    }
