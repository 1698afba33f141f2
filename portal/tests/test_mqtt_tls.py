"""The bus as on AWS IoT Core: TLS with a certificate on both sides, one connection per charger or a pool of them, and
no more on a connection than it takes. The broker is a Mosquitto that is as strict about certificates.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from structlog.testing import capture_logs

from gateway import topics
from gateway.bus import tls
from gateway.bus.address import connect_args
from gateway.bus.mqtt import MqttBus
from gateway.bus.publisher import Publication, Publisher
from gateway.ingest.batcher import Frame
from gateway.ingest.pulse import status
from gateway.ingest.subscriber import Subscriber, Subscribers
from gateway.testing.authority import DAY, NOW, Authority
from portal.tests.tls import mosquitto


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture  # a broker for each test: workers leave sessions behind
def broker_url(authority: Authority) -> Iterator[str]:
    with mosquitto(authority) as url:
        yield url


@pytest.fixture(autouse=True)
def shown(settings: Any, authority: Authority, tmp_path: Path) -> None:
    """What every client of this process shows and trusts."""
    settings.MQTT_CA_FILE = str(tmp_path / "ca.pem")
    (tmp_path / "ca.pem").write_text(authority.certificate)
    settings.MQTT_CLIENT_PEM = authority.issue("gateway")


@pytest.fixture
def worker(broker_url: str) -> Iterator[Callable[..., Subscribers]]:
    made: list[Subscribers] = []

    def make(heard: list[Frame], *, connections: int = 1) -> Subscribers:
        one = Subscribers("w", connections, on_frame=heard.append, on_gateway_lost=print, will=status("w", "offline"))
        one.start()
        made.append(one)
        deadline = time.monotonic() + 10
        while not all(each._client.is_connected() for each in one._all):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return one

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gateway.ingest.subscriber.settings.MQTT_URL", broker_url)
        yield make
    for one in made:
        one.stop(farewell=status("w", "offline"))


@pytest.fixture
async def gateway(broker_url: str) -> AsyncIterator[Callable[..., Any]]:
    made: list[MqttBus] = []

    async def make(name: str, capacity: int, *, heard: list[Any], url: str = broker_url, **limits: float) -> MqttBus:
        bus = MqttBus(url, name, chargers_per_connection=capacity, **limits)  # type: ignore[arg-type]
        made.append(bus)
        bus.start(lambda key, text: heard.append((key, text)), {})
        await until(lambda: bus.is_linked)
        return bus

    yield make
    for bus in made:
        await bus.stop()


async def until(look: Callable[[], Any], within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not look():  # noqa: ASYNC110 - others change it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("capacity", [1, 25], ids=["one to one", "pooled"])
async def test_frames_go_both_ways_by_certificate(gateway, worker, capacity):
    asked: list[Frame] = []
    answered: list[Any] = []
    one, bus = worker(asked), await gateway("gw", capacity, heard=answered)
    await asyncio.gather(*(bus.listen(f"CP-{n}") for n in range(30)))
    assert len(bus._links) == (30 if capacity == 1 else 2)
    for n in range(30):
        bus.relay(f"CP-{n}", f'[2,"{n}","Heartbeat",{{}}]')
    await until(lambda: len(asked) == 30)
    one.publish(Publication(topics.outbound(frame.key), b"[3]") for frame in asked)
    one.acknowledge(asked)
    await until(lambda: len(answered) == 30)
    assert {key for key, _ in answered} == {f"CP-{n}" for n in range(30)}


async def test_a_charger_s_own_connection_bears_its_thing_s_name(gateway):
    bus = await gateway("gw", 1, heard=[])
    await bus.listen(topics.key("DE*ABC.1"))
    assert bus._links[0]._client_id == "DE:2AABC:2E1"


async def test_a_charger_that_went_to_another_gateway_is_not_taken_back(gateway, worker):
    first_heard: list[Any] = []
    second_heard: list[Any] = []
    first, second = await gateway("a", 1, heard=first_heard), await gateway("b", 1, heard=second_heard)
    await first.listen("CP-1")
    await second.listen("CP-1")  # the same client id: the broker ends the first one's connection
    await until(lambda: not first._links[0].is_up)
    first.surrender("CP-1")  # the other gateway has told it
    await asyncio.sleep(2)  # longer than the first pause before it would dial again
    worker([]).publish([Publication("CP-1/out", b"[3]")])
    await until(lambda: second_heard)
    assert (first_heard, second._links[0].is_up) == ([], True)
    first.leave("CP-1")
    await first.listen("CP-1")  # and it may come back
    assert first._links[0].is_up


async def test_what_is_more_than_a_connection_takes_goes_out_later_in_order(gateway, worker):
    heard: list[Frame] = []
    worker(heard)
    bus = await gateway("gw", 25, heard=[], publishes_per_s=40)
    await bus.listen("CP-1")
    began = time.monotonic()
    said = [f'[2,"{n}","Heartbeat",{{}}]' for n in range(80)]
    for text in said:
        bus.relay("CP-1", text)
        bus.relay("CP-1", text)  # said again while it waits
    await until(lambda: said[-1] in [frame.payload.decode() for frame in heard])
    took_s = time.monotonic() - began
    assert list(dict.fromkeys(frame.payload.decode() for frame in heard)) == said
    # A second's worth, 20 messages and their repeats, goes at once; of what waits the repeat is one with the first.
    assert len(heard) == 40 + 60
    assert took_s > 1.3


async def test_a_publisher_keeps_to_the_limit_too(broker_url, worker):
    heard: list[Frame] = []
    worker(heard)
    publisher = Publisher(broker_url, publishes_per_s=20)
    await asyncio.to_thread(publisher.require)
    began = time.monotonic()
    await asyncio.to_thread(publisher.publish, [Publication(f"CP-{n}/in", b"[]", qos=1) for n in range(30)])
    assert time.monotonic() - began > 0.4
    await until(lambda: len(heard) == 30)
    publisher.close()


async def test_the_connections_of_a_worker_share_frames_and_answers(gateway, worker, settings):
    settings.MQTT_PUBLISHES_PER_S = 40
    asked: list[Frame] = []
    answered: list[Any] = []
    one, bus = worker(asked, connections=3), await gateway("gw", 25, heard=answered)
    await bus.listen("CP-1")
    await asyncio.sleep(0.3)  # until all three share
    for n in range(60):
        bus.relay("CP-1", str(n))
    await until(lambda: len(asked) == 60)
    assert {frame.link % 3 for frame in asked} == {0, 1, 2}
    await asyncio.to_thread(one.publish, [Publication("CP-1/out", str(n).encode()) for n in range(60)])
    one.acknowledge(asked)
    await until(lambda: len(answered) == 60)


@pytest.fixture
async def front(authority: Authority, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """A door that takes only who names ``x-amzn-mqtt-ca`` in the TLS handshake, as AWS IoT Core's port 443 does."""
    made: list[asyncio.Server] = []

    async def make(broker_port: int) -> tuple[int, list[str | None]]:
        named: list[str | None] = []
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority.certificate)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(authority.issue("front"))
            file.flush()
            context.load_cert_chain(file.name)
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["x-amzn-mqtt-ca"])

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            named.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
            inner = ssl.create_default_context(cadata=authority.certificate)
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(authority.issue("front"))
                file.flush()
                inner.load_cert_chain(file.name)
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", broker_port, ssl=inner)
            await asyncio.gather(pump(reader, back_writer), pump(back_reader, writer), return_exceptions=True)

        made.append(await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context))
        return made[-1].sockets[0].getsockname()[1], named

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    yield make
    for server in made:
        server.close()


async def test_on_port_443_the_handshake_says_that_it_is_mqtt(broker_url, gateway, front, monkeypatch):
    assert tls.ALPN_OF_PORT == {443: "x-amzn-mqtt-ca"}
    port, named = await front(connect_args(broker_url).port)
    monkeypatch.setattr(tls, "ALPN_OF_PORT", {port: "x-amzn-mqtt-ca"})
    bus = await gateway("gw", 25, heard=[], url=f"mqtts://127.0.0.1:{port}")
    await bus.listen("CP-1")
    assert named == ["x-amzn-mqtt-ca"] * 2


# -- what may be wrong ------------------------------------------------------------------------------------------------


async def what_is_logged(url: str) -> str:
    """The sentences of a bus that does not get in."""
    with capture_logs() as logs:
        bus = MqttBus(url, "gw", chargers_per_connection=25)
        bus.start(lambda key, text: None, {})
        await until(lambda: logs)
        await bus.stop()
    return " ".join(str(entry.get("error") or entry.get("reason")) for entry in logs)


async def test_an_expired_certificate_is_named_with_its_date(broker_url, settings, authority):
    settings.MQTT_CLIENT_PEM = authority.issue("old-gateway", begins=NOW - 9 * DAY, ends=NOW - 2 * DAY)
    said = await what_is_logged(broker_url)
    assert "old-gateway" in said and f"has expired at {NOW - 2 * DAY:%Y-%m-%d}" in said


async def test_a_clock_that_is_behind_is_named(broker_url, settings, authority):
    settings.MQTT_CLIENT_PEM = authority.issue("new-gateway", begins=NOW + DAY, ends=NOW + 2 * DAY)
    assert "This machine's clock says" in await what_is_logged(broker_url)


async def test_a_foreign_certificate_is_not_let_in_and_the_log_says_what_to_look_at(broker_url, settings):
    settings.MQTT_CLIENT_PEM = Authority("Somebody else").issue("gateway")
    said = await what_is_logged(broker_url)
    assert "not active" in said or "MQTT_CLIENT_PEM" in said


async def test_a_broker_of_a_foreign_authority_is_not_trusted(broker_url, settings, tmp_path):
    (tmp_path / "other.pem").write_text(Authority("Somebody else").certificate)
    settings.MQTT_CA_FILE = str(tmp_path / "other.pem")
    assert "MQTT_CA_FILE" in await what_is_logged(broker_url)


async def test_a_wrong_region_is_a_name_that_nobody_knows():
    said = await what_is_logged("mqtts://x-ats.iot.eu-nowhere-1.amazonaws.invalid")
    assert "no name server knows" in said and "region" in said


async def test_a_worker_says_as_well_why_it_does_not_get_in(settings):
    settings.MQTT_URL = "mqtts://x-ats.iot.eu-nowhere-1.amazonaws.invalid"
    with capture_logs() as logs:
        worker = Subscriber("w")
        worker.start()
        await until(lambda: logs)
        worker.stop()
    assert "no name server knows" in logs[0]["error"]


def test_a_key_of_another_certificate_stops_the_start(settings, authority):
    certificate = authority.issue("a").partition("-----BEGIN PRIVATE")[0]
    settings.MQTT_CLIENT_PEM = certificate + "-----BEGIN PRIVATE" + authority.issue("b").partition("BEGIN PRIVATE")[2]
    with pytest.raises(ImproperlyConfigured, match="MQTT_CLIENT_PEM holds certificate and private key"):
        tls.context(8883)


def test_a_valid_certificate_has_no_flaw(authority, settings):
    assert tls.flaw() == ""
    assert tls.flaw(NOW + timedelta(days=90)) != ""
    settings.MQTT_CLIENT_PEM = ""
    assert tls.flaw() == ""
