"""SQS as the source of frames: handed over once, given back when not done, and poison goes to the dead letters."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws
from structlog.testing import capture_logs

from gateway.ingest import queue as queue_module
from gateway.ingest.batcher import Frame
from gateway.ingest.queue import SqsSource, read
from gateway.iot import cloud
from gateway.tests.iot.test_teller import error


def body(key: str = "CP-1", frame: bytes = b'[2,"1","Heartbeat",{}]') -> str:
    return json.dumps({"key": key, "receivedAt": 1_790_000_000_123, "frame": base64.b64encode(frame).decode()})


class Queue:
    """A queue with dead letters after three attempts, and a worker's end of it."""

    def __init__(self) -> None:
        dead = cloud.call("sqs", "CreateQueue", QueueName="dead")["QueueUrl"]
        arn = cloud.call("sqs", "GetQueueAttributes", QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
        redrive = json.dumps({"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 3})
        made = cloud.call("sqs", "CreateQueue", QueueName="frames", Attributes={"RedrivePolicy": redrive})
        self.url, self.dead_url = made["QueueUrl"], dead
        self.heard: list[Frame] = []
        self.sources: list[SqsSource] = []

    def listen(self, on_frame: Callable[[Frame], None] | None = None) -> SqsSource:
        source = SqsSource(self.url, on_frame=on_frame or self.heard.append, pollers=1)
        self.sources.append(source)
        source.start()
        return source

    def say(self, text: str) -> None:
        cloud.call("sqs", "SendMessage", QueueUrl=self.url, MessageBody=text)

    def count(self, url: str = "") -> int:
        """Messages, hidden ones included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = cloud.call("sqs", "GetQueueAttributes", QueueUrl=url or self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    for name, value in (("WAIT_S", 0), ("RETRY_S", (0.01, 0.05))):
        monkeypatch.setattr(queue_module, name, value)
    cloud.session.cache_clear()
    cloud.client.cache_clear()
    with mock_aws():
        made = Queue()
        yield made
        for source in made.sources:
            source.stop()
        for thread in threading.enumerate():
            if thread.name.startswith("queue-"):
                thread.join(10)  # or it would ask the next test's queue
    cloud.session.cache_clear()
    cloud.client.cache_clear()


def until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_frame_is_deleted_when_it_is_stored_and_not_before(queue):
    source = queue.listen()
    queue.say(body("CP%201"))
    until(lambda: queue.heard)
    assert (queue.heard[0].key, queue.heard[0].payload) == ("CP%201", b'[2,"1","Heartbeat",{}]')
    assert queue.heard[0].received_at == 1_790_000_000.123
    assert queue.count() == 1
    source.acknowledge(queue.heard)
    until(lambda: queue.count() == 0)


def test_what_came_by_mqtt_is_acknowledged_there_and_takes_no_message_along(queue):
    source = queue.listen()
    queue.say(body())
    until(lambda: queue.heard)
    by_mqtt = Frame("", b"{}", 0.0, packet=queue.heard[0].packet, link=0)
    source.acknowledge([by_mqtt])
    assert source.in_hand == 1
    source.acknowledge(queue.heard)
    until(lambda: queue.count() == 0)


def test_many_frames_come_whole(queue):
    source = queue.listen()
    for number in range(35):
        queue.say(body(f"CP-{number}"))
    until(lambda: len(queue.heard) == 35)
    source.acknowledge(queue.heard)
    until(lambda: queue.count() == 0)
    assert {frame.key for frame in queue.heard} == {f"CP-{number}" for number in range(35)}


def test_what_a_worker_has_when_it_stops_another_gets_at_once(queue):
    first = queue.listen()
    queue.say(body())
    until(lambda: queue.heard)
    first.stop()
    queue.heard.clear()
    queue.listen()
    until(lambda: queue.heard)


def test_what_takes_long_stays_hidden_while_we_have_it(queue, monkeypatch):
    monkeypatch.setattr(queue_module, "HIDDEN_S", 6)
    monkeypatch.setattr(queue_module, "HIDE_AGAIN_S", 0)  # each second, so that a machine may stand still for five
    queue.listen()
    queue.say(body())
    until(lambda: queue.heard)
    time.sleep(8)  # longer than it was hidden for
    assert len(queue.heard) == 1


def test_a_message_that_is_no_frame_goes_to_the_dead_letters_and_is_named(queue, monkeypatch):
    monkeypatch.setattr(queue_module, "HIDDEN_S", 0)
    with capture_logs() as logs:
        queue.say('{"who": "knows"}')
        source = queue.listen()
        until(lambda: queue.count(queue.dead_url) == 1)
        source.stop()
    assert not queue.heard
    named = [entry for entry in logs if entry["event"] == "message_is_no_frame"]
    assert len(named) == 3 and "key, receivedAt and frame" in named[0]["error"]


def test_a_queue_that_cannot_be_read_is_named_and_read_again(queue, monkeypatch):
    real, faults = cloud.call, [error("AccessDenied"), error("ThrottlingException"), error("x", status=503)]

    def call(service: str, operation: str, **arguments: Any) -> Any:
        if operation == "ReceiveMessage" and faults:
            raise cloud.translated(faults.pop(0), f"{service}:{operation}")
        return real(service, operation, **arguments)

    monkeypatch.setattr(cloud, "call", call)
    with capture_logs() as logs:
        queue.say(body())
        queue.listen()
        until(lambda: queue.heard)
    said = [entry["error"] for entry in logs if entry["event"] == "queue_not_read"]
    assert len(said) == 3 and "does not allow us sqs:ReceiveMessage" in said[0] and "throttles" in said[1]


def test_no_more_is_taken_than_can_be_done(queue, monkeypatch):
    monkeypatch.setattr(queue_module, "MOST_IN_HAND", 10)
    source = queue.listen()
    for number in range(40):
        queue.say(body(f"CP-{number}"))
    until(lambda: source.in_hand >= 10)
    time.sleep(0.2)
    assert source.in_hand <= 19  # ten, and what came with the last of them
    source.acknowledge(queue.heard)
    until(lambda: len(queue.heard) > 19)


@pytest.mark.parametrize(
    "wrong", ["", "[]", "{}", '{"key":"","receivedAt":1,"frame":""}', '{"key":"a","receivedAt":1,"frame":"*"}']
)
def test_what_the_rule_would_not_write_is_refused_with_a_reason(wrong):
    with pytest.raises(ValueError, match=r"no JSON|rule writes|base64"):
        read(wrong)
