"""Firmware updates, uploads and charging profiles on the wire, in both versions."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from gateway.simulator import link
from gateway.testing.foreign_csms import ForeignCsms
from gateway.testing.street_corner import on_the_wire, small_car

SOON = "2020-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def _quick_redial(monkeypatch):
    monkeypatch.setattr(link, "FIRST_BACK_OFF_S", 0.02)


@pytest.fixture(scope="module")
def files():
    with Shelf("PUT") as shelf:
        yield shelf.url


@pytest.fixture
async def csms():
    async with ForeignCsms() as server:
        yield server
        assert server.violations == []


class Shelf(HTTPServer):
    """Takes files by one method only; `taken` is what came, by path. Gives any firmware but a missing one."""

    def __init__(self, method: str) -> None:
        taken: dict[str, bytes] = {}
        self.taken = taken

        class Handler(BaseHTTPRequestHandler):
            def take(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken[self.path] = body
                self.send_response(201)
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(404 if "missing" in self.path else 200)
                self.send_header("Content-Length", "3000")
                self.end_headers()
                self.wfile.write(bytes(3000))

            def log_message(self, *_args: object) -> None:
                pass

        setattr(Handler, f"do_{method}", Handler.take)
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_args: object) -> None:
        self.shutdown()
        self.server_close()


async def steps(csms, action: str, last: str) -> list[str]:
    """The statuses of a job up to its last."""
    await csms.seen(action, lambda payload: payload["status"] == last, within_s=10)
    return [payload["status"] for payload in csms.calls(action)]


async def test_a_firmware_update_ends_with_the_new_version(csms, files):
    async with on_the_wire(csms, "1.6"):
        await csms.seen("StatusNotification", count=3)
        order = {"location": f"{files}/wallbox-2.1.0.bin", "retrieveDate": SOON}
        assert await csms.command("CP-1", "UpdateFirmware", order) == {}
        told = await steps(csms, "FirmwareStatusNotification", "Installed")
        await csms.seen("SecurityEventNotification", lambda event: event["type"] == "FirmwareUpdated")
    assert told == ["Downloading", "Downloaded", "Installing", "Installed"]
    assert csms.calls("BootNotification")[-1]["firmwareVersion"] == "2.1.0"


async def test_a_signed_update_of_16_is_verified_and_numbered(csms, files):
    firmware = {
        "location": f"{files}/wallbox-2.2.0.bin",
        "retrieveDateTime": SOON,
        "signingCertificate": "PEM",
        "signature": "MEUC",
    }
    async with on_the_wire(csms, "1.6"):
        await csms.seen("StatusNotification", count=3)
        answer = await csms.command("CP-1", "SignedUpdateFirmware", {"requestId": 9, "firmware": firmware})
        assert answer == {"status": "Accepted"}
        told = await steps(csms, "SignedFirmwareStatusNotification", "Installed")
    assert told == [
        "Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting", "Installed",
    ]  # fmt: skip
    assert {payload["requestId"] for payload in csms.calls("SignedFirmwareStatusNotification")} == {9}


async def test_an_update_of_201_waits_for_the_session_and_reboots_with_its_reason(csms, files):
    async with on_the_wire(csms, "2.0.1") as agent:
        await csms.seen("StatusNotification", count=2)
        connector = agent.charger.connectors[0]
        agent.charger.plug_in(connector, small_car(0.1, battery_wh=500_000))
        agent.charger.show_token(connector, "04AA")
        await csms.seen("TransactionEvent")
        firmware = {"location": f"{files}/rapid-6.0.0.bin", "retrieveDateTime": SOON}
        await csms.command("CP-1", "UpdateFirmware", {"requestId": 9, "firmware": firmware})
        await csms.seen("FirmwareStatusNotification", lambda payload: payload["status"] == "Downloaded")
        await asyncio.sleep(0.4)
        assert csms.calls("FirmwareStatusNotification")[-1]["status"] == "Downloaded"
        assert connector.session is not None
        agent.charger.unplug(connector)
        await steps(csms, "FirmwareStatusNotification", "Installed")
    boot = csms.calls("BootNotification")[-1]
    assert (boot["reason"], boot["chargingStation"]["firmwareVersion"]) == ("FirmwareUpdate", "6.0.0")


@pytest.mark.parametrize(
    ("location", "last"),
    [
        ("nowhere", "DownloadFailed"),
        ("{files}/missing-1.0.bin", "DownloadFailed"),
        ("{files}/broken-1.0.bin", "InstallationFailed"),
        ("http://127.0.0.1:9/unreachable-1.0.bin", "DownloadFailed"),
    ],
)
async def test_an_update_can_fail(csms, files, location, last):
    async with on_the_wire(csms, "1.6") as agent:
        await csms.seen("StatusNotification", count=3)
        await csms.command("CP-1", "UpdateFirmware", {"location": location.format(files=files), "retrieveDate": SOON})
        await steps(csms, "FirmwareStatusNotification", last)
        assert agent.charger.settings.text("firmware") == "1.4.2"
        assert not agent.charger.is_closed_for_work


@pytest.mark.parametrize(("fault", "last"), [("download", "DownloadFailed"), ("install", "InstallationFailed")])
async def test_a_bad_charger_fails_whatever_it_is_given(csms, files, fault, last):
    async with on_the_wire(csms, "1.6") as agent:
        agent.charger.firmware_fault = fault
        await csms.seen("StatusNotification", count=3)
        await csms.command("CP-1", "UpdateFirmware", {"location": f"{files}/good-9.0.bin", "retrieveDate": SOON})
        await steps(csms, "FirmwareStatusNotification", last)
        assert agent.charger.settings.text("firmware") == "1.4.2"


async def test_a_charger_that_goes_back_boots_with_its_old_version(csms, files):
    async with on_the_wire(csms, "1.6") as agent:
        agent.charger.firmware_fault = "old"
        await csms.seen("StatusNotification", count=3)
        await csms.command("CP-1", "UpdateFirmware", {"location": f"{files}/good-9.0.bin", "retrieveDate": SOON})
        await csms.seen("BootNotification", count=2)
    assert csms.calls("BootNotification")[-1]["firmwareVersion"] == "1.4.2"


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_diagnostics_are_really_uploaded(csms, method):
    with Shelf(method) as shelf:
        async with on_the_wire(csms, "1.6"):
            await csms.seen("StatusNotification", count=3)
            answer = await csms.command("CP-1", "GetDiagnostics", {"location": f"{shelf.url}/logs/"})
            assert await steps(csms, "DiagnosticsStatusNotification", "Uploaded") == ["Uploading", "Uploaded"]
    assert b"CP-1" in shelf.taken[f"/logs/{answer['fileName']}"]


@pytest.mark.parametrize("ocpp", ["1.6", "2.0.1"])
async def test_a_log_nobody_takes_is_an_upload_failure(csms, ocpp):
    async with on_the_wire(csms, ocpp):
        await csms.seen("StatusNotification", count=2)
        order = {"log": {"remoteLocation": "http://127.0.0.1:1/x"}, "logType": "SecurityLog", "requestId": 4}
        answer = await csms.command("CP-1", "GetLog", order)
        assert answer["status"] == "Accepted"
        assert await steps(csms, "LogStatusNotification", "UploadFailure") == ["Uploading", "UploadFailure"]


async def test_a_profile_of_16_slows_the_charge_and_can_be_read_and_cleared(csms):
    async with on_the_wire(csms, "1.6") as agent:
        await csms.seen("StatusNotification", count=3)
        connector = agent.charger.connectors[0]
        agent.charger.plug_in(connector, small_car(0.1, battery_wh=500_000))
        agent.charger.show_token(connector, "04AA")
        number = (await csms.seen("MeterValues"))["transactionId"]
        schedule = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}]}
        profile = {
            "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative", "transactionId": number,
            "chargingSchedule": schedule,
        }  # fmt: skip
        order = {"connectorId": 1, "csChargingProfiles": profile}
        assert await csms.command("CP-1", "SetChargingProfile", order) == {"status": "Accepted"}
        await csms.seen("MeterValues", lambda values: _power_w(values) == 6_900)
        composite = await csms.command("CP-1", "GetCompositeSchedule", {"connectorId": 1, "duration": 600})
        assert composite["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 6_900
        assert await csms.command("CP-1", "ClearChargingProfile", {"id": 1}) == {"status": "Accepted"}
        assert [session.power_w for session in agent.charger.sessions()] == [11_040]
        assert await csms.command("CP-1", "ClearChargingProfile", {"id": 1}) == {"status": "Unknown"}
        order = {"connectorId": 2, "csChargingProfiles": profile}
        assert await csms.command("CP-1", "SetChargingProfile", order) == {"status": "Rejected"}


def _power_w(values) -> float:
    sampled = values["meterValue"][0]["sampledValue"]
    return next(float(v["value"]) for v in sampled if v["measurand"] == "Power.Active.Import")
