"""The promises on the line: boot first, one CALL in flight, nothing lost with a socket, patience with the server."""

from __future__ import annotations

import asyncio
import time

import pytest

from gateway.simulator import link
from gateway.simulator.calls import Call, Kind, Outbox
from gateway.simulator.events import LinkLost, Reason
from gateway.testing.foreign_csms import ForeignCsms
from gateway.testing.street_corner import on_the_wire, small_car, until


@pytest.fixture(autouse=True)
def _quick_redial(monkeypatch):
    monkeypatch.setattr(link, "FIRST_BACK_OFF_S", 0.02)


@pytest.fixture
async def csms():
    async with ForeignCsms() as server:
        yield server


async def start_charging(agent, number: int = 1, **car: float):
    await until(lambda: agent.is_online)
    connector = agent.charger.connector(number)
    agent.charger.plug_in(connector, small_car(**car))
    agent.charger.show_token(connector, "04AA")
    await until(lambda: connector.session is not None)
    return connector.session


async def test_a_charger_boots_and_then_tells_every_connector(csms):
    async with on_the_wire(csms, "1.6", password="hush"):
        await csms.seen("StatusNotification", count=3)
    assert csms.actions("CP-1") == ["BootNotification"] + ["StatusNotification"] * 3
    assert [payload["connectorId"] for payload in csms.calls("StatusNotification")] == [0, 1, 2]
    assert csms.authorizations == ["Basic Q1AtMTpodXNo"]


@pytest.mark.parametrize("verdict", ["Pending", "Rejected"])
async def test_nothing_but_boots_goes_out_before_one_is_accepted(csms, verdict):
    verdicts = iter([verdict, "Accepted"])
    accepted = csms.answers16["BootNotification"]
    csms.answers16["BootNotification"] = lambda payload: accepted(payload) | {"status": next(verdicts), "interval": 1}
    async with on_the_wire(csms, "1.6") as agent:
        await csms.seen("BootNotification")
        agent.charger.plug_in(agent.charger.connectors[0], small_car())
        await csms.seen("StatusNotification", lambda status: status["status"] == "Preparing")
    assert csms.actions("CP-1")[:3] == ["BootNotification"] * 2 + ["StatusNotification"]


async def test_while_pending_it_answers_and_sends_only_what_was_triggered(csms):
    csms.answers201["BootNotification"] = lambda _: {
        "status": "Pending", "interval": 60, "currentTime": "2026-03-14T08:00:00Z"
    }  # fmt: skip
    async with on_the_wire(csms, "2.0.1"):
        await csms.seen("BootNotification")
        report = {"requestId": 7, "reportBase": "ConfigurationInventory"}
        assert (await csms.command("CP-1", "GetBaseReport", report))["status"] == "Accepted"
        assert (await csms.seen("NotifyReport"))["tbc"] is True
        await csms.seen("NotifyReport", lambda payload: not payload["tbc"])
    assert set(csms.actions("CP-1")) == {"BootNotification", "NotifyReport"}


async def test_it_beats_at_the_interval_it_was_given(csms):
    accepted = csms.answers16["BootNotification"]
    csms.answers16["BootNotification"] = lambda payload: accepted(payload) | {"interval": 1}
    async with on_the_wire(csms, "1.6"):
        began = time.monotonic()
        await csms.seen("Heartbeat")
    assert 0.9 < time.monotonic() - began < 2.5


async def test_a_mere_reconnect_is_no_boot_and_tells_only_what_changed(csms):
    async with on_the_wire(csms, "1.6") as agent:
        await csms.seen("StatusNotification", count=3)
        agent.charger.tell(LinkLost(0.2))
        await asyncio.sleep(0.05)
        agent.charger.plug_in(agent.charger.connectors[1], small_car())
        await csms.seen("StatusNotification", count=4)
        await asyncio.sleep(0.1)
    assert len(csms.calls("BootNotification")) == 1
    told = csms.calls("StatusNotification")[3:]
    assert [(status["connectorId"], status["status"]) for status in told] == [(2, "Preparing")]


async def test_a_session_that_ended_offline_is_delivered_in_order_and_once(csms):
    async with on_the_wire(csms, "1.6") as agent:
        session = await start_charging(agent)
        await csms.seen("MeterValues")
        agent.charger.tell(LinkLost(1.2))
        await asyncio.sleep(1.1)
        agent.charger.stop(session, Reason.LOCAL)
        stopped = await csms.seen("StopTransaction")
    kinds = [
        action for action in csms.actions("CP-1") if action in ("StartTransaction", "MeterValues", "StopTransaction")
    ]
    assert kinds[0] == "StartTransaction"
    assert kinds[-1] == "StopTransaction"
    assert kinds.count("MeterValues") >= 2
    assert len(csms.calls("StopTransaction")) == 1
    assert {values["transactionId"] for values in csms.calls("MeterValues")} == {stopped["transactionId"]}


async def test_what_happened_offline_says_so_in_201_and_no_number_is_missing(csms):
    async with on_the_wire(csms, "2.0.1") as agent:
        session = await start_charging(agent)
        await csms.seen("TransactionEvent")
        agent.charger.tell(LinkLost(1.3))
        await asyncio.sleep(1.2)
        agent.charger.unplug(session.connector)
        await csms.seen("TransactionEvent", lambda event: event["eventType"] == "Ended")
    events = csms.calls("TransactionEvent")
    assert [event["seqNo"] for event in events] == list(range(len(events)))
    assert "offline" not in events[0]
    assert events[-1]["offline"] is True


async def test_a_session_can_start_offline_with_a_known_token_only(csms):
    async with on_the_wire(csms, "1.6") as agent:
        charger = agent.charger
        await csms.seen("StatusNotification", count=3)
        charger.tokens.remember("04AA", "Accepted")
        charger.tell(LinkLost(0.5))
        await asyncio.sleep(0.1)
        for connector, token in zip(charger.connectors, ("04AA", "04FF"), strict=True):
            charger.plug_in(connector, small_car())
            charger.show_token(connector, token)
        assert [connector.session is not None for connector in charger.connectors] == [True, False]
        assert (await csms.seen("StartTransaction"))["idTag"] == "04AA"
    assert csms.calls("Authorize") == []


async def test_an_answer_lost_with_the_socket_makes_the_same_message_again(csms):
    async with on_the_wire(csms, "1.6") as agent:
        start = csms.answers16["StartTransaction"]

        def vanish(payload):
            agent.charger.tell(LinkLost(0.1))
            csms.answers16["StartTransaction"] = start
            return start(payload)

        csms.answers16["StartTransaction"] = vanish
        session = await start_charging(agent)
        await csms.seen("StartTransaction", count=2)
        await asyncio.sleep(0.1)
    first, second = [m for _, way, m in csms.frames if way == "up" and m[2] == "StartTransaction"]
    assert first == second
    assert session.wire_id is not None


async def test_a_transaction_message_is_tried_as_often_as_configured(csms):
    def fail(_payload):
        raise RuntimeError("disk full")

    csms.answers16["StartTransaction"] = fail
    async with on_the_wire(csms, "1.6") as agent:
        agent.charger.settings.install("message_retry_s", 0)
        session = await start_charging(agent)
        agent.charger.stop(session, Reason.LOCAL)
        stopped = await csms.seen("StopTransaction")
        assert agent._stats.given_up == 1
    assert len(csms.calls("StartTransaction")) == 3
    assert stopped["transactionId"] == -1


async def test_one_call_is_in_flight_at_a_time(csms):
    async with on_the_wire(csms, "1.6") as agent:
        await csms.seen("StatusNotification", count=3)
        for _ in range(5):
            agent.queue(Call("DataTransfer", {"vendorId": "acme"}))
        await csms.seen("DataTransfer", count=5)
        await asyncio.sleep(0.05)
    ways = [way for _, way, message in csms.frames if way == "down" or message[0] == 2]
    assert ways == ["up", "down"] * (len(ways) // 2)


async def test_silence_twice_in_a_row_is_a_dead_socket(csms):
    async with on_the_wire(csms, "1.6") as agent:
        await csms.seen("StatusNotification", count=3)
        agent.charger.settings.install("message_timeout_s", "0")
        connects = len(csms.authorizations)
        for _ in range(2):
            agent.queue(Call("Heartbeat", {}))
        await until(lambda: len(csms.authorizations) > connects)
        assert agent._stats.timeouts == 2


async def test_a_server_that_asks_for_time_gets_it(csms):
    csms.refusal = (503, {"Retry-After": "1"})
    async with on_the_wire(csms, "1.6") as agent:
        await asyncio.sleep(0.8)
        assert len(csms.authorizations) == 1
        csms.refusal = None
        await csms.seen("BootNotification")
        assert agent._stats.refusals == {"HTTP 503": 1}


def test_a_retry_holds_back_transaction_messages_but_not_the_others():
    outbox = Outbox()
    waiting, behind, other = Call("A", {}, Kind.TRANSACTION), Call("B", {}, Kind.TRANSACTION), Call("C", {})
    waiting.not_before = 10.0
    for call in (waiting, behind, other):
        outbox.add(call)
    assert outbox.next(5.0, lambda _: True) is other
    assert outbox.next(10.0, lambda _: True) is waiting


async def test_a_boot_lost_with_its_socket_is_made_again_on_the_next(csms):
    async with on_the_wire(csms, "1.6") as agent:
        await until(lambda: agent.link.is_up)
        agent.charger.tell(LinkLost(0.1))
        await csms.seen("StatusNotification", count=3)


async def test_a_retry_interval_of_the_boot_outlives_the_socket(csms):
    accepted = csms.answers16["BootNotification"]
    csms.answers16["BootNotification"] = lambda payload: accepted(payload) | {"status": "Rejected", "interval": 1}
    async with on_the_wire(csms, "1.6") as agent:
        await until(lambda: agent._boot_entry is not None)
        agent.charger.tell(LinkLost(0.1))
        await asyncio.sleep(0.5)
        assert (len(csms.authorizations), len(csms.calls("BootNotification"))) == (2, 1)
        await csms.seen("BootNotification", count=2)
