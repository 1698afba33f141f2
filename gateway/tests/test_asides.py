"""Answers for which somebody outside is asked: after the batch, by threads of their own, once."""

from __future__ import annotations

import json
import time
from dataclasses import astuple, dataclass, field, replace
from threading import Event

import pytest
from django.conf import settings
from django.test import TestCase
from django.utils import timezone

from chargers import authority
from chargers.models import Command, Exchange
from chargers.tests.test_authority import signing_request
from gateway import apps, asides, tasks
from gateway.bus import publisher
from gateway.call import Unanswered
from gateway.ingest import batch
from gateway.tests.post import frame, inbound, post

EV = {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install", "exiRequest": "RVhJ"}
ASKED = frame("Get15118EVCertificate", EV, message_id="7")


class Hub:
    def ev_certificate(self, **asked):
        return "ZXhp"


@dataclass
class Bell:
    """Keeps what it is rung for."""

    rung: list[Unanswered] = field(default_factory=list)

    def ring(self, task, *args):
        if task.name == "gateway.tasks.answer_aside":
            self.rung.append(Unanswered(*args))


def answered(request: Unanswered) -> list:
    said: list = []
    with TestCase.captureOnCommitCallbacks(execute=True):
        asides.answer(request, at=timezone.now(), say=said.extend)
    return [json.loads(publication.payload) for publication in said]


@pytest.fixture
def bell(monkeypatch, settings) -> Bell:
    settings.ISO15118_PROVIDER = f"{__name__}.Hub"
    monkeypatch.setattr(apps, "bell", bell := Bell())
    return bell


def said(charger, *texts, ago_s=0.0) -> list:
    """Frames of a charger through a batch, news told; the answers to it."""
    outcome = batch.process([inbound(charger, text, ago_s=ago_s) for text in texts])
    outcome.tell()
    return [json.loads(payload) for topic, payload, *_ in outcome.publications if topic == f"{charger.identity}/out"]


def test_a_question_for_somebody_outside_is_answered_after_the_batch(cp2, bell):
    assert said(cp2, ASKED) == []
    assert Exchange.objects.get().outcome == Exchange.Outcome.OPEN
    [request] = bell.rung
    assert answered(request) == [[3, "7", {"status": "Accepted", "exiResponse": "ZXhp"}]]
    kept = Exchange.objects.get()
    assert kept.outcome == Exchange.Outcome.RESULT and "ZXhp" in kept.response and kept.responded_at


def test_while_it_is_asked_the_same_question_again_is_no_second_one(cp2, bell):
    assert said(cp2, ASKED) == said(cp2, ASKED) == []
    assert len(bell.rung) == Exchange.objects.count() == 1


def test_a_repeat_gets_the_answer_that_was_found(cp2, bell):
    said(cp2, ASKED)
    answered(bell.rung[0])
    assert said(cp2, ASKED) == [[3, "7", {"status": "Accepted", "exiResponse": "ZXhp"}]]
    assert len(bell.rung) == 1


def test_a_bell_that_nobody_heard_is_rung_again(cp2, bell):
    said(cp2, ASKED, ago_s=15)
    said(cp2, ASKED)
    assert len(bell.rung) == 2
    assert len(answered(bell.rung[1])) == 1
    assert answered(bell.rung[0]) == [] and not Exchange.objects.filter(outcome=Exchange.Outcome.OPEN).exists()


def test_others_are_answered_in_the_batch_meanwhile(cp1, cp2, bell):
    outcome = batch.process([inbound(cp2, ASKED), inbound(cp1, frame("Heartbeat"))])
    assert [topic for topic, *_ in outcome.publications if topic.endswith("/out")] == ["CP-1/out"]


def test_a_question_that_breaks_us_is_answered_all_the_same(cp2, bell):
    said(cp2, ASKED)
    [refusal] = answered(replace(bell.rung[0], action="NoSuchQuestion"))
    assert refusal[:3] == [4, "7", "InternalError"]
    assert Exchange.objects.get().outcome == Exchange.Outcome.ERROR


def test_where_nobody_can_be_asked_the_refusal_comes_at_once(cp2, settings):
    settings.ISO15118_PROVIDER = ""
    assert post(cp2, ASKED).answers == [[3, "7", {"status": "Failed", "exiResponse": ""}]]


def test_another_question_under_the_same_id_does_not_get_the_answer_to_the_first(cp2, bell):
    said(cp2, ASKED)
    said(cp2, frame("Get15118EVCertificate", {**EV, "action": "Update"}, message_id="7"))
    first, second = bell.rung
    assert answered(first) == []
    assert answered(second) == [[3, "7", {"status": "Accepted", "exiResponse": "ZXhp"}]]
    assert not Exchange.objects.filter(outcome=Exchange.Outcome.OPEN).exists()


def test_that_it_gets_a_certificate_a_charger_hears_before_it_gets_it(cp2, bell, settings, monkeypatch):
    settings.ISO15118_PROVIDER = f"{__name__}.Signer"
    csr = {"csr": signing_request("SECC-7"), "certificateType": "V2GCertificate"}
    assert said(cp2, frame("SignCertificate", csr)) == []
    order: list = []
    monkeypatch.setattr(apps, "bell", Herald(order))
    with TestCase.captureOnCommitCallbacks(execute=True):
        asides.answer(bell.rung[0], at=timezone.now(), say=lambda said: order.append(json.loads(said[0].payload)[2]))
    assert order == [{"status": "Accepted"}, "gateway.tasks.deliver_next"]
    assert Command.objects.get().arguments["chain"].startswith("-----BEGIN")


@dataclass
class Herald:
    told: list

    def ring(self, task, *args):
        self.told.append(task.name)


class Signer:
    def station_certificate(self, csr):
        request, signer = authority.read_request(csr), authority.load(settings.CHARGER_CA_FILE)
        return signer.sign(request, name="V2G", at=timezone.now()).chain


# -- the threads -------------------------------------------------------------------------------------------------------


class Bus:
    """Where a task publishes to."""

    def __init__(self) -> None:
        self.heard: list = []

    def publish_when_there(self, publications) -> None:
        self.heard += [json.loads(publication.payload) for publication in publications]


class SlowHub:
    may_speak = Event()
    asked = 0

    def ev_certificate(self, **asked):
        SlowHub.asked += 1
        SlowHub.may_speak.wait(30)
        return "ZXhp"


@pytest.mark.django_db(transaction=True)
def test_nobody_but_the_charger_waits_for_a_slow_provider(cp2, bell, settings, monkeypatch):
    settings.ISO15118_PROVIDER = f"{__name__}.SlowHub"
    bus = Bus()
    monkeypatch.setattr(publisher, "of_this_process", lambda: bus)
    said(cp2, ASKED)
    for _ in range(3):  # the bell rings again while it is asked
        tasks.answer_aside(*astuple(bell.rung[0]))  # and comes back at once: else this test hangs here
    assert bus.heard == []
    SlowHub.may_speak.set()
    until = time.monotonic() + 30
    while asides._in_work and time.monotonic() < until:
        time.sleep(0.01)
    assert bus.heard == [[3, "7", {"status": "Accepted", "exiResponse": "ZXhp"}]] and SlowHub.asked == 1
