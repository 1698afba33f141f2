"""The gateway's bus on real brokers: the embedded NATS server, and Mosquitto where it is installed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from gateway import topics
from gateway.bus.mqtt import MqttBus
from portal.chaos.proxy import Proxy
from portal.tests import parts


@pytest.fixture(scope="module", params=["nats", "mosquitto"])
def broker_url(request: pytest.FixtureRequest) -> Iterator[str]:
    with getattr(parts, request.param)() as url:
        yield url


class Bystander:
    """A client that is not ours, as a worker or an integrator would be."""

    def __init__(self, url: str, *filters: str) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda client, data, message: self.heard.append(
            (message.topic, bytes(message.payload))
        )
        host, port = url.removeprefix("mqtt://").split(":")
        self.client.connect(host, int(port))
        self.client.loop_start()
        confirmed: list[int] = []
        self.client.on_subscribe = lambda client, data, mid, *rest: confirmed.append(mid)
        for name in filters:
            self.client.subscribe(name, 1)
        while len(confirmed) < len(filters):
            time.sleep(0.01)

    def say(self, topic: str, payload: str) -> None:
        self.client.publish(topic, payload, qos=1).wait_for_publish(5)


@pytest.fixture
def bystander(broker_url: str) -> Iterator[Callable[..., Bystander]]:
    made: list[Bystander] = []

    def make(*filters: str) -> Bystander:
        made.append(Bystander(broker_url, *filters))
        return made[-1]

    yield make
    for one in made:
        one.client.disconnect()
        one.client.loop_stop()


class Gateway:
    """A bus with what it heard."""

    def __init__(self, url: str, name: str, capacity: int) -> None:
        self.frames: list[tuple[str, str]] = []
        self.news: list[tuple[str, bytes]] = []
        status = topics.gateway_status(name)
        self.bus = MqttBus(
            url, name, chargers_per_connection=capacity, will=(status, b'"offline"'), greeting=b'"online"'
        )
        self.bus.start(
            lambda key, text: self.frames.append((key, text)),
            {topics.gateway_control(name): lambda *news: self.news.append(news)},
        )


@pytest.fixture
async def gateway(broker_url: str) -> AsyncIterator[Callable[..., Any]]:
    made: list[Gateway] = []

    async def make(name: str = "gw-1", capacity: int = 2000, url: str = broker_url) -> Gateway:
        made.append(Gateway(url, name, capacity))
        await until(lambda: made[-1].bus.is_linked)
        return made[-1]

    yield make
    for one in made:
        await one.bus.stop()


async def until(look: Callable[[], Any], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not look():  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("identity", ["CP-1", "RDAM 123", "a+b#c", "CP.7", "Straße", "DE*ABC*E1", ">"])
async def test_the_first_answer_after_the_subscription_is_heard(gateway, bystander, identity):
    worker, one = bystander("+/in"), await gateway()
    key = topics.key(identity)
    await one.bus.listen(key)
    worker.say(topics.outbound(key), '[3,"1",{}]')
    await until(lambda: one.frames)
    assert one.frames == [(key, '[3,"1",{}]')]


async def test_frames_arrive_untouched_and_in_order(gateway, bystander):
    worker, one = bystander("+/in"), await gateway()
    await one.bus.listen("CP-1")
    sent = [json.dumps([2, str(n), "DataTransfer", {"data": "ä" * n}], ensure_ascii=False) for n in range(50)]
    for text in sent:
        one.bus.relay("CP-1", text)
    await until(lambda: len(worker.heard) >= 50)
    assert [(topic, payload.decode()) for topic, payload in worker.heard] == [("CP-1/in", text) for text in sent]


async def test_a_frame_of_the_largest_size_passes(gateway, bystander):
    worker, one = bystander("+/in"), await gateway()
    await one.bus.listen("CP-1")
    one.bus.relay("CP-1", "x" * (2 * 1024 * 1024))
    await until(lambda: worker.heard)
    assert len(worker.heard[0][1]) == 2 * 1024 * 1024


async def test_after_the_last_one_left_nothing_is_heard(gateway, bystander):
    worker, one = bystander(), await gateway()
    await one.bus.listen("CP-1")
    await one.bus.listen("CP-1")
    one.bus.leave("CP-1")
    worker.say("CP-1/out", "first")
    await until(lambda: one.frames)
    one.bus.leave("CP-1")
    await one.bus.listen("CP-2")  # confirmed after the unsubscription was sent
    worker.say("CP-1/out", "second")
    worker.say("CP-2/out", "third")
    await until(lambda: len(one.frames) > 1)
    assert one.frames == [("CP-1", "first"), ("CP-2", "third")]


async def test_the_pool_grows_with_the_chargers(gateway, bystander):
    worker, one = bystander("+/in"), await gateway(capacity=2)
    await asyncio.gather(*(one.bus.listen(f"CP-{n}") for n in range(5)))
    for n in range(5):
        worker.say(f"CP-{n}/out", str(n))
        one.bus.relay(f"CP-{n}", str(n))
    await until(lambda: len(one.frames) == 5 and len(worker.heard) == 5)
    assert len(one.bus._links) == 3
    for n in range(5):
        one.bus.leave(f"CP-{n}")
    assert len(one.bus._links) == 1


async def test_a_lost_link_comes_back_with_its_subscriptions(gateway, bystander):
    worker, one = bystander(), await gateway()
    await one.bus.listen("CP-1")
    for link in (one.bus._control, *one.bus._links):
        link._client.socket().shutdown(2)
    await until(lambda: not one.bus.is_linked)
    await until(lambda: one.bus.is_linked and all(link.is_up for link in one.bus._links))
    await one.bus.listen("CP-2")  # confirmed behind the renewed subscriptions
    worker.say("CP-1/out", "still here")
    await until(lambda: one.frames)


async def test_a_half_open_link_that_is_doubted_is_made_anew(broker_url, gateway, bystander):
    line = Proxy([("127.0.0.1", int(broker_url.rpartition(":")[2]))])
    await line.open()
    worker, one = bystander(), await gateway(url=f"mqtt://127.0.0.1:{line.port}")
    await one.bus.listen("CP-1")
    line.deafen()
    worker.say("CP-1/out", "said to nobody")
    one.bus.start_over()
    await until(lambda: not one.bus.is_linked)
    await until(lambda: one.bus.is_linked and all(link.is_up for link in one.bus._links))
    await one.bus.listen("CP-2")
    worker.say("CP-1/out", "heard")
    await until(lambda: one.frames)
    assert one.frames == [("CP-1", "heard")]
    await one.bus.stop()
    await line.close()


async def test_gateways_hear_what_is_for_them(gateway):
    one, two = await gateway("gw-1"), await gateway("gw-2")
    two.bus.announce(topics.gateway_control("gw-1"), b"hang up")
    await until(lambda: one.news)
    assert one.news == [("chargeyard/gateways/gw-1/control", b"hang up")]
    assert two.news == []


async def test_a_gateway_that_dies_is_announced_by_the_broker(gateway, bystander):
    worker, one = bystander("chargeyard/gateways/+/status"), await gateway("gw-dies")
    status = "chargeyard/gateways/gw-dies/status"
    await until(lambda: (status, b'"online"') in worker.heard)
    one.bus._control._keeper.cancel()
    with contextlib.suppress(OSError):
        one.bus._control._client.socket().shutdown(2)
    await until(lambda: (status, b'"offline"') in worker.heard)
    late = bystander(status)
    await until(lambda: late.heard)
    assert late.heard == [(status, b'"offline"')]


async def test_a_gateway_that_stops_is_not_announced_as_dead(gateway, bystander):
    worker, one = bystander("chargeyard/gateways/+/status"), await gateway("gw-stops")
    await until(lambda: worker.heard)
    await one.bus.stop()
    await asyncio.sleep(0.3)
    assert ("chargeyard/gateways/gw-stops/status", b'"offline"') not in worker.heard
