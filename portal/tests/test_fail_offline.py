"""A real gateway and a real broker, and a worker that speaks, falls silent and speaks again."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
import pytest
import websockets
from paho.mqtt.enums import CallbackAPIVersion

from portal.tests import parts
from portal.tests.test_serve import Yard, close_code, dial, let_in, until

HEARTBEAT = '[2,"%s","Heartbeat",{}]'


@pytest.fixture
def yard(tmp_path) -> Iterator[Yard]:
    with parts.nats() as mqtt_url:
        yard = Yard(tmp_path, mqtt_url)
        yard.manage("create_charger", "CP-1", "--password", "a-password-of-cp1")
        yield yard
        for process in yard.processes:
            process.popen.kill()
            process.popen.wait()


@contextmanager
def worker(yard: Yard) -> Iterator[None]:
    """Signs of life, for as long as the block runs."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", int(yard.mqtt_url.rpartition(":")[2]))
    client.loop_start()
    ended = threading.Event()

    def speak() -> None:
        while not ended.wait(0.3):
            client.publish("chargeyard/workers/w/status", b'{"worker":"w","status":"online"}')

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        client.disconnect()
        client.loop_stop()


def parts_not_ready(port: int) -> dict[str, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            body = json.load(answer)
    except urllib.error.HTTPError as error:
        body = json.load(error)
    return {name: wrong for name, wrong in body["parts"].items() if wrong != "ok" and name != "redis"}


async def refusal(port: int) -> websockets.Response:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await dial(port)
    return refused.value.response


async def test_chargers_are_offline_while_no_worker_can_store_what_they_say(yard):
    frames = yard.listener("CP-1/in")
    port = yard.serve("--role", "gateway", FAIL_OFFLINE="true").port
    assert (await refusal(port)).status_code == 503
    assert set(await asyncio.to_thread(parts_not_ready, port)) == {"worker", "chargers"}
    with worker(yard):
        connection = await let_in(port)
        await connection.send(HEARTBEAT % "before")
        await until(lambda: frames)
        assert await asyncio.to_thread(parts_not_ready, port) == {}
    await asyncio.sleep(5)
    await connection.send(HEARTBEAT % "not-read")
    assert await close_code(connection) == 1013
    answer = await refusal(port)
    assert (answer.status_code, int(answer.headers["Retry-After"]) >= 5) == (503, True)
    assert not any(b"not-read" in payload for _, payload in frames)
    with worker(yard):
        await let_in(port)
