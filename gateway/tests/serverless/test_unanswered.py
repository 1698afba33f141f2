"""A gateway without a process asks again, answers once, and sends chargers offline when nobody is answered."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from botocore.exceptions import ClientError

from gateway import serverless
from gateway.iot import cloud
from gateway.tests.serverless.conftest import ORDER, FakeSockets, deliver, dial, event
from gateway.unanswered import PROBE_EVERY_S

pytestmark = pytest.mark.django_db
ASKED = '[2,"m1","Heartbeat",{}]'
ANSWER = b'[3,"m1",{}]'
BEGAN = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)


class Queue:
    """The queue of what is not answered: ``come_back`` calls the function with what has been in it for five seconds."""

    def __init__(self, clock: Any, url: str) -> None:
        self.clock, self.url = clock, url

    def come_back(self) -> int:
        self.clock.shift(5)
        found = cloud.call("sqs", "ReceiveMessage", QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in found]
        assert serverless.again({"Records": records}) == {"batchItemFailures": []}
        for one in found:
            cloud.call("sqs", "DeleteMessage", QueueUrl=self.url, ReceiptHandle=one["ReceiptHandle"])
        return len(found)


@pytest.fixture
def queue(sockets: FakeSockets, monkeypatch: pytest.MonkeyPatch) -> Any:
    with time_machine.travel(BEGAN, tick=False) as clock:
        yield Queue(clock, os.environ["UNANSWERED_QUEUE_URL"])


@pytest.fixture
def cp1(queue: Queue, published: Any, register: Any) -> str:
    """CP-1 on socket c1; its password."""
    password: str = register("CP-1")
    dial("c1", "CP-1", password)
    return password


def test_what_is_answered_is_asked_once_and_answered_once(cp1, queue, sockets, published):
    serverless.message(event("c1", body=ASKED))
    deliver("CP-1", ANSWER)
    deliver("CP-1", ANSWER)  # of a worker that was asked twice
    assert sockets.posted == [("c1", ANSWER)]
    assert (queue.come_back(), queue.come_back()) == (1, 0)
    assert published == [("CP-1/in", ASKED.encode())]


def test_what_is_not_answered_is_asked_again_each_five_seconds(cp1, queue, sockets, published):
    serverless.message(event("c1", body=ASKED))
    queue.come_back()
    assert published == [("CP-1/in", ASKED.encode())] * 2
    deliver("CP-1", ANSWER)
    assert (queue.come_back(), queue.come_back()) == (1, 0)
    assert len(published) == 2 and sockets.posted == [("c1", ANSWER)]


def test_one_that_is_not_answered_while_others_are_is_given_up_when_its_charger_has(
    cp1, queue, sockets, published, register
):
    dial("c2", "CP-2", register("CP-2"))
    serverless.message(event("c1", body=ASKED))
    for number in range(6):
        serverless.message(event("c2", body=f'[2,"{number}","Heartbeat",{{}}]'))
        deliver("CP-2", f'[3,"{number}",{{}}]'.encode())
        queue.come_back()
    assert len([said for topic, said in published if topic == "CP-1/in"]) == 6
    assert sockets.ended == [] and dial("c3", "CP-1", cp1)["statusCode"] == 200


def test_when_nobody_is_answered_chargers_are_sent_offline_and_the_door_is_shut(cp1, queue, sockets):
    serverless.message(event("c1", body=ASKED))
    queue.come_back()
    assert sockets.ended == []
    queue.come_back()
    assert sockets.ended == ["c1"]
    answer = dial("c2", "CP-1", cp1)
    assert (answer["statusCode"], "Retry-After" in answer["headers"]) == (503, True)
    queue.clock.shift(PROBE_EVERY_S)
    # One may try whether a worker is there again; the others wait for what becomes of it.
    assert [dial(f"d{n}", "CP-1", cp1)["statusCode"] for n in range(3)] == [200, 503, 503]
    serverless.message(event("d0", body=ASKED))
    deliver("CP-1", ANSWER)
    assert dial("e", "CP-1", cp1)["statusCode"] == 200


def test_a_question_of_a_connection_that_is_gone_is_not_asked_again(cp1, queue, published):
    serverless.message(event("c1", body=ASKED))
    dial("c2", "CP-1", cp1)
    queue.come_back()
    assert len(published) == 1


def test_an_order_that_the_rule_brings_twice_is_given_once(cp1, sockets):
    deliver("CP-1", ORDER)
    deliver("CP-1", ORDER)
    assert sockets.posted == [("c1", ORDER)]


def test_what_could_not_be_handed_over_is_handed_over_when_lambda_calls_again(cp1, sockets, monkeypatch):
    serverless.message(event("c1", body=ASKED))
    real = sockets.post_to_connection

    def fails(**arguments: Any) -> None:
        raise ClientError({"Error": {"Code": "LimitExceededException"}}, "PostToConnection")

    for frame in (ANSWER, ORDER):
        monkeypatch.setattr(sockets, "post_to_connection", fails)
        with pytest.raises(ClientError):
            deliver("CP-1", frame)
        monkeypatch.setattr(sockets, "post_to_connection", real)
        deliver("CP-1", frame)
    assert sockets.posted == [("c1", ANSWER), ("c1", ORDER)]


def test_a_broker_that_does_not_take_it_costs_the_charger_no_sentence_of_api_gateway(
    cp1, queue, published, monkeypatch
):
    real = cloud.call

    def away(service: str, operation: str, **arguments: Any) -> Any:
        if operation == "Publish":
            raise cloud.Away("AWS throttles iot-data:Publish")
        return real(service, operation, **arguments)

    monkeypatch.setattr(cloud, "call", away)
    assert serverless.message(event("c1", body=ASKED)) == {"statusCode": 200}
    monkeypatch.setattr(cloud, "call", real)
    queue.come_back()
    assert published == [("CP-1/in", ASKED.encode())]


def test_behind_another_backend_nobody_is_sent_offline(cp1, queue, sockets, settings):
    settings.FAIL_OFFLINE = False
    serverless.message(event("c1", body=ASKED))
    for _ in range(6):
        queue.come_back()
    assert sockets.ended == [] and dial("c2", "CP-1", cp1)["statusCode"] == 200


def test_a_stranger_does_not_use_up_the_try_of_a_charger_that_works(cp1, queue, sockets):
    serverless.message(event("c1", body=ASKED))
    queue.come_back()
    queue.come_back()
    queue.clock.shift(PROBE_EVERY_S)
    assert dial("x", "NOBODY", None)["statusCode"] == 404 and dial("y", "CP-1", "wrong")["statusCode"] == 401
    assert dial("d", "CP-1", cp1)["statusCode"] == 200


def test_an_answer_to_an_order_goes_out_once_and_what_nobody_asked_for_is_bounded(cp1, queue, sockets, published):
    deliver("CP-1", ORDER)
    answer = '[3,"o1",{"status":"Accepted"}]'
    serverless.message(event("c1", body=answer))
    deliver("CP-1", ORDER)  # by the rule once more; and it is not done again
    assert len(sockets.posted) == 1
    for _ in range(20):
        serverless.message(event("c1", body=answer))
    assert len(published) == 21 and sockets.ended == []
    serverless.message(event("c1", body="[3]"))
    assert len(published) == 21 and sockets.ended == ["c1"]


def test_a_frame_that_nobody_can_read_is_passed_on_and_its_complaint_comes_back(cp1, sockets, published):
    serverless.message(event("c1", body="no json"))
    deliver("CP-1", b'[4,"-1","RpcFrameworkError","",{}]')
    assert published[-1][1] == b"no json"
    assert sockets.posted[-1][1].startswith(b'[4,"-1"')
