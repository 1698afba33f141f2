"""The tools of the tests: the scripted charger, and frames that are what they say."""

from __future__ import annotations

import pytest
from ocpp.messages import Call, get_validator
from websockets.exceptions import InvalidStatus

from gateway.testing import CallFailed, FakeCharger, frames
from gateway.testing.foreign_csms import ForeignCsms

VERSIONS = {"ocpp16": "1.6", "ocpp201": "2.0.1", "ocpp21": "2.1"}
# But for the one that is no CALL: the package knows none such.
NAMES = [name for folder in VERSIONS for name in frames.names(folder) if name != "ocpp21/stream_values.json"]


@pytest.fixture
async def csms():
    async with ForeignCsms() as server:
        yield server


async def test_a_call_gives_its_answer_and_an_error_is_raised(csms):
    async with FakeCharger(csms.url, "CP-1", password="hush") as charger:
        answer = await charger.call("BootNotification", frames.load("ocpp16/boot_acme.json"))
        assert answer["status"] == "Accepted"
        with pytest.raises(CallFailed) as failure:
            await charger.call("StartTransaction", {"connectorId": 1}, id="x-1")
    assert failure.value.error
    assert charger.subprotocol == "ocpp1.6"
    assert [way for way, _ in charger.frames] == ["up", "down", "up", "down"]
    assert charger.frames[2][1][1] == "x-1"


async def test_commands_are_answered_by_script(csms):
    async with FakeCharger(csms.url, "CP-1") as charger:
        await charger.call("Heartbeat", {})
        charger.on("Reset", {"status": "Accepted"})
        assert await csms.command("CP-1", "Reset", {"type": "Soft"}) == {"status": "Accepted"}
        assert await charger.command("Reset") == {"type": "Soft"}
        charger.on("Reset", lambda order: {"status": "Rejected" if order["type"] == "Hard" else "Accepted"})
        assert await csms.command("CP-1", "Reset", {"type": "Hard"}) == {"status": "Rejected"}


async def test_what_is_not_json_is_sent_and_kept_as_it_is(csms):
    async with FakeCharger(csms.url, "CP-1", subprotocols=("ocpp2.0.1",)) as charger:
        await charger.send_raw('[2,"1","Heartbeat",{}]')
        assert (await charger.recv())[:2] == [3, "1"]
    assert charger.subprotocol == "ocpp2.0.1"
    charger.frames.clear()


async def test_a_refused_handshake_is_raised(csms):
    csms.refusal = (401, {})
    with pytest.raises(InvalidStatus):
        await FakeCharger(csms.url, "CP-1", path="/elsewhere").connect()


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_is_valid_by_its_schema(name: str):
    call = Call("1", frames.action(name), frames.load(name))
    get_validator(2, call.action, VERSIONS[name.split("/", maxsplit=1)[0]]).validate(call.payload)


def test_a_frame_is_the_callers_own_with_its_changes():
    first = frames.load("ocpp16/start.json", idTag="04FF")
    assert first["idTag"] == "04FF"
    assert frames.load("ocpp16/start.json")["idTag"] != "04FF"


def test_a_frame_without_an_action_names_the_way_out():
    with pytest.raises(LookupError, match="begins with none of"):
        frames.action("ocpp16/whatever.json")
