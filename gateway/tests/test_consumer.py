"""A charger's socket from handshake to farewell, on the memory bus and a real database."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.utils import timezone

from chargers import connections, credentials
from chargers.models import REPLACED, Charger, Connection, GatewayProcess, Registration, SecurityEvent
from chargers.registration import register
from gateway import admission, doorway, topics
from gateway.bus.memory import MemoryBus, Switch
from gateway.switchboard import Switchboard
from gateway.tests.asgi import Door
from gateway.throttle import PER_IDENTITY

PASSWORD = "a-password-of-cp1"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cp1(transactional_db: None) -> Charger:
    return register("CP-1", password=PASSWORD)[0]


@pytest.fixture
def switch() -> Switch:
    return Switch()


@pytest.fixture
async def make_gateway(switch: Switch, settings: Any, transactional_db: None) -> AsyncIterator[Callable]:
    settings.FAIL_OFFLINE = False  # nobody plays the worker
    boards: list[Switchboard] = []

    async def make(name: str = "gw-1") -> Switchboard:
        board = Switchboard(name, MemoryBus(switch))
        await board.start()
        boards.append(board)
        return board

    yield make
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if "ChargerConsumer" in repr(task):
            task.cancel()
    for board in boards:
        if not board.is_closing:
            await board.stop()


@pytest.fixture
async def gateway(make_gateway: Callable[..., Any]) -> Any:
    return await make_gateway()


@sync_to_async
def row(identity: str = "CP-1") -> Charger:
    return Charger.objects.get(identity=identity)


@sync_to_async
def last_connection() -> Connection:
    return Connection.objects.latest("epoch")


async def until(look: Callable[[], Any], within_s: float = 5) -> None:
    end = time.monotonic() + within_s
    while not await sees(look):
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


@sync_to_async
def sees(look: Callable[[], Any]) -> Any:
    try:
        return look()
    except OperationalError:  # SQLite in memory, as tests have it, does not wait for a writer
        return False


async def connected(gateway: Switchboard, path: str = "/ocpp/CP-1", **options: Any) -> Door:
    door = Door(gateway, path, password=PASSWORD, **options)
    status, _ = await door.answer()
    assert status == 101
    return door


# -- let in ------------------------------------------------------------------------------------------------------------


async def test_a_charger_with_its_password_is_let_in_and_online(gateway, cp1):
    door = Door(gateway, password=PASSWORD)
    assert await door.answer() == (101, "ocpp1.6")
    charger = await row()
    assert (charger.is_online, charger.epoch, charger.gateway) == (True, 1, "gw-1")
    assert (charger.subprotocol, charger.remote_address) == ("ocpp1.6", "192.0.2.7")


async def test_the_first_login_with_a_new_password_ends_the_old_one(gateway, cp1):
    await sync_to_async(credentials.propose)(cp1, "another-password-1")
    for password, status in ((PASSWORD, 101), ("another-password-1", 101), (PASSWORD, 401)):
        assert (await Door(gateway, password=password).answer())[0] == status


async def test_its_topic_is_subscribed_before_it_counts_as_online(gateway, cp1):
    await connected(gateway)
    assert gateway.bus.listening == {"CP-1": 1}


async def test_the_registered_spelling_names_its_topics(gateway, switch, cp1):
    door = await connected(gateway, "/ocpp/cp-1")
    door.says('[2,"1","Heartbeat",{}]')
    await until(lambda: switch.frames)
    assert switch.frames == [("CP-1", '[2,"1","Heartbeat",{}]')]


async def test_a_farewell_is_written_with_code_and_reason(gateway, cp1):
    door = await connected(gateway)
    await door.leaves(1001)
    await until(lambda: not Charger.objects.get().is_online)
    connection = await last_connection()
    assert (connection.close_code, connection.close_reason) == (1001, "closed by the charger")
    assert connection.disconnected_at is not None
    assert gateway.bus.listening == {}


async def test_many_that_dial_at_once_all_get_their_own_line(gateway, transactional_db):
    @sync_to_async
    def prepare() -> None:
        Charger.objects.bulk_create(
            Charger(identity=f"CP-{n}", identity_folded=f"cp-{n}", security_profile=0) for n in range(200)
        )

    await prepare()
    doors = [Door(gateway, f"/ocpp/CP-{n}") for n in range(200)]
    assert {status for status, _ in await asyncio.gather(*(door.answer() for door in doors))} == {101}
    assert await sync_to_async(Charger.objects.filter(is_online=True, epoch=1).count)() == 200
    assert len(gateway.lines) == 200


# -- refused -----------------------------------------------------------------------------------------------------------


async def test_an_unknown_charger_is_refused_by_name(gateway):
    status, body = await Door(gateway, "/ocpp/CPX").answer()
    assert (status, body) == (404, "Charge Point CPX not registered as an IoT Thing\n")


@pytest.mark.parametrize("password", [None, "wrong"])
async def test_a_wrong_password_is_refused_with_a_challenge(gateway, cp1, password):
    door = Door(gateway, password=password)
    status, body = await door.answer()
    assert status == 401 and "CP-1" in body
    assert door.headers["www-authenticate"].startswith("Basic")
    assert not (await row()).is_online


async def test_a_login_that_failed_is_an_event_for_the_operator_once_a_minute(gateway, cp1):
    for _ in range(3):
        await Door(gateway, password="wrong").answer()
    event = await sync_to_async(SecurityEvent.objects.get)()
    assert (event.kind, event.is_ours, event.charger_id) == ("LoginFailed", True, cp1.pk)
    assert "192.0.2.7" in event.detail and "wrong" not in event.detail.casefold().replace("wrong password", "")


async def test_a_refusal_leaves_no_trace(gateway, cp1):
    for path, subprotocol in (("/ocpp/a%2Fb", "ocpp1.6"), ("/ocpp/CPX", "ocpp1.6"), ("/ocpp/CP-1", "mqtt")):
        await Door(gateway, path, subprotocol=subprotocol).answer()
    assert not await sync_to_async(Connection.objects.exists)()
    assert await sync_to_async(Charger.objects.count)() == 1
    assert gateway.bus.listening == {}


async def test_too_many_failures_are_refused_for_a_while_and_say_for_how_long(gateway, cp1):
    for _ in range(PER_IDENTITY):
        await Door(gateway, password="wrong").answer()
    door = Door(gateway, password=PASSWORD)
    assert (await door.answer())[0] == 429
    assert int(door.headers["retry-after"]) > 0
    await connected(gateway, address="198.51.100.1")


async def test_without_a_broker_nobody_is_let_in(gateway, cp1):
    gateway.bus.is_linked = False
    door = Door(gateway, password=PASSWORD)
    assert (await door.answer())[0] == 503
    assert int(door.headers["retry-after"]) > 0
    assert not (await row()).is_online


async def test_without_a_database_nobody_is_let_in(gateway, cp1, monkeypatch):
    def away(identities):
        raise OperationalError("the database is away")

    monkeypatch.setattr(connections, "look_up", away)
    assert (await Door(gateway, password=PASSWORD).answer())[0] == 503
    monkeypatch.undo()
    await connected(gateway)


async def test_a_claim_that_fails_gives_the_subscription_back(gateway, cp1, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("the database is away")

    monkeypatch.setattr(connections, "claim", away)
    assert (await Door(gateway, password=PASSWORD).answer())[0] == 503
    assert gateway.bus.listening == {}


async def test_another_server_without_refusals_closes_the_handshake(gateway):
    door = Door(gateway, "/ocpp/CPX", extensions={})
    await door.next("websocket.close")


# -- unknown chargers --------------------------------------------------------------------------------------------------


async def test_unknown_chargers_may_be_told_by_a_close_frame(gateway, settings):
    settings.UNKNOWN_CHARGERS = "close_1008"
    door = Door(gateway, "/ocpp/CPX")
    assert await door.answer() == (101, "ocpp1.6")
    close = await door.next("websocket.close")
    assert (close["code"], close["reason"]) == (1008, "Charge Point CPX not registered as an IoT Thing")
    door.says('[2,"1","Heartbeat",{}]')
    await door.leaves()
    assert not await sync_to_async(Charger.objects.exists)()


@pytest.mark.parametrize(
    ("policy", "registration"), [("quarantine", Registration.QUARANTINED), ("accept", Registration.ACCEPTED)]
)
async def test_unknown_chargers_may_register_themselves(gateway, settings, policy, registration):
    settings.UNKNOWN_CHARGERS = policy
    door = Door(gateway, "/ocpp/CPX")
    assert (await door.answer())[0] == 101
    charger = await row("CPX")
    assert (charger.registration, charger.security_profile, charger.is_online) == (registration, 0, True)


# -- the newest socket wins --------------------------------------------------------------------------------------------


async def test_a_newer_socket_takes_over_and_the_older_hears_why(gateway, cp1):
    old = await connected(gateway)
    new = await connected(gateway)
    close = await old.next("websocket.close")
    assert (close["code"], close["reason"]) == (1000, "replaced by a newer connection")
    await old.leaves()
    await asyncio.sleep(0.2)  # the farewell of the old one is written by now
    charger = await row()
    assert (charger.is_online, charger.epoch) == (True, 2)
    new.says('[2,"1","Heartbeat",{}]')
    await asyncio.sleep(0)
    gateway.bus.switch.send("CP-1", '[3,"1",{}]')
    await new.next("websocket.send")
    assert gateway.bus.listening == {"CP-1": 1}


async def test_a_take_over_reaches_the_other_gateway(make_gateway, cp1):
    first, second = await make_gateway("gw-1"), await make_gateway("gw-2")
    old = await connected(first)
    await connected(second)
    assert (await old.next("websocket.close"))["code"] == 1000
    await old.leaves()
    await asyncio.sleep(0.2)
    charger = await row()
    assert (charger.is_online, charger.gateway, charger.epoch) == (True, "gw-2", 2)


async def test_a_take_over_whose_note_was_lost_is_found_in_the_books(make_gateway, cp1, monkeypatch):
    first, second = await make_gateway("gw-1"), await make_gateway("gw-2")
    old = await connected(first)
    monkeypatch.setattr(second.bus, "announce", lambda *args, **kwargs: None)
    new = await connected(second)
    await first._touch()
    assert (await old.next("websocket.close"))["reason"] == REPLACED
    await old.leaves()
    for board in (first, second):
        await board._touch()
    assert [message["type"] for message in new.sent] == ["websocket.accept"]
    assert ((await row()).is_online, (await row()).gateway) == (True, "gw-2")


async def test_a_charger_that_is_gone_while_it_is_let_in_does_not_stay_online(gateway, cp1, monkeypatch):
    claim, is_claiming, may_claim = connections.claim, threading.Event(), threading.Event()

    def slowly(*args, **kwargs):
        is_claiming.set()
        may_claim.wait(5)
        return claim(*args, **kwargs)

    monkeypatch.setattr(connections, "claim", slowly)
    door = Door(gateway, password=PASSWORD)
    await asyncio.to_thread(is_claiming.wait, 5)
    door.task.cancel()
    await asyncio.wait([door.task])
    may_claim.set()
    await until(lambda: Connection.objects.filter(close_code=1006).exists())
    assert ((await row()).is_online, (await row()).epoch, gateway.bus.listening) == (False, 1, {})


async def test_a_wrong_password_never_touches_the_socket_that_is_there(gateway, cp1):
    old = await connected(gateway)
    assert (await Door(gateway, password="wrong").answer())[0] == 401
    assert [message["type"] for message in old.sent] == ["websocket.accept"]
    assert (await row()).epoch == 1


async def test_a_stray_take_over_of_an_older_epoch_is_ignored(gateway, switch, cp1):
    door = await connected(gateway)
    for news in (b"nonsense", b"[]", orjson.dumps({"verb": "replaced", "key": "CP-1", "epoch": 1})):
        switch.publish(topics.gateway_control("gw-1"), news)
    await asyncio.sleep(0.01)
    assert [message["type"] for message in door.sent] == ["websocket.accept"]


async def test_a_charger_whose_thing_was_removed_is_hung_up_with_the_sentence_of_the_aws_sample(gateway, switch, cp1):
    door = await connected(gateway)
    for epoch in (7, 1):  # of another connection; of this one
        news = orjson.dumps({"verb": "retired", "key": "CP-1", "epoch": epoch})
        switch.publish(topics.gateway_control("gw-1"), news)
    closed = await door.next("websocket.close")
    assert (closed["code"], closed["reason"]) == (1008, "Charge Point CP-1 not registered as an IoT Thing")
    assert "websocket.close" not in [message["type"] for message in door.sent]


async def test_without_a_password_nobody_takes_the_place_of_one_that_answers(gateway, transactional_db, monkeypatch):
    monkeypatch.setattr(admission, "PROBE_S", -0.4)
    await sync_to_async(register)("LAB", security_profile=0)
    old = Door(gateway, "/ocpp/LAB")
    assert (await old.answer())[0] == 101
    assert (await Door(gateway, "/ocpp/LAB").answer())[0] == 403
    await old.next("chargeyard.probe")
    assert not any(message["type"] == "websocket.close" for message in old.sent)


async def test_who_waits_for_a_place_that_is_taken_keeps_nobody_at_the_door(gateway, cp1, monkeypatch):
    monkeypatch.setattr(doorway, "MOST_INSIDE", 1)
    monkeypatch.setattr(admission, "PROBE_S", 30)
    await sync_to_async(register)("LAB", security_profile=0)
    assert (await Door(gateway, "/ocpp/LAB").answer())[0] == 101
    waiting = [Door(gateway, "/ocpp/LAB") for _ in range(PER_IDENTITY + 1)]
    assert (await waiting[-1].answer())[0] == 429, "nor may any number wait there"
    await connected(gateway)
    for door in waiting:
        door.task.cancel()


async def test_without_a_password_one_that_is_gone_is_replaced(gateway, transactional_db, monkeypatch):
    monkeypatch.setattr(admission, "PROBE_S", 0)
    await sync_to_async(register)("LAB", security_profile=0)
    old = Door(gateway, "/ocpp/LAB")
    assert (await old.answer())[0] == 101
    new = Door(gateway, "/ocpp/LAB")
    await old.next("chargeyard.probe")
    await old.leaves(1006)  # what the server does with one that does not answer
    assert (await new.answer())[0] == 101


async def test_a_gateway_that_died_holds_no_place(gateway, transactional_db):
    await sync_to_async(register)("LAB", security_profile=0)
    await sync_to_async(Charger.objects.update)(is_online=True, gateway="gw-dead", epoch=7)
    assert (await Door(gateway, "/ocpp/LAB").answer())[0] == 101
    assert (await row("LAB")).epoch == 8


# -- frames ------------------------------------------------------------------------------------------------------------


async def test_a_binary_frame_is_answered_with_1003(gateway, cp1):
    door = await connected(gateway)
    door.inbox.put_nowait({"type": "websocket.receive", "bytes": b"\x00"})
    assert (await door.next("websocket.close"))["code"] == 1003


async def test_a_pipelining_charger_is_held_and_served_in_order(gateway, switch, cp1):
    door = await connected(gateway)
    for n in range(30):
        door.says(f'[2,"{n}","Heartbeat",{{}}]')
    assert (await door.next("chargeyard.hold"))["is_held"] is True
    for n in range(30):
        switch.send("CP-1", f'[3,"{n}",{{}}]')
    answers = [(await door.next("websocket.send"))["text"] for _ in range(30)]
    assert answers == [f'[3,"{n}",{{}}]' for n in range(30)]
    assert (await door.next("chargeyard.hold"))["is_held"] is False


async def test_a_broken_handler_ends_one_line_only(gateway, cp1, transactional_db, monkeypatch):
    await sync_to_async(register)("LAB", security_profile=0)
    bystander = Door(gateway, "/ocpp/LAB")
    assert (await bystander.answer())[0] == 101
    door = await connected(gateway)
    monkeypatch.setattr("gateway.relay.peek", lambda *_: 1 / 0)
    door.says("anything")
    with pytest.raises(ZeroDivisionError):
        await door.task
    await until(lambda: not Charger.objects.get(identity="CP-1").is_online)
    assert (await row("LAB")).is_online


# -- stopping ----------------------------------------------------------------------------------------------------------


async def test_a_stop_waits_for_the_answer_in_work_and_closes_with_1012(make_gateway, switch, cp1):
    gateway = await make_gateway("gw-stop")
    door = await connected(gateway)
    door.says('[2,"1","Heartbeat",{}]')
    await until(lambda: switch.frames)
    stopping = asyncio.ensure_future(gateway.stop())
    await asyncio.sleep(0.1)
    assert (await Door(gateway, password=PASSWORD).answer())[0] == 503
    assert not any(message["type"] == "websocket.close" for message in door.sent)
    switch.send("CP-1", '[3,"1",{}]')
    assert (await door.next("websocket.close"))["code"] == 1012
    assert (await door.next("websocket.send"))["text"] == '[3,"1",{}]'
    await door.leaves(1012)
    await stopping
    charger = await row()
    assert not charger.is_online
    assert not await sync_to_async(GatewayProcess.objects.filter(name="gw-stop").exists)()
    assert orjson.loads(switch.news[-2][1])["status"] == "offline"


async def test_a_gateway_says_that_it_lives(gateway):
    process = await sync_to_async(GatewayProcess.objects.get)(name="gw-1")
    assert timezone.now() - process.seen_at < connections.SILENT_AFTER


async def test_a_gateway_that_was_taken_for_dead_keeps_its_chargers_online(gateway, cp1):
    await connected(gateway)
    await sync_to_async(connections.mark_gateway_lost)("gw-1", timezone.now())
    assert not (await row()).is_online
    await gateway._touch()
    assert (await row()).is_online
