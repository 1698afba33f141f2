"""What is counted when a frame passes, a handshake is refused or a batch commits."""

from __future__ import annotations

import socket
import time
import urllib.request

import pytest
from prometheus_client import REGISTRY

from gateway.ingest import batch, metrics
from gateway.relay import Relay
from gateway.tests.asgi import Door
from gateway.tests.post import frame, inbound
from gateway.tests.test_bootstep import crew, hands  # noqa: F401
from gateway.tests.test_bootstep import frame as packet
from gateway.tests.test_consumer import connected, gateway, make_gateway, switch  # noqa: F401
from gateway.tests.test_consumer_relay import Ends, answer, call


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"chargeyard_{name}", labels) or 0.0


def test_the_time_to_an_answer_is_measured():
    relay = Relay("CP-1", Ends())
    before = value("reply_seconds_sum")
    relay.from_charger(call("1"), 100.0)
    relay.from_csms(answer("1"), 100.25)
    assert value("reply_seconds_sum") - before == pytest.approx(0.25)


def test_calls_published_again_and_given_up_are_counted():
    relay = Relay("CP-1", Ends())
    again, given_up = value("calls_republished_total"), value("calls_unanswered_total")
    relay.from_charger(call("1"), 0)
    for second in range(1, 32):
        relay.tick(second)
    assert (value("calls_republished_total") - again, value("calls_unanswered_total") - given_up) == (5, 1)


@pytest.mark.django_db(transaction=True)
async def test_refusals_are_counted_by_status(gateway):  # noqa: F811
    before = value("handshakes_refused_total", status="404")
    await Door(gateway, "/ocpp/NOBODY").answer()
    assert value("handshakes_refused_total", status="404") - before == 1


def test_a_batch_is_counted_when_it_has_committed(crew):  # noqa: F811
    frames, batches = value("batch_frames_sum"), value("commit_seconds_count")
    crew.desk.put(packet("a"))
    crew.desk.put(packet("b"))
    deadline = time.monotonic() + 5
    while value("batch_frames_sum") - frames < 2:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert value("commit_seconds_count") > batches


@pytest.mark.django_db(transaction=True)
def test_a_batch_knows_how_long_its_commit_took(make_charger):
    outcome = batch.process([inbound(make_charger("CP-1"), frame("Heartbeat"))])
    assert 0 < outcome.commit_s < 5


def test_a_worker_serves_its_figures():
    metrics.listen(address := free_address())
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
        assert b"chargeyard_batch_seconds" in answer.read()


def test_a_second_worker_on_the_same_port_works_without():
    metrics.listen(address := free_address())
    metrics.listen(address)


@pytest.mark.parametrize("address", ["9464", "host:", "host:port", ""])
def test_an_address_that_cannot_be_is_named(address):
    with pytest.raises(ValueError, match="WORKER_METRICS"):
        metrics.listen(address)
