"""A simulated 2.0.1 charger under the orders of a CSMS that we did not write; its schemas watch every frame."""

from __future__ import annotations

import pytest
from ocpp import exceptions

from gateway.simulator import link
from gateway.simulator.events import Fault
from gateway.simulator.ocpp201.commands import HANDLERS
from gateway.testing.foreign_csms import ForeignCsms
from gateway.testing.street_corner import DC, on_the_wire, small_car

LATER = "2099-01-01T00:00:00Z"
TOKEN = {"idToken": "04BB", "type": "Central"}


@pytest.fixture(autouse=True)
def _quick_redial(monkeypatch):
    monkeypatch.setattr(link, "FIRST_BACK_OFF_S", 0.02)


@pytest.fixture
async def csms():
    async with ForeignCsms() as server:
        yield server
        assert server.violations == []


@pytest.fixture
async def agent(csms):
    async with on_the_wire(csms, "2.0.1", make=DC) as one:
        await csms.seen("StatusNotification", count=2)
        yield one


async def charging(csms, agent, number: int = 1):
    connector = agent.charger.connector(number)
    agent.charger.plug_in(connector, small_car(0.1, battery_wh=900_000))
    agent.charger.show_token(connector, "04AA")
    await csms.seen("TransactionEvent", lambda event: event["evse"]["id"] == number)
    return connector.session


def variable(component: str, name: str, **more: str):
    return {"component": {"name": component}, "variable": {"name": name}} | more


@pytest.mark.parametrize("ocpp", ["2.0.1", "2.1"])
async def test_a_whole_charge_is_told(csms, ocpp):
    async with on_the_wire(csms, ocpp, make=DC) as agent:
        await csms.seen("StatusNotification", count=2)
        await tell_a_whole_charge(csms, agent)


async def tell_a_whole_charge(csms, agent):
    await charging(csms, agent)
    updated = await csms.seen("TransactionEvent", lambda event: event["eventType"] == "Updated")
    agent.charger.show_token(agent.charger.connectors[0], "04AA")
    ended = await csms.seen("TransactionEvent", lambda event: event["eventType"] == "Ended")
    started = csms.calls("TransactionEvent")[0]
    assert (started["triggerReason"], started["idToken"]["idToken"]) == ("Authorized", "04AA")
    assert "SoC" in {value["measurand"] for value in updated["meterValue"][0]["sampledValue"]}
    assert (ended["triggerReason"], ended["transactionInfo"]["stoppedReason"]) == ("StopAuthorized", "Local")
    seq_numbers = [event["seqNo"] for event in csms.calls("TransactionEvent")]
    assert seq_numbers == list(range(len(seq_numbers)))


async def test_a_fault_is_told_with_its_code_and_cleared(csms, agent):
    await charging(csms, agent)
    connector = agent.charger.connectors[0]
    agent.charger.break_down(connector, Fault("GroundFailure", "GF-31", "Residual current"))
    ended = await csms.seen("TransactionEvent", lambda event: event["eventType"] == "Ended")
    raised = await csms.seen("NotifyEvent")
    agent.charger.recover(connector)
    cleared = await csms.seen("NotifyEvent", count=2)
    assert ended["transactionInfo"]["stoppedReason"] == "GroundFault"
    assert raised["eventData"][0]["techCode"] == "GroundFailure GF-31"
    assert cleared["eventData"][0]["cleared"] is True


async def test_a_requested_start_keeps_its_number_and_a_requested_stop_ends_it(csms, agent):
    order = {"idToken": TOKEN, "remoteStartId": 77, "evseId": 2}
    assert await csms.command("CP-1", "RequestStartTransaction", order) == {"status": "Accepted"}
    agent.charger.plug_in(agent.charger.connectors[1], small_car())
    started = await csms.seen("TransactionEvent")
    assert (started["triggerReason"], started["transactionInfo"]["remoteStartId"]) == ("RemoteStart", 77)
    number = started["transactionInfo"]["transactionId"]
    status = await csms.command("CP-1", "GetTransactionStatus", {"transactionId": number})
    assert status["ongoingIndicator"] is True
    stop = {"transactionId": number}
    assert await csms.command("CP-1", "RequestStopTransaction", stop) == {"status": "Accepted"}
    ended = await csms.seen("TransactionEvent", lambda event: event["eventType"] == "Ended")
    assert ended["transactionInfo"]["stoppedReason"] == "Remote"
    assert (await csms.command("CP-1", "RequestStopTransaction", stop))["status"] == "Rejected"


async def test_a_requested_start_with_a_car_answers_with_its_transaction_before_it_tells(csms, agent):
    agent.charger.plug_in(agent.charger.connectors[0], small_car())
    answer = await csms.command("CP-1", "RequestStartTransaction", {"idToken": TOKEN, "remoteStartId": 77})
    started = await csms.seen("TransactionEvent")
    assert answer["transactionId"] == started["transactionInfo"]["transactionId"]
    up = [m for _, way, m in csms.frames if way == "up" and (m[0] == 3 or m[2] == "TransactionEvent")]
    assert [m[0] for m in up[:2]] == [3, 2]


async def test_a_reset_on_idle_waits_for_the_session(csms, agent):
    await charging(csms, agent)
    assert await csms.command("CP-1", "Reset", {"type": "OnIdle"}) == {"status": "Scheduled"}
    agent.charger.unplug(agent.charger.connectors[0])
    boot = await csms.seen("BootNotification", count=2, within_s=8)
    assert boot["reason"] == "RemoteReset"


async def test_an_immediate_reset_ends_the_session(csms, agent):
    await charging(csms, agent)
    assert await csms.command("CP-1", "Reset", {"type": "Immediate"}) == {"status": "Accepted"}
    ended = await csms.seen("TransactionEvent", lambda event: event["eventType"] == "Ended")
    assert ended["transactionInfo"]["stoppedReason"] == "ImmediateReset"
    await csms.seen("BootNotification", count=2, within_s=8)


async def test_a_connector_with_a_session_is_not_unlocked(csms, agent):
    await charging(csms, agent)
    order = {"connectorId": 1}
    busy = await csms.command("CP-1", "UnlockConnector", order | {"evseId": 1})
    assert busy == {"status": "OngoingAuthorizedTransaction"}
    assert await csms.command("CP-1", "UnlockConnector", order | {"evseId": 2}) == {"status": "Unlocked"}
    assert await csms.command("CP-1", "UnlockConnector", order | {"evseId": 5}) == {"status": "UnknownConnector"}


async def test_availability_changes_at_once_or_after_the_session(csms, agent):
    await charging(csms, agent)
    order = {"operationalStatus": "Inoperative"}
    assert (await csms.command("CP-1", "ChangeAvailability", order))["status"] == "Scheduled"
    await csms.seen("StatusNotification", lambda s: (s["evseId"], s["connectorStatus"]) == (2, "Unavailable"))
    agent.charger.unplug(agent.charger.connectors[0])
    await csms.seen("StatusNotification", lambda s: (s["evseId"], s["connectorStatus"]) == (1, "Unavailable"))


async def test_what_is_triggered_is_sent(csms, agent):
    await charging(csms, agent)
    for message in ("Heartbeat", "MeterValues", "FirmwareStatusNotification", "LogStatusNotification"):
        assert await csms.command("CP-1", "TriggerMessage", {"requestedMessage": message}) == {"status": "Accepted"}
        await csms.seen(message)
    order = {"requestedMessage": "TransactionEvent", "evse": {"id": 1}}
    assert await csms.command("CP-1", "TriggerMessage", order) == {"status": "Accepted"}
    await csms.seen("TransactionEvent", lambda event: event["triggerReason"] == "Trigger")
    order = {"requestedMessage": "SignChargingStationCertificate"}
    assert await csms.command("CP-1", "TriggerMessage", order) == {"status": "NotImplemented"}


async def test_variables_are_read_and_set_by_the_rules(csms, agent):
    wanted = [
        variable("OCPPCommCtrlr", "HeartbeatInterval"),
        variable("SecurityCtrlr", "BasicAuthPassword"),
        variable("OCPPCommCtrlr", "Nope"),
        variable("Nope", "Nope"),
    ]
    answer = await csms.command("CP-1", "GetVariables", {"getVariableData": wanted})
    statuses = [result["attributeStatus"] for result in answer["getVariableResult"]]
    assert statuses == ["Accepted", "Rejected", "UnknownVariable", "UnknownComponent"]
    data = [
        variable("SampledDataCtrlr", "TxUpdatedInterval", attributeValue="5"),
        variable("ChargingStation", "Model", attributeValue="Other"),
        variable("OCPPCommCtrlr", "WebSocketPingInterval", attributeValue="30"),
    ]
    answer = await csms.command("CP-1", "SetVariables", {"setVariableData": data})
    statuses = [result["attributeStatus"] for result in answer["setVariableResult"]]
    assert statuses == ["Accepted", "Rejected", "RebootRequired"]
    assert agent.charger.settings.number("sample_interval_s") == 5


async def test_a_report_comes_in_numbered_parts(csms, agent):
    order = {"requestId": 5, "reportBase": "FullInventory"}
    assert await csms.command("CP-1", "GetBaseReport", order) == {"status": "Accepted"}
    await csms.seen("NotifyReport", lambda part: not part["tbc"])
    parts = csms.calls("NotifyReport")
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert sum(len(part["reportData"]) for part in parts) > 40
    one = {"requestId": 6, "componentVariable": [{"component": {"name": "TxCtrlr"}}]}
    assert await csms.command("CP-1", "GetReport", one) == {"status": "Accepted"}
    part = await csms.seen("NotifyReport", lambda part: part["requestId"] == 6)
    assert {item["component"]["name"] for item in part["reportData"]} == {"TxCtrlr"}
    none = {"requestId": 7, "componentVariable": [{"component": {"name": "Nope"}}]}
    assert await csms.command("CP-1", "GetReport", none) == {"status": "EmptyResultSet"}


async def test_profiles_are_installed_refused_reported_and_cleared(csms, agent):
    schedule = {
        "id": 1, "startSchedule": "2026-01-01T00:00:00Z", "chargingRateUnit": "W",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 20_000.0}],
    }  # fmt: skip
    profile = {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute", "chargingSchedule": [schedule],
    }  # fmt: skip
    session = await charging(csms, agent)
    order = {"evseId": 0, "chargingProfile": profile}
    assert await csms.command("CP-1", "SetChargingProfile", order) == {"status": "Accepted"}
    assert session.power_w == 20_000
    clash = await csms.command("CP-1", "SetChargingProfile", {"evseId": 0, "chargingProfile": profile | {"id": 2}})
    assert clash == {"status": "Rejected", "statusInfo": {"reasonCode": "DuplicateProfile"}}
    answer = await csms.command("CP-1", "GetCompositeSchedule", {"evseId": 1, "duration": 60})
    assert answer["schedule"]["chargingSchedulePeriod"][0]["limit"] == 20_000
    ask = {"requestId": 3, "chargingProfile": {"chargingProfilePurpose": "TxDefaultProfile"}}
    assert await csms.command("CP-1", "GetChargingProfiles", ask) == {"status": "Accepted"}
    assert (await csms.seen("ReportChargingProfiles"))["chargingProfile"] == [profile]
    assert await csms.command("CP-1", "ClearChargingProfile", {"chargingProfileId": 1}) == {"status": "Accepted"}
    assert await csms.command("CP-1", "GetChargingProfiles", ask) == {"status": "NoProfiles"}
    assert session.power_w > 20_000


async def test_reservations_lists_and_the_rest(csms, agent):
    order = {"id": 42, "expiryDateTime": LATER, "idToken": TOKEN, "evseId": 1}
    assert await csms.command("CP-1", "ReserveNow", order) == {"status": "Accepted"}
    assert await csms.command("CP-1", "ReserveNow", order | {"id": 43}) == {"status": "Occupied"}
    assert await csms.command("CP-1", "CancelReservation", {"reservationId": 42}) == {"status": "Accepted"}
    entry = {"idToken": TOKEN, "idTokenInfo": {"status": "Accepted"}}
    update = {"versionNumber": 3, "updateType": "Full", "localAuthorizationList": [entry]}
    assert await csms.command("CP-1", "SendLocalList", update) == {"status": "Accepted"}
    assert await csms.command("CP-1", "GetLocalListVersion") == {"versionNumber": 3}
    assert await csms.command("CP-1", "ClearCache") == {"status": "Accepted"}
    assert await csms.command("CP-1", "DataTransfer", {"vendorId": "Nope"}) == {"status": "UnknownVendorId"}
    customer = {"requestId": 8, "report": True, "clear": False, "idToken": TOKEN}
    assert await csms.command("CP-1", "CustomerInformation", customer) == {"status": "Accepted"}
    assert (await csms.seen("NotifyCustomerInformation"))["requestId"] == 8
    connection = {
        "ocppVersion": "OCPP20", "ocppTransport": "JSON", "ocppCsmsUrl": "wss://csms.example/ocpp",
        "messageTimeout": 30, "securityProfile": 2, "ocppInterface": "Wired0",
    }  # fmt: skip
    network = {"configurationSlot": 1, "connectionData": connection}
    assert await csms.command("CP-1", "SetNetworkProfile", network) == {"status": "Accepted"}


async def test_an_expired_reservation_is_told(csms, agent):
    order = {"id": 42, "expiryDateTime": "2020-01-01T00:00:00Z", "idToken": TOKEN}
    await csms.command("CP-1", "ReserveNow", order)
    assert await csms.seen("ReservationStatusUpdate") == {"reservationId": 42, "reservationUpdateStatus": "Expired"}


async def test_what_it_does_not_know_is_an_error(csms, agent):
    with pytest.raises(exceptions.NotImplementedError):
        await csms.command("CP-1", "ClearDisplayMessage", {"id": 1})


def test_every_command_of_the_product_has_a_handler():
    wanted = """Reset UnlockConnector ChangeAvailability RequestStartTransaction RequestStopTransaction TriggerMessage
        GetVariables SetVariables GetBaseReport GetReport UpdateFirmware GetLog SetChargingProfile ClearChargingProfile
        GetChargingProfiles GetCompositeSchedule ClearCache SendLocalList GetLocalListVersion ReserveNow
        CancelReservation DataTransfer GetTransactionStatus SetNetworkProfile CustomerInformation"""
    assert set(wanted.split()) <= HANDLERS.keys()


async def test_a_requested_start_is_authorized_first_where_that_is_set(csms, agent):
    agent.charger.change_setting("authorize_remote_start", "true")
    await csms.command("CP-1", "RequestStartTransaction", {"idToken": TOKEN, "remoteStartId": 77, "evseId": 1})
    assert (await csms.seen("Authorize"))["idToken"] == TOKEN
    agent.charger.plug_in(agent.charger.connectors[0], small_car())
    assert (await csms.seen("TransactionEvent"))["transactionInfo"]["remoteStartId"] == 77
