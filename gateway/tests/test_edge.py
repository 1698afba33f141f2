"""An edge leads a site: by the frames that it overhears, whatever is lost, whenever it dies."""

from __future__ import annotations

import queue
import random
import sqlite3
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import frames
from gateway.edge.__main__ import Edge
from gateway.edge.journal import InUse, Journal
from gateway.edge.leader import Leader
from gateway.edge.line import Heard
from gateway.edge.standin import StandIn
from smartcharging.trial import Message, SimCharger

START = 1_793_600_000.0
LIMIT_A = 40.0


def brief(
    *names: str, epoch: int = 1, at: float = START, places: dict[str, dict[str, Any]] | None = None, **more: Any
) -> bytes:
    outlets = [
        {
            "charger": name, "evse_id": 1, "version": "1.6", "node": 1, "cable_a": 32.0, "phases": 3, "rotation": "RST",
            "trust": "A", "is_wild": False, "skew_s": 0.0, "in_watts": False, "others_a": 0.0, "default_a": None,
            "transaction_id": None, "needs": {}, "entries": [], **(places or {}).get(name, {}),
        }
        for name in names
    ]  # fmt: skip
    node = {"key": 1, "name": "connection", "limits_a": [LIMIT_A] * 3, "parent": None, "limit_w": None, "buffer_a": 0.0}
    told = {
        "schema": "chargeyard.site-brief.v1", "site": 7, "epoch": epoch, "leader": "edge", "is_adopted": False,
        "told_at": at, "lease_s": 60, "default_a": 0.0, "volts": 230.0, "building_worst_a": [0, 0, 0],
        "nodes": [node], "signals": [], "outlets": outlets,
    }  # fmt: skip
    return orjson.dumps(told | more)


class Wire(SimCharger):
    """A charger of 1.6 that takes profiles as they come over the wire."""

    def answer(self, text: str) -> str:
        _, message_id, action, payload = orjson.loads(text)
        is_taken = action == "SetChargingProfile" and self._take(payload["csChargingProfiles"])
        return frames.result(message_id, {"status": "Accepted" if is_taken else "Rejected"})

    def _take(self, profile: dict[str, Any]) -> bool:
        schedule = profile["chargingSchedule"]
        limit_a = schedule["chargingSchedulePeriod"][0]["limit"]
        if profile["chargingProfilePurpose"] == "TxDefaultProfile":
            self.default_a = limit_a
            return True
        began = datetime.fromisoformat(schedule["startSchedule"]).timestamp()
        ends = began + schedule["duration"] if "duration" in schedule else float("inf")
        kind = "lease" if profile["stackLevel"] == 1 else "floor"
        return self.take(Message(0, kind, limit_a, ends, profile["transactionId"]))


class Site:
    """Chargers, their lines to the edge, and an edge that may die; ``now`` moves by seconds."""

    def __init__(self, folder: Path, count: int = 5, *, seed: int = 1, faults: float = 0.0) -> None:
        self.chance, self.faults, self.now = random.Random(seed), faults, START
        self.path = folder / f"edge-{seed}.sqlite3"
        self.chargers = {f"CP-{n}": Wire(default_a=32.0) for n in range(count)}
        self.to_charger: deque[tuple[float, str, str]] = deque()
        self.to_edge: deque[tuple[float, str, str]] = deque()
        self.number = 0
        self.journal: Journal | None = None
        self.boot()

    def boot(self) -> None:
        """A new process: what it knows is in the journal, and in the brief that the broker has."""
        if self.journal is not None:
            self.journal.close()
        self.to_edge.clear()
        self.journal = Journal(self.path)
        self.edge = Leader(7, self.journal, now=self.now)
        self.edge.hear_brief(self.told(), now=self.now)

    def told(self) -> bytes:
        return brief(*self.chargers, at=START)

    def step(self, seconds: int = 1) -> None:
        for _ in range(seconds):
            self.now += 1
            self._carry()
            if self.chance.random() < self.faults / 5:
                self.boot()
            said = self.edge.tick(self.now)
            if self.chance.random() < self.faults / 5:
                self.boot()  # between the journal and the broker: nothing leaves
                said = []
            for publication in said:
                if publication.topic.endswith("/out") and self.chance.random() >= self.faults:
                    self._pass(publication.topic.removesuffix("/out"), publication.payload.decode())
            drawn = {name: charger.draw_a(self.now) for name, charger in self.chargers.items()}
            assert sum(drawn.values()) <= LIMIT_A + 1e-6, f"{drawn} after {self.now - START:.0f} s"

    def _pass(self, name: str, text: str) -> None:
        """The broker has an order, and gives it to the gateway and back to the edge."""
        if self.chance.random() >= self.faults:
            self._put(self.to_charger, name, text)
        self._put(self.to_edge, name, text)

    def _put(self, line: deque[tuple[float, str, str]], name: str, text: str) -> None:
        """In order, as one socket carries it."""
        delay_s = self.chance.uniform(0, 3) if self.faults else 0
        line.append((max(self.now + delay_s, line[-1][0] if line else 0), name, text))

    def _carry(self) -> None:
        while self.to_charger and self.to_charger[0][0] <= self.now:
            _, name, text = self.to_charger.popleft()
            answer = self.chargers[name].answer(text)
            if self.chance.random() >= self.faults:
                self._put(self.to_edge, name, answer)
        while self.to_edge and self.to_edge[0][0] <= self.now:
            _, name, text = self.to_edge.popleft()
            frame = frames.parse(text)
            if isinstance(frame, frames.Call):
                self.edge.hear_csms(name, frame, now=self.now)
            else:
                self.edge.hear_charger(name, frame, now=self.now)

    def come(self, name: str, car_a: float = 32.0) -> None:
        self.number += 1
        self.chargers[name].start(self.number, car_a)
        call = frames.call(f"s{self.number}", "StartTransaction", {"connectorId": 1, "idTag": "A", "meterStart": 0})
        self.edge.hear_charger(name, frames.parse(call), now=self.now)
        self.edge.hear_csms(
            name, frames.parse(frames.result(f"s{self.number}", {"transactionId": self.number})), now=self.now
        )

    def go(self, name: str) -> None:
        call = frames.call(f"e{self.number}", "StopTransaction", {"transactionId": self.chargers[name].transaction})
        self.chargers[name].stop()
        self.edge.hear_charger(name, frames.parse(call), now=self.now)

    def draws(self, name: str) -> float:
        return self.chargers[name].draw_a(self.now)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_defaults_come_first_then_each_car_gets_its_share(site: Site) -> None:
    site.step(30)
    assert {charger.default_a for charger in site.chargers.values()} == {0.0}
    site.come("CP-0")
    site.step(15)
    assert site.draws("CP-0") == 32
    site.come("CP-1")
    site.step(30)
    assert (site.draws("CP-0"), site.draws("CP-1")) == (20, 20)
    site.go("CP-0")
    site.step(30)
    assert site.draws("CP-1") == 32


def test_a_charger_that_comes_after_its_default_had_left_is_told_again(site: Site) -> None:
    site.edge.tick(site.now + 1)  # nobody is there to hear it
    site.now += 20
    boot = frames.call("b1", "BootNotification", {})
    for name in site.chargers:
        site.edge.hear_charger(name, frames.parse(boot), now=site.now)  # and then nothing for minutes
    site.step(90)
    assert {charger.default_a for charger in site.chargers.values()} == {0.0}


def test_a_building_that_takes_more_leaves_less_and_a_silent_meter_leaves_what_is_sure(site: Site) -> None:
    site.edge.hear_brief(brief(*site.chargers, at=START + 1, building_worst_a=[30, 30, 30]), now=site.now)
    site.step(30)
    site.come("CP-0")
    site.edge.hear_meter(b'{"l1_a": 12, "l2_a": 3, "l3_a": 3}', is_retained=False, now=site.now)
    site.step(15)
    assert site.draws("CP-0") == 28
    site.edge.hear_meter(b'{"l1_a": "lots"}', is_retained=False, now=site.now)
    site.step(70)
    assert site.draws("CP-0") == 10


def test_an_edge_that_comes_back_goes_on_with_its_ledger(site: Site) -> None:
    site.step(30)
    site.come("CP-0")
    site.step(15)
    before = site.edge.places["CP-0#1"].entries()
    site.boot()
    assert site.edge.places["CP-0#1"].entries() == before
    assert site.edge.places["CP-0#1"].transaction_id == "1"


def test_an_edge_without_the_journal_of_its_predecessor_reckons_with_its_cables(tmp_path: Path) -> None:
    edge = Leader(7, Journal(tmp_path / "new.sqlite3"), now=START)
    told = {"CP-0": {"default_a": 0.0, "transaction_id": "5"}}
    edge.hear_brief(brief("CP-0", "CP-1", is_adopted=True, places=told), now=START)
    assert [place.outlet.worst_a(START) for place in edge.places.values()] == [32, 32]


def test_it_takes_the_ledger_that_the_cloud_hands_over(tmp_path: Path) -> None:
    lease = {
        "kind": "lease",
        "number": 0,
        "limit_a": 16.0,
        "sent_at": START,
        "expires_at": START + 60,
        "is_confirmed": True,
    }
    edge = Leader(7, Journal(tmp_path / "new.sqlite3"), now=START)
    edge.hear_brief(
        brief("CP-0", places={"CP-0": {"default_a": 0.0, "transaction_id": "5", "entries": [lease]}}), now=START
    )
    assert edge.places["CP-0#1"].outlet.worst_a(START) == 16
    assert edge.places["CP-0#1"].outlet.worst_a(START + 70) == 0


def test_once_the_cloud_leads_it_says_nothing_more_and_tells_its_ledger(site: Site) -> None:
    site.step(30)
    site.come("CP-0")
    site.step(15)
    site.edge.hear_brief(brief(*site.chargers, epoch=2, at=START + 50, leader="cloud"), now=site.now)
    said = [publication for second in range(40) for publication in site.edge.tick(site.now + second)]
    assert {publication.topic for publication in said} == {"chargeyard/sites/7/report"}
    told = orjson.loads(said[0].payload)
    assert (told["epoch"], told["is_leading"]) == (2, False)
    assert {entry["kind"] for entry in told["outlets"][0]["entries"]} == {"floor", "lease"}


def test_the_picture_of_the_day_goes_along_until_the_cloud_has_it(site: Site) -> None:
    site.step(30)
    site.come("CP-0")
    site.step(330)

    def told() -> list[dict[str, Any]]:
        site.now += 11
        reports = [orjson.loads(said.payload) for said in site.edge.tick(site.now) if "report" in said.topic]
        samples: list[dict[str, Any]] = reports[0]["samples"]
        return samples

    first, second = told()
    assert (first["at"], second["at"]) == (START // 300 * 300, START // 300 * 300 + 300)
    assert second["cars_a"] == [32, 32, 32]
    assert second["wanted_ah"] == pytest.approx(32 * (site.now - second["at"]) / 3600, rel=0.2)
    site.boot()
    assert told()[0] == first, "it is on the disk"
    site.edge.hear_brief(brief(*site.chargers, at=START + 60, sampled=[second["at"], second["since"]]), now=site.now)
    assert [sample["at"] for sample in told()] == [second["at"]]


def test_a_site_that_is_limited_to_nothing_still_says_how_full_it_is(site: Site) -> None:
    site.step(30)
    site.come("CP-0")
    site.step(15)
    none = {"source": "grid", "limit_w": 0, "from_at": START, "to_at": None}
    site.edge.hear_brief(brief(*site.chargers, at=START + 50, signals=[none]), now=site.now)
    (told,) = [orjson.loads(said.payload) for said in site.edge.tick(site.now + 11) if "report" in said.topic]
    assert told["fullness"] > 1


def test_an_older_brief_that_the_broker_had_kept_changes_nothing(site: Site) -> None:
    site.edge.hear_brief(brief(*site.chargers, epoch=2, at=START + 50, leader="cloud"), now=site.now)
    site.edge.hear_brief(brief(*site.chargers, epoch=1, at=START + 60), now=site.now)
    assert not site.edge.leads


def test_a_profile_that_somebody_else_orders_counts_until_a_brief_knows_of_it(site: Site) -> None:
    site.step(30)
    order = frames.call("staff", "SetChargingProfile", {
        "connectorId": 1, "csChargingProfiles": {"chargingProfilePurpose": "TxDefaultProfile"},
    })  # fmt: skip
    site.edge.hear_csms("CP-0", frames.parse(order), now=site.now)
    assert site.edge.places["CP-0#1"].outlet.worst_a(site.now) == 32
    site.edge.hear_brief(
        brief(*site.chargers, at=site.now + 60, places={"CP-0": {"others_a": 14.0}}), now=site.now + 60
    )
    assert site.edge.places["CP-0#1"].outlet.worst_a(site.now) == 14


def test_a_charger_has_one_order_in_work_be_it_ours_or_the_clouds(site: Site) -> None:
    site.step(30)
    site.come("CP-0")
    site.edge.hear_csms("CP-0", frames.parse(frames.call("reset-1", "Reset", {"type": "Soft"})), now=site.now)
    site.step(3)
    assert site.draws("CP-0") == 0
    site.edge.hear_charger("CP-0", frames.parse(frames.result("reset-1", {"status": "Accepted"})), now=site.now)
    site.step(15)
    assert site.draws("CP-0") == 32


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("MeterValues", {"connectorId": 1, "transactionId": "abc", "meterValue": []}),
        ("MeterValues", {"connectorId": 1, "transactionId": "9" * 5000, "meterValue": []}),
        ("TransactionEvent", {"evse": {"id": 1}, "transactionInfo": {"transactionId": "abc"}}),
    ],
)
def test_a_charger_of_1_6_that_gives_its_session_no_number_costs_the_others_nothing(site: Site, action, payload):
    site.step(30)
    site.edge.hear_charger("CP-1", frames.parse(frames.call("m-1", action, payload)), now=site.now)
    site.come("CP-0")
    site.step(15)
    assert site.draws("CP-0") == 32
    assert site.edge.places["CP-1#1"].transaction_id == ""


def test_what_cannot_be_digested_does_not_end_the_edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Quiet:
        heard: queue.Queue[Heard] = queue.Queue()

        def follow(self, keys: set[str]) -> None:
            pass

    def trip(*_: Any, **__: Any) -> None:
        raise ArithmeticError("nobody thought of that")

    line: Any = Quiet()
    edge = Edge(7, Journal(tmp_path / "edge.sqlite3"), line)
    edge.leader.hear_brief(brief("CP-0"), now=START)
    monkeypatch.setattr(edge.leader, "hear_meter", trip)
    line.heard.put(Heard("chargeyard/sites/7/meter", b"{}", is_retained=False))
    line.heard.put(Heard("chargeyard/sites/7/brief", brief("CP-0", "CP-1", at=START + 1), is_retained=True))
    edge._hear_all()
    assert set(edge.leader.places) == {"CP-0#1", "CP-1#1"}


def test_nothing_leaves_that_the_disk_did_not_take(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.step(30)
    site.come("CP-0")

    def full(**_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(site.journal, "write", full)
    with pytest.raises(sqlite3.OperationalError):
        site.edge.tick(site.now + 2)


def test_a_second_edge_on_the_same_journal_is_refused(tmp_path: Path) -> None:
    first = Journal(tmp_path / "edge.sqlite3")
    with pytest.raises(InUse, match="a site has one"):
        Journal(tmp_path / "edge.sqlite3")
    first.close()
    Journal(tmp_path / "edge.sqlite3").close()


@settings(max_examples=6)
@given(seed=st.integers(0, 10_000))
def test_whatever_is_lost_or_late_and_whenever_it_dies_the_site_stays_within_its_limit(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = Site(tmp_path_factory.mktemp("edge"), seed=seed, faults=0.05)
    for charger in site.chargers.values():
        charger.default_a = 0.0  # nobody can be held who has never been told
    for _ in range(60):
        name = site.chance.choice(list(site.chargers))
        if site.chargers[name].transaction:
            act: Callable[..., None] = site.chance.choice((site.go, lambda _: None))
            act(name)
        else:
            site.come(name, site.chance.choice((10.0, 16.0, 32.0)))
        site.step(site.chance.randrange(1, 25))


# -- standing in -------------------------------------------------------------------------------------------------------


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn(Journal(tmp_path / "frames.sqlite3"), now=START)


def ask(stand_in: StandIn, action: str, payload: dict[str, Any], message_id: str = "1") -> None:
    text = frames.call(message_id, action, payload)
    stand_in.hear_charger("CP-1", text, frames.parse(text))


def test_while_workers_are_heard_nobody_is_answered_here(stand_in: StandIn) -> None:
    ask(stand_in, "MeterValues", {})
    stand_in.worker_spoke(START + 2)
    assert stand_in.tick(START + 4) == []


def test_alone_it_confirms_what_only_reports_and_hands_it_on_until_it_is_confirmed(stand_in: StandIn) -> None:
    ask(stand_in, "MeterValues", {"connectorId": 1})
    (answer,) = stand_in.tick(START + 4)
    assert (answer.topic, answer.payload) == ("CP-1/out", b'[3,"1",{}]')
    stand_in.hear_answer("CP-1", "1")  # the broker brings us our own
    stand_in.worker_spoke(START + 60)
    assert stand_in.tick(START + 61) == []  # the bridge may have kept it
    for second in range(62, 80):
        stand_in.worker_spoke(START + second)
        if said := stand_in.tick(START + second):
            break
    assert said[0].topic == "CP-1/in"
    text = said[0].payload.decode()
    assert not stand_in.hear_charger("CP-1", text, frames.parse(text)), "said by us, not by the charger"
    stand_in.hear_answer("CP-1", "1")
    stand_in.worker_spoke(START + 120)
    assert stand_in.tick(START + 121) == []


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Authorize", {"idTag": "A"}),
        ("StartTransaction", {"connectorId": 1, "idTag": "A"}),
        ("BootNotification", {}),
        ("TransactionEvent", {"eventType": "Started", "idToken": {"idToken": "A", "type": "ISO14443"}}),
        ("DataTransfer", {"vendorId": "acme"}),
    ],
)
def test_what_asks_for_a_decision_waits_for_the_cloud(stand_in: StandIn, action: str, payload: dict[str, Any]) -> None:
    ask(stand_in, action, payload)
    assert stand_in.tick(START + 4) == []


def test_a_heartbeat_is_told_the_time_and_not_kept(stand_in: StandIn) -> None:
    ask(stand_in, "Heartbeat", {})
    (answer,) = stand_in.tick(START + 4)
    assert orjson.loads(answer.payload)[2]["currentTime"].endswith("Z")
    assert stand_in._journal.count() == 0
