"""A site led by its own edge: its gateway and broker stand at the site, and the link to the yard is cut and mended."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from gateway.simulator.car import Car
from gateway.simulator.charger import Make
from gateway.simulator.events import Reason
from gateway.simulator.fleet import Fleet, Member, Plan
from portal.bench import servers
from portal.chaos.proxy import Lines, Proxy
from portal.supervisor import parts as supervised
from portal.supervisor.children import Program, die_with_parent
from portal.tests.journeys.stack import ROOT, Stack, free_port, until

LIMIT_A = 40.0
VERSIONS = {"EDGE-1": "1.6", "EDGE-2": "2.0.1", "EDGE-3": "2.1"}
ROWS = """
SELECT charger.identity, told.message_id, count(*) FROM chargers_exchange told
JOIN chargers_charger charger ON charger.id = told.charger_id GROUP BY 1, 2
"""


@dataclass
class Place:
    """What stands at the site. ``building_a``: what its meter shows. ``said``: the CALLs that its chargers made."""

    stack: Stack
    site: int
    mqtt_url: str
    lines: Lines
    home: Path
    broker: Program
    building_a: float = 4.0
    said: set[tuple[str, str]] = field(default_factory=set)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str, *command: str, **env: str) -> None:
        with (self.home / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=self.stack.env | env, stdout=log, stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - a killed test run leaves nothing behind
            )  # fmt: skip

    def start_broker(self) -> None:
        self.start("broker", *self.broker.command)
        port = urlsplit(self.mqtt_url).port or 0
        until(lambda: not supervised.nats_missing(port), within_s=30, every_s=0.1)

    def start_edge(self) -> None:
        env = {"EDGE_SITE": str(self.site), "MQTT_URL": self.mqtt_url, "EDGE_JOURNAL": str(self.home / "edge.sqlite3")}
        self.start("edge", sys.executable, "-m", "gateway.edge", **env)

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait(10)

    def cut(self) -> None:
        for line in self.lines.names:
            self.lines.shut(line)
            self.lines.with_(line, Proxy.cut)

    def mend(self) -> None:
        for line in self.lines.names:
            self.lines.clear_up(line)

    def power(self) -> Any:
        return self.stack.get(f"sites/{self.site}/power/")

    def live(self) -> None:
        """The meter of the building, and somebody who listens."""
        address = urlsplit(self.mqtt_url)
        client = Client(CallbackAPIVersion.VERSION2, client_id="meter")
        client.on_message = self._hear
        client.on_connect = self._listen
        client.reconnect_delay_set(1, 1)
        client.connect(str(address.hostname), address.port or 1883)
        client.loop_start()
        while not self.ended.wait(1.0):
            load = {f"l{phase}_a": self.building_a for phase in (1, 2, 3)}
            client.publish(f"chargeyard/sites/{self.site}/meter", json.dumps(load))
        client.disconnect()
        client.loop_stop()

    def _listen(self, client: Client, *_: Any) -> None:
        client.subscribe("+/in", 1)

    def _hear(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        frame = json.loads(message.payload)
        if frame[0] == 2 and frame[2] != "Heartbeat":
            self.said.add((message.topic.removesuffix("/in"), frame[1]))


@contextmanager
def place_of(stack: Stack, home: Path) -> Iterator[tuple[Place, str, dict[str, str]]]:
    """A site whose gateway, broker and edge reach the yard by two lines only."""
    database, cloud = stack.env["DATABASE_URL"], stack.env["MQTT_URL"]
    with ExitStack() as context:
        passwords = {identity: stack.register(identity) for identity in VERSIONS}
        site = drawn(stack)
        stack.manage("edge", "give", "Edge yard")
        lines = context.enter_context(Lines())
        ports = {name: lines.add(name, *at) for name, at in {"bridge": _at(cloud), "database": _at(database)}.items()}
        bridge = stack.manage("edge", "bridge", "Edge yard", "--address", f"127.0.0.1:{ports['bridge']}")
        port, broker = free_port(), free_port()
        local = f"mqtt://127.0.0.1:{broker}"
        place = Place(stack, site, local, lines, home, servers.mosquitto_program(home, broker, f"{bridge}\n"))
        place.start_broker()
        through = database.replace(f":{urlsplit(database).port}", f":{ports['database']}")
        place.start(
            "gateway", sys.executable, "manage.py", "serve", "--role", "gateway", "--port", str(port),
            MQTT_URL=local, DATABASE_URL=through,
        )  # fmt: skip
        place.start_edge()
        living = threading.Thread(target=place.live)
        living.start()
        try:
            until(lambda: _is_ready(port), within_s=60, every_s=0.25)
            yield place, f"ws://127.0.0.1:{port}/ocpp", passwords
        finally:
            place.ended.set()
            living.join()
            for process in place.processes.values():
                process.terminate()
            for process in place.processes.values():
                process.wait(20)


def _at(url: str) -> list[tuple[str, int]]:
    parts_of = urlsplit(url)
    return [(str(parts_of.hostname), parts_of.port or 0)]


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def drawn(stack: Stack) -> int:
    site = stack.rest.post("/api/v1/sites/", json={"name": "Edge yard"}).json()["id"]
    for identity in VERSIONS:
        stack.rest.patch(f"/api/v1/chargers/{identity}/", json={"site": site}).raise_for_status()
        stack.rest.post("/api/v1/id-tokens/", json={"value": f"TOKEN-{identity}"}).raise_for_status()
    told = {
        "is_on": True,
        "lease_s": 30,
        "building_worst_a": [30, 30, 30],
        "nodes": [{"name": "connection", "l1_a": LIMIT_A, "l2_a": LIMIT_A, "l3_a": LIMIT_A}],
        "outlets": [{"charger": identity, "evse_id": 1, "node": "connection"} for identity in VERSIONS],
    }
    stack.rest.put(f"/api/v1/sites/{site}/power/", json=told).raise_for_status()
    return int(site)


def drawn_a(fleet: Fleet) -> list[float]:
    """What each charger's own meter shows, per phase."""
    sessions = [agent.charger.connectors[0].session for agent in fleet.agents]
    return [session.power_w / 690 if session else 0.0 for session in sessions]


async def while_below(most_a: float, fleet: Fleet, look: Callable[[], Any], *, within_s: float = 120) -> None:
    """Wait for ``look``; fails as soon as the chargers together draw more than ``most_a``."""
    async with asyncio.timeout(within_s):
        while True:
            now_a = drawn_a(fleet)
            assert sum(now_a) <= most_a + 0.1, f"{now_a} A together are above {most_a} A"
            if await asyncio.to_thread(look):
                return
            await asyncio.sleep(0.2)


def arrive(fleet: Fleet, number: int) -> None:
    charger = fleet.agents[number].charger
    charger.plug_in(charger.connectors[0], Car(77_000, 0.2, 0.9, 22_080.0, 3, 0.0))
    charger.show_token(charger.connectors[0], f"TOKEN-{list(VERSIONS)[number]}")


def stored(stack: Stack) -> Counter[tuple[str, str]]:
    with psycopg.connect(stack.env["DATABASE_URL"]) as database:
        rows = database.execute(ROWS).fetchall()
    return Counter({(charger, message_id): count for charger, message_id, count in rows})


def seen_ah(place: Place) -> float:
    """What the cars were allowed over the day, as the yard has it."""
    with psycopg.connect(place.stack.env["DATABASE_URL"]) as database:
        rows = database.execute("SELECT sum(given_ah) FROM smartcharging_sitesample").fetchall()
    return float(rows[0][0] or 0)


@pytest.mark.timeout(420)
@pytest.mark.parametrize("stack", ["production"], indirect=True)
async def test_a_site_whose_link_is_cut_stays_within_its_limit_and_hands_back(stack: Stack, tmp_path: Path) -> None:
    with place_of(stack, tmp_path) as (place, url, passwords):
        make, stop = Make("Acme", "Wallbox 22", "1.0", 22_080.0), asyncio.Event()
        members = [Member(name, VERSIONS[name], make, 1, password) for name, password in passwords.items()]
        fleet = Fleet(Plan(url, members, seed=3), lambda _: None)
        living = asyncio.create_task(fleet.run(stop))
        try:
            await play(place, fleet)
        finally:
            stop.set()
            await living


async def play(place: Place, fleet: Fleet) -> None:
    # The edge leads: its defaults first, then what the meter leaves.
    await while_below(0, fleet, lambda: place.power()["planned_at"] and place.power()["fullness"] <= 1)
    arrive(fleet, 0)
    arrive(fleet, 1)
    await while_below(36, fleet, lambda: sum(drawn_a(fleet)) >= 34 and min(drawn_a(fleet)[:2]) >= 6)

    place.cut()
    place.building_a = 20.0
    await while_below(36, fleet, lambda: sum(drawn_a(fleet)) <= 20.1)
    before = drawn_a(fleet)
    charger = fleet.agents[1].charger
    session = charger.connectors[0].session
    assert session is not None
    charger.stop(session, Reason.LOCAL, token=session.token)
    charger.unplug(charger.connectors[0])
    await while_below(20, fleet, lambda: drawn_a(fleet)[0] > before[0] + 4)

    place.kill("edge")
    place.start_edge()
    arrive(fleet, 2)  # who may charge is decided in the cloud
    place.building_a = 28.0
    await while_below(20, fleet, lambda: sum(drawn_a(fleet)) <= 12.1)
    assert drawn_a(fleet)[2] == 0
    assert all(agent.link.is_up for agent in fleet.agents), "nobody was sent away"

    # With the broker dies what waits in it for the link; edge and gateway say it again.
    place.kill("broker")
    place.building_a = 22.0
    await asyncio.to_thread(place.start_broker)
    await while_below(20, fleet, lambda: 12.5 < sum(drawn_a(fleet)) <= 18.1)
    assert all(agent.link.is_up for agent in fleet.agents), "nor by a broker that died"

    place.mend()
    place.building_a = 4.0
    third = fleet.agents[2].charger

    def third_charges() -> bool:
        if third.connectors[0].session is None and third.connectors[0].grant is None:
            third.show_token(third.connectors[0], "TOKEN-EDGE-3")
        return drawn_a(fleet)[2] >= 6

    await while_below(36, fleet, third_charges)
    said = set(place.said)
    await while_below(36, fleet, lambda: said <= stored(place.stack).keys())
    twice = [row for row, count in stored(place.stack).items() if row in said and count > 1]
    assert not twice, f"stored twice: {twice}"

    assert place.stack.get(f"sites/{place.site}/lead/")["edge_version"] == "0.1.0"
    await while_below(36, fleet, lambda: seen_ah(place) > 0)  # the picture of the day has what the edge saw
    await asyncio.to_thread(place.stack.rest.put, f"/api/v1/sites/{place.site}/lead/", json={"leader": "cloud"})
    await while_below(36, fleet, lambda: place.power()["leader"] == "cloud")
    since = place.power()["planned_at"]
    await while_below(36, fleet, lambda: place.power()["planned_at"] > since and place.power()["fullness"] <= 1)
    await while_below(36, fleet, lambda: min(drawn_a(fleet)[0], drawn_a(fleet)[2]) >= 6)
