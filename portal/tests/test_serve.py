"""`manage.py serve` as processes: real Daphne, real broker, a database on disk."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import websockets
from paho.mqtt.enums import CallbackAPIVersion

from gateway import leaving
from portal.supervisor import ports
from portal.supervisor.children import die_with_parent
from portal.tests import made_once, parts

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a-password-of-cp1"


class Yard:
    """A home folder with tables and CP-1, a broker, and the processes that a test starts."""

    def __init__(self, home: Path, mqtt_url: str) -> None:
        self.home = home
        self.database = made_once.sqlite(home)
        self.mqtt_url = mqtt_url
        self.env = {
            **os.environ,
            "CHARGEYARD_HOME": str(home),
            "DATABASE_URL": f"sqlite:///{self.database}",
            "MQTT_URL": mqtt_url,
            "MQTT_SHARED_SUBSCRIPTIONS": "false",
            "REDIS_URL": f"redis://127.0.0.1:{ports.free()}/0",
            "FAIL_OFFLINE": "false",  # no worker behind these
        }
        self.processes: list[Process] = []

    def manage(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            check=True,
            capture_output=True,
            timeout=180,
        )

    def serve(self, *arguments: str, **env: str) -> Process:
        process = Process([sys.executable, "manage.py", "serve", "--port", "0", *arguments], self.env | env)
        self.processes.append(process)
        return process

    def charger(self) -> dict[str, Any]:
        with sqlite3.connect(self.database, timeout=10) as database:
            database.row_factory = sqlite3.Row
            return dict(database.execute("SELECT * FROM chargers_charger WHERE identity = 'CP-1'").fetchone())

    def online(self) -> list[str]:
        with sqlite3.connect(self.database, timeout=10) as database:
            return [row[0] for row in database.execute("SELECT identity FROM chargers_charger WHERE is_online")]

    def answer(self, *topics: str) -> None:
        """Publish an answer on each topic to the n-th message of the n-th charger."""
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", int(self.mqtt_url.rpartition(":")[2]))
        client.loop_start()
        for number, topic in enumerate(topics):
            client.publish(topic, f'[3,"{number}",{{}}]', qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()

    def listener(self, *filters: str) -> list[tuple[str, bytes]]:
        """Everything that is published on ``filters`` from now on."""
        heard: list[tuple[str, bytes]] = []
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_message = lambda client, data, message: heard.append((message.topic, bytes(message.payload)))
        is_ready = threading.Event()
        client.on_subscribe = lambda *rest: is_ready.set()
        client.connect("127.0.0.1", int(self.mqtt_url.rpartition(":")[2]))
        client.loop_start()
        client.subscribe([(name, 1) for name in filters])
        assert is_ready.wait(5)
        return heard


class Process:
    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.popen = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - a killed test run leaves nothing behind
        )  # fmt: skip
        self.output: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.popen.stdout or ():
            self.output.append(line)
            self._lines.put(line)

    @property
    def port(self) -> int:
        """Where it listens, once it does."""
        while "listens on http://127.0.0.1:" not in (line := self._lines.get(timeout=60)):
            pass
        return int(line.split("127.0.0.1:")[1].split()[0])


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    with parts.nats() as mqtt_url:
        yard = Yard(tmp_path_factory.mktemp("yard"), mqtt_url)
        yard.manage("create_charger", "CP-1", "--password", PASSWORD)
        yield yard


@pytest.fixture
def busy(yard: Yard) -> list[str]:
    """Chargers that may come in together."""
    identities = [f"BUSY-{number}" for number in range(24)]
    seed = f"""
from chargers import registration
for number in range(24):
    registration.register(f"BUSY-{{number}}", password={PASSWORD!r})
"""
    yard.manage("shell", "-v0", "-c", seed)
    return identities


@pytest.fixture(autouse=True)
def no_leftovers(yard: Yard) -> Iterator[None]:
    yield
    for process in yard.processes:
        process.popen.kill()
        process.popen.wait()
    yard.processes.clear()


def dial(port: int, identity: str = "CP-1") -> websockets.connect:
    token = base64.b64encode(f"{identity}:{PASSWORD}".encode()).decode()
    return websockets.connect(
        f"ws://127.0.0.1:{port}/ocpp/{identity}",
        subprotocols=[websockets.Subprotocol("ocpp1.6")],
        additional_headers={"Authorization": f"Basic {token}"},
        proxy=None,
    )


async def let_in(port: int, identity: str = "CP-1") -> websockets.ClientConnection:
    """Dial until the gateway has found its broker."""
    for _ in range(100):
        try:
            return await dial(port, identity)
        except websockets.InvalidStatus as refused:
            if refused.response.status_code != 503:
                raise
            await asyncio.sleep(0.05)
    raise AssertionError("503 for 5 s")


async def close_code(connection: websockets.ClientConnection) -> int:
    with pytest.raises(websockets.ConnectionClosed) as caught:
        await asyncio.wait_for(connection.recv(), 30)
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code


async def until(look: Callable[[], Any], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not look():  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.02)


def get(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def answer_to(port: int, path: str) -> http.client.HTTPResponse:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request("GET", path)
    return link.getresponse()


async def test_the_newest_socket_wins_across_processes(yard):
    first, second = yard.serve("--role", "gateway"), yard.serve("--role", "gateway")
    old = await let_in(first.port)
    epoch = yard.charger()["epoch"]
    new = await let_in(second.port)
    assert await close_code(old) == 1000
    await asyncio.sleep(0.5)  # the farewell of the old one is written by now
    charger = yard.charger()
    assert (charger["is_online"], charger["epoch"]) == (1, epoch + 1)
    await new.ping()
    await new.close()
    await until(lambda: not yard.charger()["is_online"])


async def test_a_stop_closes_chargers_with_1012_and_leaves_clean_books(yard):
    process = yard.serve()
    connection = await let_in(process.port)
    process.popen.send_signal(signal.SIGTERM)
    assert await close_code(connection) == 1012
    assert await asyncio.to_thread(process.popen.wait, 10) == 0
    assert not yard.charger()["is_online"]
    assert "listens on" in "".join(process.output)
    assert "Traceback" not in "".join(process.output)


async def test_a_busy_gateway_lets_its_chargers_go_some_at_a_time_and_each_with_its_answer(yard, busy):
    """As ECS does it for a deploy; `StopTimeout` of deploy/aws is longer than this may take."""
    process = yard.serve("--role", "gateway", ADMISSION_PER_S="8")
    port = process.port
    connections = await asyncio.gather(*(let_in(port, identity) for identity in busy))
    asked = yard.listener("+/in")
    for number, connection in enumerate(connections):
        await connection.send(f'[2,"{number}","Heartbeat",{{}}]')
    await until(lambda: len({topic for topic, _ in asked}) == len(busy))
    process.popen.send_signal(signal.SIGTERM)
    began = time.monotonic()
    await asyncio.sleep(1)  # nobody is cut off who waits for an answer
    yard.answer(*(f"{identity}/out" for identity in busy))
    left_at = await asyncio.gather(*(answered_and_sent_away(connection) for connection in connections))
    # 24 chargers at 8 a second: the last some 3 s after the first, and none before its answer.
    assert max(left_at) - began > 2.5
    assert await asyncio.to_thread(process.popen.wait, 30) == 0
    assert time.monotonic() - began < leaving.WITHIN_S
    assert not yard.online()
    assert "Traceback" not in "".join(process.output)


async def answered_and_sent_away(connection: websockets.ClientConnection) -> float:
    """When it was closed with 1012, after the answer to what it asked."""
    assert json.loads(await asyncio.wait_for(connection.recv(), 30))[0] == 3
    assert await close_code(connection) == 1012
    return time.monotonic()


async def test_a_killed_gateway_is_announced_with_its_name(yard):
    news = yard.listener("chargeyard/gateways/+/status")
    process = yard.serve("--role", "gateway")
    await let_in(process.port)
    name = yard.charger()["gateway"]
    process.popen.kill()
    expected = {"schema": "chargeyard.gateway.v1", "gateway": name, "status": "offline"}
    await until(lambda: any(payload and json.loads(payload) == expected for _, payload in news))


async def test_without_a_broker_a_charger_is_asked_to_come_again(yard):
    process = yard.serve(MQTT_URL=f"mqtt://127.0.0.1:{ports.free()}")
    with pytest.raises(websockets.InvalidStatus) as refused:
        await dial(process.port)
    assert refused.value.response.status_code == 503
    assert int(refused.value.response.headers["Retry-After"]) >= 5


async def test_passwords_stay_out_of_the_log(yard):
    process = yard.serve()
    await (await let_in(process.port)).close()
    await until(lambda: any("event=disconnected" in line for line in process.output))
    text = "".join(process.output)
    assert "charger=CP-1" in text
    assert PASSWORD not in text and base64.b64encode(f"CP-1:{PASSWORD}".encode()).decode() not in text


async def test_a_gateway_has_no_pages_and_a_portal_no_chargers(yard):
    gateway, portal = yard.serve("--role", "gateway"), yard.serve("--role", "portal")
    port = gateway.port
    assert await asyncio.to_thread(get, port, "/livez") == 200
    assert await asyncio.to_thread(get, port, "/metrics") == 200
    assert await asyncio.to_thread(get, port, "/admin/login/") == 404
    told = await asyncio.to_thread(answer_to, port, "/ocpp/CP-1")  # typed into a browser
    assert (told.status, told.headers["Upgrade"], told.headers["Connection"]) == (426, "websocket", "Upgrade")
    assert "chargers connect by WebSocket" in told.read().decode()
    port = portal.port
    assert await asyncio.to_thread(get, port, "/livez") == 200
    assert await asyncio.to_thread(get, port, "/ocpp/CP-1") == 404
    with pytest.raises(websockets.InvalidStatus) as refused:
        await dial(port)
    assert refused.value.response.status_code == 404


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="descriptors are looked up as Linux has them")
def test_whoever_asks_for_ever_whether_we_are_ready_takes_few_connections_of_the_database(yard):
    """Each once took a connection of its own: after 100 of them PostgreSQL let nobody in, staff among them."""
    process = yard.serve()
    port = process.port

    def held() -> int:
        files = Path(f"/proc/{process.popen.pid}/fd").iterdir()
        return sum(os.path.realpath(file) == os.path.realpath(yard.database) for file in files)

    for _ in range(3):  # all that it will ever take
        get(port, "/readyz"), get(port, "/metrics")
    before = held()
    for _ in range(20):
        get(port, "/readyz"), get(port, "/metrics")
    assert held() <= max(before, 4)


def test_tls_without_a_certificate_stops_the_start_with_the_way_out(yard):
    process = yard.serve("--tls-port", "0")
    assert process.popen.wait(20) == 1
    time.sleep(0.1)
    text = "".join(process.output)
    assert "create_tls_certificate" in text and "Traceback" not in text


def test_a_wrong_broker_url_stops_the_start_with_a_sentence(yard):
    process = yard.serve(MQTT_URL="http://broker")
    assert process.popen.wait(20) == 1
    time.sleep(0.1)
    text = "".join(process.output)
    assert "MQTT_URL" in text and "Traceback" not in text
