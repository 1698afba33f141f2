"""What the ingest of a worker promises its broker: acknowledged means stored, whatever dies in between.

The whole worker, with real servers, is in `portal/tests/test_worker.py`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from gateway.bus.publisher import Publication
from gateway.ingest import foreman as foreman_module
from gateway.ingest import hand as hand_module
from gateway.ingest.batcher import Frame
from gateway.ingest.desk import Desk
from gateway.ingest.foreman import Foreman
from gateway.ingest.hand import BuryFrame, DoBatch, Hand, HandLost, Job, MarkGatewayLost, Probe
from gateway.ingest.outage import DatabaseAway
from gateway.ingest.pulse import Pulse, status
from gateway.ingest.subscriber import Subscriber

PATIENCE_S = 5.0


class FakeSubscriber:
    def __init__(self) -> None:
        self.published: list[Publication] = []
        self.acknowledged: list[Frame] = []

    def publish(self, publications: list[Publication]) -> None:
        self.published += publications

    def acknowledge(self, frames: list[Frame]) -> None:
        self.acknowledged += frames


class FakeHand:
    """Does what ``script`` says with each job; keeps what it was asked to do, over all hands of a test."""

    script: Callable[[Job], list[Publication]]
    jobs: list[Job]
    killed: int
    commit_s = 0.0

    def do(self, job: Job) -> list[Publication]:
        type(self).jobs.append(job)
        return type(self).script(job)

    def kill(self) -> None:
        type(self).killed += 1

    def dismiss(self) -> None:
        pass


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> type[FakeHand]:
    FakeHand.jobs, FakeHand.killed = [], 0
    FakeHand.script = staticmethod(lambda job: [Publication("t", b"reply")])
    monkeypatch.setattr(foreman_module, "Hand", FakeHand)
    monkeypatch.setattr(foreman_module, "RETRY_S", (0.01, 0.01))
    return FakeHand


@pytest.fixture
def crew(hands: type[FakeHand]) -> Iterator[SimpleNamespace]:
    desk, subscriber, commits = Desk(), FakeSubscriber(), threading.Event()
    foreman = Foreman(0, desk, subscriber, on_commit=commits.set)  # type: ignore[arg-type]
    foreman.start()
    yield SimpleNamespace(desk=desk, subscriber=subscriber, commits=commits, foreman=foreman)
    desk.close()
    foreman.join(PATIENCE_S)
    assert not foreman.is_alive()


def frame(key: str, payload: bytes = b'[2,"1","Heartbeat",{}]') -> Frame:
    return Frame(key, payload, 0.0, packet=1)


def until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_batch_is_published_and_acknowledged_once_it_is_done(crew: SimpleNamespace) -> None:
    crew.desk.put(frame("a"))
    assert crew.commits.wait(PATIENCE_S)
    assert crew.subscriber.published == [Publication("t", b"reply")]
    assert crew.subscriber.acknowledged == [frame("a")]


def test_while_the_database_is_away_nothing_is_acknowledged(crew: SimpleNamespace, hands: type[FakeHand]) -> None:
    is_away = threading.Event()
    is_away.set()

    def script(job: Job) -> list[Publication]:
        if is_away.is_set():
            raise DatabaseAway("gone")
        return []

    hands.script = staticmethod(script)
    crew.desk.put(frame("a"))
    until(lambda: len(hands.jobs) > 3)
    assert crew.subscriber.acknowledged == []
    is_away.clear()
    assert crew.commits.wait(PATIENCE_S)
    assert crew.subscriber.acknowledged == [frame("a")]


def test_a_stop_while_the_database_is_away_leaves_the_frames_to_the_broker(
    crew: SimpleNamespace, hands: type[FakeHand]
) -> None:
    def script(job: Job) -> list[Publication]:
        raise DatabaseAway("gone")

    hands.script = staticmethod(script)
    crew.desk.put(frame("a"))
    until(lambda: hands.jobs)
    crew.desk.close()
    crew.foreman.join(PATIENCE_S)
    assert crew.subscriber.acknowledged == []


def test_a_frame_that_kills_whoever_does_it_is_buried_and_the_others_are_done(
    crew: SimpleNamespace, hands: type[FakeHand]
) -> None:
    def script(job: Job) -> list[Publication]:
        if isinstance(job, DoBatch) and any(one.payload == b"deadly" for one in job.inbound):
            raise HandLost("died")
        return []

    hands.script = staticmethod(script)
    frames = [frame("a"), frame("b", b"deadly"), frame("c")]
    for one in frames:
        crew.desk.put(one)
    until(lambda: len(crew.subscriber.acknowledged) == 3)
    assert {one.key for one in crew.subscriber.acknowledged} == set("abc")
    assert [job.inbound.key for job in hands.jobs if isinstance(job, BuryFrame)] == ["b"]
    assert hands.killed == 4


def test_a_frame_that_kills_even_its_undertaker_does_not_come_again(
    crew: SimpleNamespace, hands: type[FakeHand]
) -> None:
    def script(job: Job) -> list[Publication]:
        raise HandLost("died")

    hands.script = staticmethod(script)
    crew.desk.put(frame("a", b"deadly"))
    until(lambda: crew.subscriber.acknowledged == [frame("a", b"deadly")])


def test_an_errand_that_kills_every_hand_is_given_up(crew: SimpleNamespace, hands: type[FakeHand]) -> None:
    def script(job: Job) -> list[Publication]:
        if isinstance(job, Probe):
            raise HandLost("died")
        return []

    hands.script = staticmethod(script)
    crew.desk.send_on_errand(Probe("w"))
    until(lambda: hands.killed == 2)
    crew.desk.put(frame("a"))
    assert crew.commits.wait(PATIENCE_S)


def test_a_bug_in_publishing_does_not_end_the_foreman(crew: SimpleNamespace) -> None:
    publish = crew.subscriber.publish
    crew.subscriber.publish = lambda publications: 1 / 0
    crew.desk.put(frame("a"))
    time.sleep(0.05)
    crew.subscriber.publish = publish
    crew.desk.put(frame("b"))
    until(lambda: crew.subscriber.acknowledged == [frame("b")])


# -- a real process ----------------------------------------------------------------------------------------------------


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    def outcome(job: Job) -> Any:
        match job:
            case Probe("die"):
                os._exit(1)
            case Probe("hang"):
                time.sleep(60)
            case Probe("away"):
                raise DatabaseAway("gone")
            case Probe("fault"):
                raise ValueError("ours")
        tell = lambda: 1 / 0 if job == Probe("news") else 0  # noqa: E731
        return SimpleNamespace(publications=[Publication("t", b"x")], commit_s=0.0, tell=tell)

    monkeypatch.setattr(hand_module, "_outcome", outcome)
    monkeypatch.setattr(hand_module, "PATIENCE_S", 0.5)
    made = Hand()
    yield made
    made.kill()


def test_a_hand_gives_back_what_is_to_be_published(hand: Hand) -> None:
    assert hand.do(Probe("w")) == [Publication("t", b"x")]


def test_a_hand_says_that_the_database_is_away_and_goes_on(hand: Hand) -> None:
    with pytest.raises(DatabaseAway):
        hand.do(Probe("away"))
    assert hand.do(Probe("w"))


def test_a_gateway_that_is_lost_leaves_nothing_retained_behind(cp1: Any) -> None:
    type(cp1).objects.update(gateway="gate-1")
    outcome = hand_module._outcome(MarkGatewayLost("gate-1"))
    assert outcome.publications == [Publication("chargeyard/gateways/gate-1/status", b"", qos=1, retain=True)]
    cp1.refresh_from_db()
    assert not cp1.is_online


@pytest.mark.parametrize("how", ["die", "hang", "fault"])
def test_a_hand_that_dies_or_hangs_or_fails_is_lost(hand: Hand, how: str) -> None:
    with pytest.raises(HandLost):
        hand.do(Probe(how))


def test_a_dismissed_hand_ends() -> None:
    dismissed = Hand()
    dismissed.dismiss()
    assert not dismissed._process.is_alive()


# -- the broker's side -------------------------------------------------------------------------------------------------


class FakeClient:
    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.subscribed: list[Any] = []

    def acknowledge_all(self, packets: Iterable[int]) -> None:
        self.acknowledged += packets

    def subscribe(self, filters: list[Any]) -> None:
        self.subscribed = filters


@pytest.fixture
def linked() -> SimpleNamespace:
    heard: list[Any] = []
    lost: list[str] = []
    subscriber = Subscriber("w", on_frame=heard.append, on_gateway_lost=lost.append, will=status("w", "offline"))
    client = FakeClient()
    subscriber._client = client  # type: ignore[assignment]
    return SimpleNamespace(subscriber=subscriber, client=client, heard=heard, lost=lost)


def arrive(linked: SimpleNamespace, topic: str, payload: bytes, *, packet: int = 1, qos: int = 1) -> None:
    linked.subscriber._heard(topic, payload, False, packet if qos else 0)


def test_a_frame_is_known_by_the_key_in_its_topic(linked: SimpleNamespace) -> None:
    arrive(linked, "CP%201/in", b"[]", packet=7)
    assert (linked.heard[0].key, linked.heard[0].payload, linked.heard[0].packet) == ("CP%201", b"[]", 7)


def test_an_acknowledgement_never_goes_out_on_another_link(linked: SimpleNamespace) -> None:
    arrive(linked, "a/in", b"[]", packet=1)
    linked.subscriber._disconnected(None, None, None, ReasonCode(PacketTypes.DISCONNECT, "Unspecified error"), None)
    arrive(linked, "a/in", b"[]", packet=2)
    linked.subscriber.acknowledge(linked.heard)
    assert linked.client.acknowledged == [2]


def test_what_came_with_qos_0_is_not_acknowledged(linked: SimpleNamespace) -> None:
    arrive(linked, "a/in", b"[]", packet=3, qos=0)
    linked.subscriber.acknowledge(linked.heard)
    assert linked.client.acknowledged == []


@pytest.mark.parametrize(
    ("payload", "lost"),
    [
        (b'{"gateway":"g1","status":"offline"}', ["g1"]),
        (b'{"gateway":"g1","status":"online"}', []),
        (b"nonsense", []),
        (b"[]", []),
        (b"", []),
    ],
)
def test_only_a_gateway_that_is_offline_is_lost(linked: SimpleNamespace, payload: bytes, lost: list[str]) -> None:
    arrive(linked, "chargeyard/gateways/g1/status", payload)
    assert linked.lost == lost


@pytest.mark.parametrize(("shares", "topic"), [(True, "$share/chargeyard/p/+/in"), (False, "p/+/in")])
def test_frames_are_shared_among_workers_where_the_broker_can(settings: Any, shares: bool, topic: str) -> None:
    settings.MQTT_PREFIX, settings.MQTT_SHARED_SUBSCRIPTIONS = "p/", shares
    subscriber = Subscriber("w", on_frame=print, on_gateway_lost=print, will=status("w", "offline"))
    client = FakeClient()
    flags = SimpleNamespace(session_present=False)
    subscriber._connected(client, None, flags, SimpleNamespace(is_failure=False), None)  # type: ignore[arg-type]
    assert client.subscribed[0] == (topic, 1)


def test_a_worker_says_that_it_lives_after_a_commit_and_at_most_once_a_second() -> None:
    said: list[Publication] = []
    pulse = Pulse("w", say=said.append, probe=lambda: None)
    for _ in range(5):
        pulse.committed()
    assert [one.topic for one in said] == ["chargeyard/workers/w/status"]
    assert b'"online"' in said[0].payload


def test_an_idle_worker_probes_and_says_nothing_while_no_commit_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.pulse.INTERVAL_S", 0.01)
    said: list[Publication] = []
    probes: list[int] = []
    pulse = Pulse("w", say=said.append, probe=lambda: probes.append(1))
    pulse.start()
    time.sleep(0.1)
    pulse.stop()
    pulse.join(PATIENCE_S)
    assert said == []
    assert probes == [1]  # one at a time, or they pile up


def test_a_busy_worker_writes_its_row_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.pulse.INTERVAL_S", 0.01)
    monkeypatch.setattr("gateway.ingest.pulse.ROW_S", 0.05)
    probes: list[float] = []

    def probe() -> None:
        probes.append(time.monotonic())
        pulse.committed()

    pulse = Pulse("w", say=lambda sign: None, probe=probe)
    pulse._said_at = float("inf")  # it always has something better to say it after
    pulse.start()
    until(lambda: len(probes) >= 2)
    pulse.stop()
    pulse.join(PATIENCE_S)
    assert probes[1] - probes[0] >= 0.04
