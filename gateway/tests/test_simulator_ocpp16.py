"""A simulated 1.6 charger under the orders of a CSMS that we did not write; its schemas watch every frame."""

from __future__ import annotations

import pytest
from ocpp import exceptions

from gateway.simulator import link
from gateway.simulator.events import Fault, State
from gateway.simulator.ocpp16.commands import HANDLERS
from gateway.testing.foreign_csms import ForeignCsms
from gateway.testing.street_corner import on_the_wire, small_car, until

SOON = "2020-01-01T00:00:00Z"
LATER = "2099-01-01T00:00:00Z"


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
    async with on_the_wire(csms, "1.6") as one:
        await csms.seen("StatusNotification", count=3)
        yield one


async def charging(csms, agent, number: int = 1, soc: float = 0.1):
    connector = agent.charger.connector(number)
    agent.charger.plug_in(connector, small_car(soc, battery_wh=500_000))
    agent.charger.show_token(connector, "04AA")
    await csms.seen("StatusNotification", lambda s: (s["connectorId"], s["status"]) == (number, "Charging"))
    return connector.session


async def test_a_whole_charge_is_told(csms, agent):
    connector = agent.charger.connectors[0]
    agent.charger.plug_in(connector, small_car(0.7))
    agent.charger.show_token(connector, "04AA")
    values = await csms.seen("MeterValues")
    agent.charger.show_token(connector, "04AA")
    stopped = await csms.seen("StopTransaction")
    started = csms.calls("StartTransaction")[0]
    measurands = {value["measurand"] for value in values["meterValue"][0]["sampledValue"]}
    assert measurands == {"Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage"}
    assert (stopped["reason"], stopped["idTag"]) == ("Local", "04AA")
    assert stopped["meterStop"] > started["meterStart"]


async def test_a_session_that_the_csms_does_not_authorize_ends(csms, agent):
    csms.answers16["StartTransaction"] = {"transactionId": 7, "idTagInfo": {"status": "Blocked"}}
    agent.charger.plug_in(agent.charger.connectors[0], small_car())
    agent.charger.show_token(agent.charger.connectors[0], "04AA")
    assert (await csms.seen("StopTransaction"))["reason"] == "DeAuthorized"


@pytest.mark.parametrize(("kind", "reason"), [("Hard", "HardReset"), ("Soft", "SoftReset")])
async def test_a_reset_stops_the_session_and_boots_again(csms, agent, kind, reason):
    await charging(csms, agent)
    assert await csms.command("CP-1", "Reset", {"type": kind}) == {"status": "Accepted"}
    assert (await csms.seen("StopTransaction"))["reason"] == reason
    await csms.seen("BootNotification", count=2, within_s=8)


async def test_a_remote_start_waits_for_the_car_and_a_remote_stop_ends_it(csms, agent):
    assert await csms.command("CP-1", "RemoteStartTransaction", {"idTag": "04BB", "connectorId": 2}) == {
        "status": "Accepted"
    }
    await csms.seen("StatusNotification", lambda s: (s["connectorId"], s["status"]) == (2, "Preparing"))
    agent.charger.plug_in(agent.charger.connectors[1], small_car())
    assert (await csms.seen("StartTransaction"))["idTag"] == "04BB"
    await csms.seen("StatusNotification", lambda s: s["status"] == "Charging")
    number = int(agent.charger.connectors[1].session.wire_id)
    assert await csms.command("CP-1", "RemoteStopTransaction", {"transactionId": number}) == {"status": "Accepted"}
    assert (await csms.seen("StopTransaction"))["reason"] == "Remote"
    assert await csms.command("CP-1", "RemoteStopTransaction", {"transactionId": number}) == {"status": "Rejected"}


async def test_unlocking_ends_the_session(csms, agent):
    await charging(csms, agent)
    assert await csms.command("CP-1", "UnlockConnector", {"connectorId": 1}) == {"status": "Unlocked"}
    assert (await csms.seen("StopTransaction"))["reason"] == "UnlockCommand"
    agent.charger.break_down(agent.charger.connectors[1], Fault("ConnectorLockFailure", "CL-04", "Blocked"))
    assert await csms.command("CP-1", "UnlockConnector", {"connectorId": 2}) == {"status": "UnlockFailed"}
    assert await csms.command("CP-1", "UnlockConnector", {"connectorId": 9}) == {"status": "NotSupported"}


async def test_availability_changes_at_once_or_after_the_session(csms, agent):
    await charging(csms, agent)
    order = {"type": "Inoperative"}
    assert await csms.command("CP-1", "ChangeAvailability", order | {"connectorId": 2}) == {"status": "Accepted"}
    assert await csms.command("CP-1", "ChangeAvailability", order | {"connectorId": 1}) == {"status": "Scheduled"}
    agent.charger.unplug(agent.charger.connectors[0])
    for number in (1, 2):
        await csms.seen("StatusNotification", lambda s, n=number: (s["connectorId"], s["status"]) == (n, "Unavailable"))


async def test_what_is_triggered_is_sent(csms, agent):
    for message in ("Heartbeat", "MeterValues", "FirmwareStatusNotification", "DiagnosticsStatusNotification"):
        order = {"requestedMessage": message}
        assert await csms.command("CP-1", "TriggerMessage", order) == {"status": "Accepted"}
        await csms.seen(message)
    order = {"requestedMessage": "LogStatusNotification"}
    assert await csms.command("CP-1", "ExtendedTriggerMessage", order) == {"status": "Accepted"}
    assert (await csms.seen("LogStatusNotification"))["status"] == "Idle"
    status = {"requestedMessage": "StatusNotification", "connectorId": 2}
    assert await csms.command("CP-1", "TriggerMessage", status) == {"status": "Accepted"}
    await csms.seen("StatusNotification", lambda s: s["connectorId"] == 2, count=2)
    order = {"requestedMessage": "BootNotification"}
    assert await csms.command("CP-1", "TriggerMessage", order) == {"status": "Accepted"}
    await csms.seen("BootNotification", count=2)


async def test_configuration_is_listed_with_its_limits(csms, agent):
    everything = await csms.command("CP-1", "GetConfiguration")
    keys = {entry["key"]: entry for entry in everything["configurationKey"]}
    assert len(keys) > 30
    assert keys["NumberOfConnectors"] == {"key": "NumberOfConnectors", "readonly": True, "value": "2"}
    assert "AuthorizationKey" not in keys
    assert "unknownKey" not in everything
    some = await csms.command("CP-1", "GetConfiguration", {"key": ["HeartbeatInterval", "AuthorizationKey", "Nope"]})
    assert [entry["key"] for entry in some["configurationKey"]] == ["HeartbeatInterval"]
    assert some["unknownKey"] == ["AuthorizationKey", "Nope"]


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("MeterValueSampleInterval", "5", "Accepted"),
        ("NumberOfConnectors", "4", "Rejected"),
        ("HeartbeatInterval", "often", "Rejected"),
        ("WebSocketPingInterval", "30", "RebootRequired"),
        ("Nope", "1", "NotSupported"),
    ],
)
async def test_configuration_is_changed_by_the_rules(csms, agent, key, value, status):
    assert await csms.command("CP-1", "ChangeConfiguration", {"key": key, "value": value}) == {"status": status}


async def test_a_new_password_is_used_on_a_new_connection(csms, agent):
    order = {"key": "AuthorizationKey", "value": b"0123456789abcdef".hex()}
    assert await csms.command("CP-1", "ChangeConfiguration", order) == {"status": "Accepted"}
    await until(lambda: len(csms.authorizations) == 2)
    assert csms.authorizations == [None, "Basic Q1AtMTowMTIzNDU2Nzg5YWJjZGVm"]


async def test_reservations_are_kept_refused_and_cancelled(csms, agent):
    order = {"connectorId": 1, "expiryDate": LATER, "idTag": "04AA", "reservationId": 42}
    assert await csms.command("CP-1", "ReserveNow", order) == {"status": "Accepted"}
    await csms.seen("StatusNotification", lambda s: s["status"] == "Reserved")
    assert await csms.command("CP-1", "ReserveNow", order | {"reservationId": 43}) == {"status": "Occupied"}
    assert await csms.command("CP-1", "CancelReservation", {"reservationId": 42}) == {"status": "Accepted"}
    assert await csms.command("CP-1", "CancelReservation", {"reservationId": 42}) == {"status": "Rejected"}
    agent.charger.break_down(agent.charger.connectors[0], Fault("HighTemperature", "OT-17", "Hot"))
    assert await csms.command("CP-1", "ReserveNow", order) == {"status": "Faulted"}


async def test_a_reserved_session_names_its_reservation(csms, agent):
    order = {"connectorId": 1, "expiryDate": LATER, "idTag": "04AA", "reservationId": 42}
    await csms.command("CP-1", "ReserveNow", order)
    await charging(csms, agent)
    assert csms.calls("StartTransaction")[0]["reservationId"] == 42


async def test_the_local_list_has_versions(csms, agent):
    entry = {"idTag": "04AA", "idTagInfo": {"status": "Accepted"}}
    full = {"listVersion": 3, "updateType": "Full", "localAuthorizationList": [entry]}
    assert await csms.command("CP-1", "SendLocalList", full) == {"status": "Accepted"}
    assert await csms.command("CP-1", "GetLocalListVersion") == {"listVersion": 3}
    older = {"listVersion": 2, "updateType": "Differential"}
    assert await csms.command("CP-1", "SendLocalList", older) == {"status": "VersionMismatch"}
    assert await csms.command("CP-1", "ClearCache") == {"status": "Accepted"}
    assert agent.charger.tokens.allows_offline("04aa")


async def test_data_transfer_knows_its_own_vendor(csms, agent):
    assert (await csms.command("CP-1", "DataTransfer", {"vendorId": "Acme", "data": "x"}))["status"] == "Accepted"
    assert await csms.command("CP-1", "DataTransfer", {"vendorId": "Nope"}) == {"status": "UnknownVendorId"}


async def test_what_it_does_not_know_or_cannot_read_is_an_error(csms, agent):
    with pytest.raises(exceptions.NotImplementedError):
        await csms.command("CP-1", "GetInstalledCertificateIds", {"certificateType": "CentralSystemRootCertificate"})
    with pytest.raises(exceptions.FormationViolationError):
        await csms.points["CP-1"].call(
            csms.points["CP-1"]._call.ReserveNow(1, "no date", "04AA", 1), suppress=False, skip_schema_validation=True
        )
    assert agent.charger.connectors[0].state is State.AVAILABLE


def test_every_command_of_the_product_has_a_handler():
    wanted = """Reset UnlockConnector ChangeAvailability RemoteStartTransaction RemoteStopTransaction TriggerMessage
        GetConfiguration ChangeConfiguration UpdateFirmware GetDiagnostics SetChargingProfile ClearChargingProfile
        GetCompositeSchedule ClearCache SendLocalList GetLocalListVersion ReserveNow CancelReservation DataTransfer
        ExtendedTriggerMessage GetLog SignedUpdateFirmware"""
    assert set(wanted.split()) == HANDLERS.keys()
