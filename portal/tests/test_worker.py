"""A real Celery worker between a real broker, Redis and database: frames in, answers out, whatever dies."""

from __future__ import annotations

import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from portal.supervisor.children import die_with_parent
from portal.tests import made_once, parts

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 45.0
SEED = """
from chargers.models import Charger
for number in range(20):
    Charger.objects.create(identity=f"W-{number}", subprotocol="ocpp1.6", epoch=1, is_online=True, is_booted=True,
                           gateway="gate-1")
"""


@dataclass
class Yard:
    """The worker's surroundings; ``start`` starts a worker, ``heard`` collects what is published, by topic."""

    home: Path
    environ: dict[str, str]
    mqtt_url: str
    heard: queue.Queue[tuple[str, Any]] = field(default_factory=queue.Queue)
    worker: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.client = self._connect()

    def start(self, **environ: str) -> subprocess.Popen[bytes]:
        if self.worker is not None and self.worker.poll() is None:
            self.end(signal.SIGKILL)  # one at a time, in whatever order the tests come
        began = datetime.now(UTC).isoformat()
        command = [sys.executable, "-m", "celery", "-A", "portal.celery", "worker", "--concurrency", "2"]
        with (self.home / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(
                command, cwd=ROOT, env=self.environ | environ, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - a killed test run leaves no worker behind
            )  # fmt: skip
        self.wait_for("/status", lambda status: status["status"] == "online" and status["at"] > began)
        return self.worker

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.worker is not None
        self.worker.send_signal(how)
        return self.worker.wait(PATIENCE_S)

    def _connect(self) -> Client:
        client = Client(CallbackAPIVersion.VERSION2)
        client.on_message = self._hear
        parts_of_url = urlsplit(self.mqtt_url)
        assert parts_of_url.hostname
        client.connect(parts_of_url.hostname, parts_of_url.port or 1883)
        client.subscribe([("+/out", 0), ("chargeyard/workers/+/status", 0), ("chargeyard/events/+/+", 0)])
        client.loop_start()
        return client

    def _hear(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        self.heard.put((message.topic, json.loads(message.payload)))

    def wait_for(self, topic: str, fits: Callable[[Any], bool], *, patience_s: float = PATIENCE_S) -> Any:
        """The next message on a topic that ends so and fits; others are forgotten."""
        deadline = time.monotonic() + patience_s
        while (left := deadline - time.monotonic()) > 0:
            try:
                where, what = self.heard.get(timeout=left)
            except queue.Empty:
                break
            if where.endswith(topic) and fits(what):
                return what
        log = (self.home / "worker.log").read_text()[-3000:]
        raise AssertionError(f"Nothing fitting on {topic} within {patience_s} s.\n{log}")

    def database(self) -> Any:
        """A connection of our own, without transactions unless asked for."""
        url = self.environ["DATABASE_URL"]
        if url.startswith("postgres"):
            return psycopg.connect(url, autocommit=True)
        return sqlite3.connect(self.home / "chargeyard.sqlite3", timeout=10, isolation_level=None)

    def ask(self, statement: str) -> Any:
        """The first value that a query finds, None if it finds nothing."""
        with closing(self.database()) as database:
            row = database.execute(statement).fetchone()
            return row[0] if row else None

    @contextmanager
    def locked_database(self) -> Iterator[None]:
        """While the block runs, a worker can begin to store a frame and not end it."""
        is_sqlite = self.environ["DATABASE_URL"].startswith("sqlite")
        with closing(self.database()) as database:
            database.execute("BEGIN IMMEDIATE" if is_sqlite else "BEGIN")
            if not is_sqlite:
                database.execute("LOCK TABLE chargers_charger IN ACCESS EXCLUSIVE MODE")
            yield
            database.execute("ROLLBACK")

    def children(self) -> set[int]:
        assert self.worker is not None
        found = subprocess.run(["pgrep", "-P", str(self.worker.pid)], capture_output=True, text=True, check=False)
        return {int(pid) for pid in found.stdout.split()}


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module", params=["embedded", "production"])
def yard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """SQLite, Valkey and NATS as in `up`; or PostgreSQL, Redis and Mosquitto."""
    home = tmp_path_factory.mktemp("yard")
    with ExitStack() as servers:
        if request.param == "embedded":
            mqtt_url, redis_url = servers.enter_context(parts.nats()), servers.enter_context(parts.valkey())
            database_url, shares = f"sqlite:///{made_once.sqlite(home)}", "false"
        else:
            mqtt_url, redis_url = servers.enter_context(parts.mosquitto()), servers.enter_context(parts.redis_server())
            database_url, shares = servers.enter_context(parts.migrated_postgres()), "true"
        environ = {
            **os.environ,
            "CHARGEYARD_HOME": str(home),
            "DATABASE_URL": database_url,
            "MQTT_URL": mqtt_url,
            "REDIS_URL": redis_url,
            "MQTT_SHARED_SUBSCRIPTIONS": shares,
        }
        seed = [sys.executable, "manage.py", "shell", "-v0", "-c", SEED]
        subprocess.run(seed, cwd=ROOT, env=environ, check=True, timeout=60)
        yard = Yard(home, environ, mqtt_url)
        try:
            yield yard
        finally:
            if yard.worker is not None and yard.worker.poll() is None:
                yard.end(signal.SIGKILL)
            yard.client.loop_stop()


@pytest.fixture
def worker(yard: Yard) -> Yard:
    """A yard with a worker at work."""
    if yard.worker is None or yard.worker.poll() is not None:
        yard.start()
    return yard


_number = iter(range(10_000))


def say(yard: Yard, charger: str, action: str = "Heartbeat", payload: Any = None) -> str:
    """Publish a CALL of a charger; its message id."""
    message_id = f"m{next(_number)}"
    frame = json.dumps([2, message_id, action, payload or {}])
    yard.client.publish(f"{charger}/in", frame, qos=1)
    return message_id


def answer(yard: Yard, charger: str, message_id: str, **how: Any) -> Any:
    return yard.wait_for(f"{charger}/out", lambda frame: frame[1] == message_id, **how)


def test_a_frame_is_answered_after_it_was_stored(worker: Yard) -> None:
    message_id = say(worker, "W-1")
    assert answer(worker, "W-1", message_id)[0] == 3
    assert worker.ask(f"SELECT outcome FROM chargers_exchange WHERE message_id = '{message_id}'") == "result"


def test_many_chargers_at_once_are_all_answered(worker: Yard) -> None:
    asked = {say(worker, f"W-{number % 20}") for number in range(300)}
    deadline = time.monotonic() + PATIENCE_S
    while asked and time.monotonic() < deadline:
        topic, frame = worker.heard.get(timeout=PATIENCE_S)
        if topic.endswith("/out"):
            asked.discard(frame[1])
    assert not asked


def test_integrators_hear_events(worker: Yard) -> None:
    say(worker, "W-2", "BootNotification", {"chargePointVendor": "Acme", "chargePointModel": "M"})
    event = worker.wait_for("events/W-2/boot", lambda event: True)
    assert (event["schema"], event["identity"]) == ("chargeyard.boot.v1", "W-2")


def test_a_command_ordered_elsewhere_is_delivered_at_once(worker: Yard) -> None:
    order = (
        "from chargers.models import Charger; from chargers import commands; "
        "print(commands.request(Charger.objects.get(identity='W-3'), 'clear_cache').pk)"
    )
    command = [sys.executable, "manage.py", "shell", "-v0", "-c", order]
    done = subprocess.run(command, cwd=ROOT, env=worker.environ, check=True, capture_output=True, text=True, timeout=60)
    command_id = done.stdout.split()[-1]
    frame = worker.wait_for("W-3/out", lambda frame: frame[0] == 2 and frame[1] == command_id)
    assert frame[2:] == ["ClearCache", {}]
    worker.client.publish("W-3/in", json.dumps([3, command_id, {"status": "Accepted"}]), qos=1)
    assert answer(worker, "W-3", say(worker, "W-3"))
    plain = command_id.replace("-", "")
    status = f"SELECT status FROM chargers_command WHERE replace(CAST(id AS varchar), '-', '') = '{plain}'"
    assert worker.ask(status) == "accepted"


def test_the_chargers_of_a_lost_gateway_are_offline(worker: Yard) -> None:
    with closing(worker.database()) as database:
        database.execute("UPDATE chargers_charger SET gateway = 'gate-9' WHERE identity = 'W-9'")
    status = json.dumps({"gateway": "gate-9", "status": "offline"})
    worker.client.publish("chargeyard/gateways/gate-9/status", status, qos=1)
    until(lambda: not worker.ask("SELECT is_online FROM chargers_charger WHERE identity = 'W-9'"))


def test_while_the_database_is_locked_nothing_is_answered_and_nothing_lost(worker: Yard) -> None:
    with worker.locked_database():
        message_id = say(worker, "W-4")
        with pytest.raises(AssertionError):
            answer(worker, "W-4", message_id, patience_s=1)
    assert answer(worker, "W-4", message_id)[0] == 3


def test_a_killed_hand_is_replaced_and_its_batch_done_again(worker: Yard) -> None:
    before = worker.children()
    with worker.locked_database():  # so that the hand is in the middle of the batch
        message_id = say(worker, "W-5")
        time.sleep(0.3)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
    assert answer(worker, "W-5", message_id)[0] == 3
    assert worker.children() - before


def test_a_worker_that_was_killed_leaves_nobody_and_the_next_one_goes_on(worker: Yard) -> None:
    until(lambda: len(worker.children()) >= 3)  # two of the pool, and a hand
    children = worker.children()
    worker.end(signal.SIGKILL)
    until(lambda: not any(is_running(pid) for pid in children))
    message_id = say(worker, "W-6")  # the broker keeps it
    worker.start()
    stored = f"SELECT outcome FROM chargers_exchange WHERE message_id = '{message_id}'"
    until(lambda: worker.ask(stored) == "result")


def test_a_worker_that_is_stopped_says_so_and_ends_cleanly(worker: Yard) -> None:
    assert worker.end() == 0
    worker.wait_for("/status", lambda status: status["status"] == "offline")


def test_a_worker_that_is_stopped_finishes_its_batch_first(worker: Yard) -> None:
    assert worker.worker is not None
    if worker.environ["DATABASE_URL"].startswith("sqlite"):
        pytest.skip(
            "The only hand may wait for the database with a sign of life; then the frame stays with the broker."
        )
    with worker.locked_database():
        message_id = say(worker, "W-8")
        time.sleep(3.0)  # until the hand has it
        worker.worker.send_signal(signal.SIGTERM)
        time.sleep(0.5)
    assert answer(worker, "W-8", message_id, patience_s=60)[0] == 3
    assert worker.worker.wait(60) == 0


def test_frames_are_answered_without_redis(yard: Yard) -> None:
    yard.start(REDIS_URL="redis://127.0.0.1:9/0")
    assert answer(yard, "W-7", say(yard, "W-7"))[0] == 3
    assert yard.end() in (0, -signal.SIGTERM)
