"""No action of 2.1 is forgotten: ours can be sent raw and answered, those of stations are served."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Charger, CommandStatus, Exchange
from gateway import delivery, schemas
from gateway.call import Books
from gateway.registry import DIALECTS
from gateway.testing import samples
from gateway.tests.post import frame, post

V21, DIALECT = schemas.load("v21"), DIALECTS["ocpp2.1"]
ACTIONS = sorted(V21.actions())
FROM_STATIONS = sorted(action for action in ACTIONS if action in DIALECT.handlers)
OURS = sorted(set(ACTIONS) - set(DIALECT.handlers) | {"DataTransfer"})


def test_each_action_is_served_or_sent() -> None:
    assert len(ACTIONS) == 91
    assert {action for action in ACTIONS if V21.is_unanswered(action)} == set(DIALECT.listeners)


@pytest.mark.parametrize("action", [action for action in OURS if action not in DIALECT.listeners])
def test_it_can_be_sent_raw_and_its_answer_is_kept(cp3: Charger, action: str) -> None:
    # At the bottom: a sample of SetNetworkProfile names profile 0, and no order leads a charger down.
    Charger.objects.filter(pk=cp3.pk).update(security_profile=0)
    payload, answer = samples.request("v21", action), samples.response("v21", action)
    command = commands.request(cp3, action=action, payload=payload)
    books = Books(timezone.now())
    [publication] = delivery.deliver({cp3.pk}, books)
    books.write()
    assert json.loads(publication.payload) == [2, str(command.pk), action, payload]
    assert post(cp3, json.dumps([3, str(command.pk), answer])).answers == []
    command.refresh_from_db()
    assert command.answer == answer
    assert command.status in (CommandStatus.ACCEPTED, CommandStatus.REJECTED), command.explanation


@pytest.mark.parametrize("action", FROM_STATIONS)
def test_it_is_served_when_a_station_says_the_least_of_it(cp3: Charger, action: str) -> None:
    [answer] = post(cp3, frame(action, samples.request("v21", action))).answers
    assert answer[0] == 3, answer
    assert V21.is_valid_answer(action, answer[2])
    assert Exchange.objects.filter(action=action, outcome="result").exists()
