"""Whatever a charger says, the yard stays whole: one answer to each CALL, valid to the letter, and nobody else touched.

Small where the suite runs; `FUZZ_FRAMES=100000` sends that many in each version.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft4Validator

from chargers.models import Charger, Command, CommandStatus, Connector
from gateway import errors, frames, topics
from gateway.ingest import batch
from gateway.registry import DIALECTS
from gateway.tests import anything
from gateway.tests.post import inbound
from gateway.tests.talk import Talk
from sessions.models import ChargingSession, IdToken

FRAMES = int(os.environ.get("FUZZ_FRAMES", "320"))
AT_ONCE = 10  # frames in one batch, each of another charger
MUCH = settings(
    max_examples=FRAMES // AT_ONCE // 4,  # in each of four tests,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    database=None,
    suppress_health_check=list(HealthCheck),
)
VERSIONS = pytest.mark.parametrize("version", list(DIALECTS))
CODES = {version: {error().wire_code(version) for error in errors.OcppError.__subclasses__()} for version in DIALECTS}
pytestmark = [pytest.mark.timeout(4 * 3600)]


class Curtain(Exception):
    """Ends an example: what it wrote is taken back."""


@dataclass
class Street:
    """Chargers in the middle of a session, and one that never says a word."""

    speakers: list[Charger]
    bystander: Charger
    before: dict[str, Any]  # what belongs to the bystander


@pytest.fixture
def street(make_charger, version) -> Street:
    IdToken.objects.create(value="04A2B3C4", group="fleet-7")
    *speakers, bystander = [make_charger(f"CP-{n}", version) for n in range(AT_ONCE + 1)]
    for charger in (*speakers, bystander):
        _begin(Talk(charger))
        Connector.objects.get_or_create(charger=charger, evse_id=1)
    return Street(speakers, bystander, belongings(bystander))


def _begin(talk: Talk) -> None:
    if talk.charger.subprotocol == "ocpp1.6":
        talk.call("StartTransaction", connectorId=1, idTag="04A2B3C4", meterStart=5, timestamp=talk.clock())
        ChargingSession.objects.filter(charger=talk.charger).update(transaction_id=str(talk.charger.pk % 3 + 1))
        return
    info = {"transactionId": "tx-1"}
    talk.call(
        "TransactionEvent",
        eventType="Started",
        timestamp=talk.clock(),
        triggerReason="Authorized",
        seqNo=0,
        transactionInfo=info,
        evse={"id": 1},
        idToken={"idToken": "04A2B3C4", "type": "ISO14443"},
    )


@cache
def owned() -> list[tuple[Any, str]]:
    """Each model that belongs to a charger, and the field that says to which."""
    return [
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.fields
        if field.related_model is Charger
    ]


def belongings(charger: Charger) -> dict[str, Any]:
    """All rows that belong to a charger, its own included."""
    found: dict[str, Any] = {"charger": Charger.objects.filter(pk=charger.pk).values().get()}
    for model, name in owned():
        rows = model._default_manager.filter(**{name: charger}).order_by("pk")
        found[f"{model.__name__}.{name}"] = list(rows.values())
    return found


def said_by(chargers: list[Charger], texts: list[str]) -> list[list[Any]]:
    """A batch with one frame of each charger: what is said to each. An exception in it is not caught."""
    arrived = [
        inbound(charger, text.encode("utf-8", "surrogatepass")) for charger, text in zip(chargers, texts, strict=False)
    ]
    outcome = batch._commit(arrived)
    heard: dict[str, list[Any]] = {topics.outbound(topics.key(charger.identity)): [] for charger in chargers}
    for topic, payload, *_ in outcome.publications:
        if topic in heard:
            heard[topic].append(json.loads(payload))
    return list(heard.values())


def check(version: str, text: str, heard: list[Any]) -> None:
    """Exactly what a frame deserves is said to its charger."""
    frame = frames.parse(text.encode("utf-8", "surrogatepass").decode("utf-8", "replace"), frames.types_of(version))
    match frame:
        case frames.Call(message_id=message_id, action=action):
            (answer,) = heard
            assert answer[1] == message_id
            _check_answer(version, action, answer)
        case frames.Unreadable(error=None):
            assert heard == []
        case frames.Unreadable():
            assert len(heard) == 1 or (version == "ocpp1.6" and heard == [])
            for answer in heard:
                _check_error(version, answer)
        case _:
            assert heard == []


def _check_answer(version: str, action: str, answer: list[Any]) -> None:
    if answer[0] == 4:
        _check_error(version, answer)
        return
    schema = anything.schema_of(DIALECTS[version].schemas, f"{action}Response")
    assert [error.message for error in Draft4Validator(schema, validate_formats=True).iter_errors(answer[2])] == []


def _check_error(version: str, answer: list[Any]) -> None:
    kind, message_id, code, description, details = answer
    assert kind == 4 and 0 < len(message_id) <= 255
    assert code in CODES[version] and code != "InternalError"
    assert len(description) <= 255 and isinstance(details, dict)


def played(version: str, street: Street, texts: list[str]) -> list[list[Any]]:
    """Play a batch, check it, take it back; what was said to each charger."""
    said: list[list[Any]] = []
    with suppress(Curtain), transaction.atomic():
        said = said_by(street.speakers, texts)
        for text, heard in zip(texts, said, strict=False):
            check(version, text, heard)
        assert belongings(street.bystander) == street.before
        raise Curtain
    return said


@VERSIONS
def test_what_is_valid_is_answered_and_never_refused(version, street):
    @MUCH
    @given(texts=st.lists(anything.requests(version, wrong=False), min_size=AT_ONCE, max_size=AT_ONCE))
    def play(texts: list[str]) -> None:
        for text, heard in zip(texts, played(version, street, texts), strict=False):
            for answer in heard:
                assert answer[0] == 3, (text, answer)

    play()


@VERSIONS
def test_what_is_wrong_somewhere_is_answered_once_and_harms_nobody(version, street):
    money = DIALECTS[version].money

    @MUCH
    @given(texts=st.lists(anything.requests(version, wrong=True), min_size=AT_ONCE, max_size=AT_ONCE))
    def play(texts: list[str]) -> None:
        for text, heard in zip(texts, played(version, street, texts), strict=False):
            if json.loads(text)[2] in set(money) - {"StartTransaction"} and isinstance(json.loads(text)[3], dict):
                assert heard[0][0] == 3, (text, heard)

    play()


@VERSIONS
def test_what_is_no_frame_harms_nobody(version, street):
    @MUCH
    @given(texts=st.lists(anything.broken(version), min_size=AT_ONCE, max_size=AT_ONCE))
    def play(texts: list[str]) -> None:
        played(version, street, texts)

    play()


@VERSIONS
def test_any_answer_to_an_order_of_ours_closes_it(version, street):
    @MUCH
    @given(several=st.lists(anything.answers(version), min_size=AT_ONCE, max_size=AT_ONCE))
    def play(several: list[tuple[str, Any, list[Any]]]) -> None:
        with suppress(Curtain), transaction.atomic():
            orders = [
                Command(
                    charger=charger, action=action, payload=_storable(payload), status=CommandStatus.SENT,
                    sent_at=timezone.now(), expires_at=timezone.now(),
                )
                for charger, (action, payload, _) in zip(street.speakers, several, strict=True)
            ]  # fmt: skip
            Command.objects.bulk_create(orders)
            texts = [
                json.dumps([kind, str(order.pk), *content])
                for order, (_, _, (kind, *content)) in zip(orders, several, strict=True)
            ]
            for heard in said_by(street.speakers, texts):
                assert [frame for frame in heard if frame[0] not in (2, 5)] == []
            closed = {CommandStatus.ACCEPTED, CommandStatus.REJECTED, CommandStatus.FAILED}
            assert {order.status for order in Command.objects.filter(pk__in=[order.pk for order in orders])} <= closed
            assert belongings(street.bystander) == street.before
            raise Curtain

    play()


def _storable(payload: Any) -> Any:
    """As it would be in our table: what no database holds never gets there."""
    return json.loads(json.dumps(payload).replace("\\u0000", ""))
