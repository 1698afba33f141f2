"""`manage.py simulate` from the outside: a process with a fleet in it."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import orjson
import pytest

from gateway.simulator.fleet import FleetError, from_file, named, numbered
from gateway.testing.foreign_csms import ForeignCsms

MANAGE = Path(__file__).parents[2] / "manage.py"


async def simulate(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(MANAGE),
        "simulate",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_closes_every_socket_and_exits_0(number: signal.Signals):
    async with ForeignCsms() as csms:
        process = await simulate("--url", csms.url, "--chargers", "4", "--connectors", "1", "--seed", "1")
        await csms.seen("StatusNotification", count=6, within_s=30)
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), 15)
        closed = [socket.close_code for socket in csms._sockets.values()]
    assert (process.returncode, err.decode()) == (0, "")
    assert closed == [1000] * 4
    assert "Done: 4 chargers" in out.decode()
    assert {who for who, _, _ in csms.frames} == {"SIM-00001", "SIM-00002", "SIM-00003", "SIM-00004"}
    assert csms.violations == []


async def test_a_fleet_file_gives_names_passwords_versions_and_tokens(tmp_path: Path):
    fleet = {
        "chargers": [
            {"identity": "DEMO-R01", "password": "hush", "ocpp": "1.6", "vendor": "Acme", "model": "Wallbox 22",
             "firmware": "1.4.2", "connectors": 1, "max_power_w": 22000, "site": "Harbour"},
            {"identity": "DEMO-R02", "password": "hush", "ocpp": "2.0.1", "vendor": "Kilowatt", "model": "Rapid 150",
             "firmware": "5.1.3", "connectors": 2, "max_power_w": 150000, "site": "Harbour"},
        ],
        "tokens": ["04A2"],
    }  # fmt: skip
    path = tmp_path / "fleet.json"
    path.write_bytes(orjson.dumps(fleet))
    async with ForeignCsms() as csms:
        process = await simulate("--url", csms.url, "--fleet", str(path), "--day-length", "10", "--duration", "4")
        _, err = await asyncio.wait_for(process.communicate(), 30)
    assert (process.returncode, err.decode()) == (0, "")
    assert csms.calls("BootNotification", "DEMO-R01")[0]["firmwareVersion"] == "1.4.2"
    assert csms.calls("BootNotification", "DEMO-R02")[0]["chargingStation"]["model"] == "Rapid 150"
    assert {token["idTag"] for token in csms.calls("Authorize", "DEMO-R01")} <= {"04A2", "DEADBEEF00"}
    assert None not in csms.authorizations
    assert csms.violations == []


async def test_a_refusal_is_named_once_with_the_way_out():
    async with ForeignCsms() as csms:
        csms.refusal = (404, {})
        process = await simulate("--url", csms.url, "--chargers", "3", "--duration", "2")
        _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    assert err.decode().count("could not connect: HTTP 404") == 1
    assert "python3 manage.py create_charger SIM-00001 --password" in err.decode()


def test_mixed_alternates_the_versions():
    members = numbered(4, ocpp="mixed", prefix="SIM-", password=None, connectors=2)
    assert [(member.identity, member.ocpp) for member in members] == [
        ("SIM-00001", "1.6"), ("SIM-00002", "2.0.1"), ("SIM-00003", "2.1"), ("SIM-00004", "1.6"),
    ]  # fmt: skip


async def test_one_charger_can_be_simulated_by_its_name_and_charges_at_once():
    async with ForeignCsms() as csms:
        process = await simulate("--url", csms.url, "--identity", "CP-1", "--day-length", "20", "--ocpp", "1.6")
        await csms.seen("StartTransaction", count=2, within_s=20)
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 15)
    assert {who for who, _, _ in csms.frames} == {"CP-1"}


def test_named_chargers_share_what_is_said_of_all():
    members = named(["CP-1", "North 2"], ocpp="2.0.1", password="hush", connectors=3)
    assert [(m.identity, m.ocpp, m.password, m.connectors) for m in members] == [
        ("CP-1", "2.0.1", "hush", 3), ("North 2", "2.0.1", "hush", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not JSON"),
        ("[]", "has no list 'chargers'"),
        ('{"chargers": [{"identity": "A"}, {"password": "x"}]}', "charger 2 has no 'identity'"),
        ('{"chargers": [{"identity": "A", "ocpp": "1.5"}]}', "ocpp '1.5' is not simulated"),
        ('{"chargers": [{"identity": "A", "connectors": "two"}]}', "charger 1: invalid literal"),
    ],
)
def test_a_fleet_file_that_is_wrong_is_named_with_what_is_wrong(tmp_path: Path, content: str | None, complaint: str):
    path = tmp_path / "fleet.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FleetError, match=complaint):
        from_file(path)
