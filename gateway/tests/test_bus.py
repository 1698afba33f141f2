"""The memory bus, and the MQTT bus as far as it goes without a broker; more in `portal/tests/test_mqtt_bus.py`."""

from __future__ import annotations

import pytest

from gateway.bus import NotLinked
from gateway.bus.address import Address, connect_args
from gateway.bus.memory import MemoryBus, Switch
from gateway.bus.mqtt import MqttBus


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("mqtt://broker", Address("broker", 1883, None, None, tls=False)),
        ("mqtts://broker", Address("broker", 8883, None, None, tls=True)),
        ("mqtt://[::1]:1999", Address("::1", 1999, None, None, tls=False)),
        ("mqtts://yard:p%40ss@iot.example:443", Address("iot.example", 443, "yard", "p@ss", tls=True)),
    ],
)
def test_a_broker_is_read_from_its_url(url, broker):
    assert connect_args(url) == broker


@pytest.mark.parametrize(
    "url", ["", "broker:1883", "http://u:secret@broker", "mqtt://", "redis://127.0.0.1:6379", "mqtt://broker:x"]
)
def test_a_wrong_url_is_named_without_its_password(url):
    with pytest.raises(ValueError, match="MQTT_URL") as wrong:
        connect_args(url)
    assert "secret" not in str(wrong.value)


async def test_a_bus_that_was_not_started_lets_nobody_listen():
    bus = MqttBus("mqtt://127.0.0.1:1", "gw-1", chargers_per_connection=10)
    with pytest.raises(NotLinked):
        await bus.listen("CP-1")
    assert not bus.is_linked


async def test_frames_reach_who_listens_and_only_as_long():
    switch, heard = Switch(), []
    bus = MemoryBus(switch)
    bus.start(lambda key, text: heard.append((key, text)), {})
    switch.send("CP-1", "too early")
    await bus.listen("CP-1")
    await bus.listen("CP-1")
    bus.leave("CP-1")
    switch.send("CP-1", "heard")
    switch.send("CP-2", "for somebody else")
    bus.leave("CP-1")
    switch.send("CP-1", "too late")
    assert heard == [("CP-1", "heard")]


async def test_news_reach_every_bus_that_asked_for_them():
    switch, heard = Switch(), []
    for name in ("a", "b"):
        MemoryBus(switch).start(lambda key, text: None, {f"chargeyard/{name}/+": lambda *news: heard.append(news)})
    switch.publish("chargeyard/b/status", b"here")
    assert heard == [("chargeyard/b/status", b"here")]
