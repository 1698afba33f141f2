"""Commands on their way out: worded, checked to the letter, kept, published; or failed with the field named."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery
from django.utils import timezone

from chargers import commands
from chargers.models import Charger, Command, CommandStatus, Exchange
from gateway import delivery, tasks, topics
from gateway.apps import Bell
from gateway.bus.publisher import BusAway, Publication
from gateway.call import Books
from gateway.registry import DIALECTS


def deliver(*chargers: Charger) -> list[Publication]:
    books = Books(timezone.now())
    publications = delivery.deliver({charger.pk for charger in chargers}, books)
    books.write()
    return publications


def test_a_command_goes_out_in_the_words_of_its_version(cp1: Charger, cp2: Charger) -> None:
    for charger in (cp1, cp2):
        commands.request(charger, "reset", arguments={"kind": "hard"})
    said = {one.topic: json.loads(one.payload) for one in deliver(cp1, cp2)}
    one, two = (said[topics.outbound(charger.identity)] for charger in (cp1, cp2))
    assert one[2:] == ["Reset", {"type": "Hard"}]
    assert two[2:] == ["Reset", {"type": "Immediate"}]


def test_its_id_is_the_message_id_and_what_was_said_is_kept(cp1: Charger) -> None:
    command = commands.request(cp1, "reset", arguments={"kind": "soft"})
    [publication] = deliver(cp1)
    command.refresh_from_db()
    assert json.loads(publication.payload)[1] == str(command.pk)
    assert publication.qos == 0  # with 1 it would go out late after an outage, or twice
    assert (command.status, command.action, command.payload) == (CommandStatus.SENT, "Reset", {"type": "Soft"})
    kept = Exchange.objects.get()
    assert (kept.message_id, kept.origin, kept.outcome) == (str(command.pk), "csms", "open")


def test_a_password_is_masked_in_the_journal_and_whole_on_the_wire(cp1: Charger) -> None:
    commands.request(cp1, action="ChangeConfiguration", payload={"key": "AuthorizationKey", "value": "hunter2hunter2"})
    [publication] = deliver(cp1)
    assert b"hunter2hunter2" in publication.payload
    assert "hunter2" not in Exchange.objects.get().request


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ({"action": "Reset", "payload": {"type": "Gentle"}}, "type: 'Gentle' is not one of Hard, Soft"),
        ({"action": "Reset", "payload": {}}, "'type' is missing"),
        ({"action": "Teleport"}, "no action 'Teleport'"),
        ({"verb": "dance"}, "no message for 'dance'"),
    ],
)
def test_what_cannot_be_said_fails_and_names_the_field(cp1: Charger, request_: Any, why: str) -> None:
    command = commands.request(cp1, **request_)
    assert deliver(cp1) == []
    command.refresh_from_db()
    assert command.status == CommandStatus.FAILED
    assert why in command.explanation


@pytest.mark.parametrize("fault", [KeyError("token"), TypeError("no number"), RuntimeError("what")])
def test_a_wording_with_a_fault_fails_its_command_only(
    cp1: Charger, cp2: Charger, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def explode(command: Command) -> Any:
        raise fault

    monkeypatch.setitem(DIALECTS["ocpp1.6"].wordings, "reset", explode)
    broken = commands.request(cp1, "reset", arguments={"kind": "hard"})
    commands.request(cp2, "reset", arguments={"kind": "hard"})
    assert len(deliver(cp1, cp2)) == 1
    broken.refresh_from_db()
    assert broken.status == CommandStatus.FAILED
    assert str(fault.args[0]) in broken.explanation


def test_after_a_command_that_cannot_be_said_the_next_one_goes(cp1: Charger) -> None:
    commands.request(cp1, "dance")
    commands.request(cp1, action="Reset", payload={})
    third = commands.request(cp1, "clear_cache")
    [publication] = deliver(cp1)
    assert json.loads(publication.payload)[1] == str(third.pk)


def test_a_charger_that_speaks_nothing_of_ours_is_told_apart(make_charger: Callable[..., Charger]) -> None:
    charger = make_charger("CP-9", "ocpp1.5")
    command = commands.request(charger, "reset")
    assert deliver(charger) == []
    command.refresh_from_db()
    assert "'ocpp1.5'" in command.explanation


class FakePublisher:
    def __init__(self, *, is_away: bool = False) -> None:
        self.is_away = is_away
        self.published: list[Publication] = []

    def require(self) -> None:
        if self.is_away:
            raise BusAway("no broker")

    def publish(self, publications: list[Publication]) -> None:
        self.published += publications

    def publish_when_there(self, publications: list[Publication]) -> None:
        self.require()
        self.publish(publications)


def test_without_a_broker_nothing_is_claimed(cp1: Charger) -> None:
    command = commands.request(cp1, "clear_cache")
    publisher = FakePublisher(is_away=True)
    assert delivery.deliver_now({cp1.pk}, publisher, at=timezone.now()) == 0  # type: ignore[arg-type]
    command.refresh_from_db()
    assert command.status == CommandStatus.PENDING


def test_the_doorbell_delivers(cp1: Charger, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = FakePublisher()
    monkeypatch.setattr("gateway.bus.publisher.of_this_process", lambda: publisher)
    commands.request(cp1, "clear_cache")
    tasks.deliver_next(cp1.pk)
    assert len(publisher.published) == 1


def test_the_sweep_delivers_what_no_doorbell_rang_for(
    cp1: Charger, cp2: Charger, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = FakePublisher()
    monkeypatch.setattr("gateway.bus.publisher.of_this_process", lambda: publisher)
    for charger in (cp1, cp2):
        commands.request(charger, "clear_cache")
    tasks.deliver_pending()
    assert len(publisher.published) == 2
    tasks.deliver_pending()
    assert len(publisher.published) == 2


def test_the_sweep_takes_back_what_silent_gateways_left_retained(
    make_charger: Callable[..., Charger], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_charger("CP-9", gateway="gate-9")
    publisher = FakePublisher()
    monkeypatch.setattr("gateway.bus.publisher.of_this_process", lambda: publisher)
    tasks.sweep_gateways()
    tasks.sweep_gateways()
    assert publisher.published == [Publication("chargeyard/gateways/gate-9/status", b"", qos=1, retain=True)]


def test_an_order_stands_although_redis_is_away(
    cp1: Charger, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    tries: list[Any] = []

    def refuse(args: Any, **options: Any) -> None:
        tries.append(args)
        raise ConnectionError("Redis is away")

    monkeypatch.setattr("gateway.apps.bell", Bell())
    monkeypatch.setattr("gateway.tasks.deliver_next.apply_async", refuse)
    for _ in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            command = commands.request(cp1, "clear_cache")
    command.refresh_from_db()
    assert command.status == CommandStatus.PENDING
    assert len(tries) == 1  # and the others did not wait for Redis


def test_an_order_is_held_up_for_half_a_second_at_most_by_a_redis_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        app = Celery("test", broker=f"redis://127.0.0.1:{silent.getsockname()[1]}/0", set_as_current=False)
        began = time.monotonic()
        Bell().ring(app.task(deliver, name="deliver"), 1)
        assert time.monotonic() - began < 1


def test_a_connection_that_a_revoked_certificate_opened_is_ended_by_its_gateway(
    make_charger: Callable[..., Charger], monkeypatch: pytest.MonkeyPatch
) -> None:
    charger = make_charger("CP-9", gateway="gate-9")
    publisher = FakePublisher()
    monkeypatch.setattr("gateway.bus.publisher.of_this_process", lambda: publisher)
    tasks.hang_up_revoked()
    monkeypatch.setattr("chargers.client_certificates.opened_by_revoked", lambda at: [charger])
    tasks.hang_up_revoked()
    [(topic, payload, *_)] = publisher.published
    assert topic == "chargeyard/gateways/gate-9/control" and b"hang_up" in payload and b"revoked" in payload
