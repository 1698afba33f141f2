"""A batch is one transaction; the poison frame is alone; a database that is away is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DataError, IntegrityError, InterfaceError, NotSupportedError, OperationalError, transaction
from django.utils import timezone
from structlog.testing import capture_logs

from chargers import commands, dead_letters
from chargers.models import Charger, DeadLetter, Exchange, PresenceHour
from chargers.signals import charger_changed
from gateway.apps import Bell
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ingest import batch
from gateway.ingest.inbound import Inbound
from gateway.ingest.outage import DatabaseAway, is_outage
from gateway.registry import DIALECTS
from gateway.tests.post import BOOT_16, frame, inbound, post, sort
from sessions.models import ChargingSession

Handler = Callable[[Call], Payload]


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Handler], None]:
    """Put another handler in the place of one of 1.6."""

    def put(action: str, handler: Handler) -> None:
        monkeypatch.setitem(DIALECTS["ocpp1.6"].handlers, action, handler)

    return put


def explode(call: Call) -> Payload:
    raise ZeroDivisionError("the handler has a fault")


@pytest.fixture
def poisoned(handle: Callable[[str, Handler], None]) -> None:
    handle("StatusNotification", explode)
    handle("MeterValues", explode)


STATUS = frame("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"})
METER = frame("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": "x", "sampledValue": [{"value": "1"}]}]})


def test_the_poison_frame_is_alone(cp1: Charger, cp2: Charger, poisoned: None) -> None:
    outcome = batch.process([inbound(cp1, STATUS), inbound(cp2, frame("Heartbeat"))])
    assert sort(cp2, outcome).answers[0][0] == 3
    assert sort(cp1, outcome).answers[0][:3] == [4, "1", "InternalError"]
    assert "ZeroDivisionError" in DeadLetter.objects.get().traceback
    assert Exchange.objects.count() == 2


def test_sessions_of_several_chargers_begin_in_one_batch(make_charger: Callable[..., Charger]) -> None:
    began = {
        "eventType": "Started", "timestamp": "2026-03-01T12:00:00Z", "triggerReason": "CablePluggedIn", "seqNo": 0,
        "transactionInfo": {"transactionId": "tx"}, "evse": {"id": 1},
    }  # fmt: skip
    chargers = [make_charger(f"CP-20{n}", subprotocol="ocpp2.0.1") for n in range(3)]
    with capture_logs() as logs:
        outcome = batch.process([inbound(charger, frame("TransactionEvent", began)) for charger in chargers])
    assert [sort(charger, outcome).answers[0][0] for charger in chargers] == [3, 3, 3]
    assert not [entry for entry in logs if entry["event"] == "batch_failed"]
    assert {(s.charger_id, s.transaction_id) for s in ChargingSession.objects.all()} == {(c.pk, "tx") for c in chargers}


def test_money_is_confirmed_even_if_we_cannot_digest_it(cp1: Charger, poisoned: None) -> None:
    assert post(cp1, METER).answers == [[3, "1", {}]]
    assert DeadLetter.objects.get().frame == METER


def test_a_confirmed_poison_frame_is_not_buried_twice(cp1: Charger, poisoned: None) -> None:
    post(cp1, METER)
    assert post(cp1, METER).answers == [[3, "1", {}]]
    assert DeadLetter.objects.count() == 1


def test_a_start_that_we_cannot_digest_gets_an_internal_error(
    cp1: Charger, handle: Callable[[str, Handler], None]
) -> None:
    handle("StartTransaction", explode)
    start = {"connectorId": 1, "idTag": "04A2", "meterStart": 0, "timestamp": "2026-05-01T10:00:00Z"}
    assert post(cp1, frame("StartTransaction", start)).answers[0][:3] == [4, "1", "InternalError"]


def test_an_answer_that_we_cannot_digest_fails_its_command(cp1: Charger, monkeypatch: pytest.MonkeyPatch) -> None:
    command = commands.request(cp1, "reset", arguments={"kind": "hard"})
    commands.claim([cp1.pk], at=timezone.now())
    commands.record_wording(command, action="Reset", payload={"type": "Hard"})
    monkeypatch.setitem(DIALECTS["ocpp1.6"].readings, "Reset", lambda *_: 1 / 0)
    post(cp1, f'[3,"{command.pk}",{{"status":"Accepted"}}]')
    command.refresh_from_db()
    assert command.status == "failed"
    assert DeadLetter.objects.count() == 1


@pytest.mark.parametrize("nested", ["[" * 900 + '"password"' + "]" * 900, '{"password":' * 900 + "1" + "}" * 900])
def test_a_secret_nested_beyond_all_reason_is_no_poison(cp1: Charger, nested: str) -> None:
    assert post(cp1, nested).answers == []
    assert Exchange.objects.get().outcome == Exchange.Outcome.UNREADABLE
    assert not DeadLetter.objects.exists()


def test_a_frame_that_cannot_even_be_buried_holds_up_nobody(
    cp1: Charger, cp2: Charger, poisoned: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chargers.dead_letters.bury", lambda *_, **__: 1 / 0)
    outcome = batch.process([inbound(cp1, STATUS), inbound(cp2, frame("Heartbeat"))])
    assert sort(cp1, outcome).answers == []
    assert sort(cp2, outcome).answers[0][0] == 3


def test_a_buried_frame_can_be_replayed_when_the_fault_is_mended(cp1: Charger, poisoned: None) -> None:
    post(cp1, METER)
    letter = DeadLetter.objects.get()
    batch.replay(letter.pk)
    letter.refresh_from_db()
    assert letter.replayed_at is None

    DIALECTS["ocpp1.6"].handlers["MeterValues"] = lambda call: {}
    batch.replay(letter.pk)
    letter.refresh_from_db()
    assert letter.replayed_at is not None


def test_a_replay_sends_no_command(cp1: Charger) -> None:
    command = commands.request(cp1, "reset", arguments={"kind": "hard"})
    boot = frame("BootNotification", BOOT_16)
    batch.replay(dead_letters.bury(cp1, boot, error=ValueError("x"), at=timezone.now()).pk)
    command.refresh_from_db()
    assert command.status == "pending"


def test_staff_ask_for_a_replay_by_a_signal(
    cp1: Charger, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("gateway.apps.bell", Bell())  # not one that another test has silenced
    monkeypatch.setattr("gateway.tasks.replay_dead_letter.apply_async", lambda args, **_: asked.append(args))
    letter = dead_letters.bury(cp1, STATUS, error=ValueError("x"), at=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        dead_letters.request_replay(letter)
    assert asked == [(letter.pk,)]


def test_the_same_frame_in_two_workers_is_done_once(cp1: Charger, handle: Callable[[str, Handler], None]) -> None:
    tries: Iterator[int] = iter(range(9))

    def collide_once(call: Call) -> Payload:
        if next(tries) == 0:
            raise IntegrityError("the other worker was faster")
        return {}

    handle("StatusNotification", collide_once)
    assert post(cp1, STATUS).answers == [[3, "1", {}]]
    assert not DeadLetter.objects.exists()


@pytest.mark.parametrize("error", [OperationalError("server closed the connection"), InterfaceError("gone")])
def test_a_database_that_is_away_is_no_poison(
    cp1: Charger, handle: Callable[[str, Handler], None], error: Exception
) -> None:
    def fail(call: Call) -> Payload:
        raise error

    handle("StatusNotification", fail)
    with pytest.raises(DatabaseAway):
        post(cp1, STATUS)
    assert not DeadLetter.objects.exists()
    assert not Exchange.objects.exists()


def caused(error: Exception, **facts: str) -> Exception:
    error.__cause__ = type("Cause", (Exception,), facts)()
    return error


@pytest.mark.parametrize(
    ("error", "is_away"),
    [
        (caused(OperationalError("database is locked"), sqlite_errorname="SQLITE_BUSY"), True),
        (caused(OperationalError("full"), sqlite_errorname="SQLITE_FULL"), True),
        (caused(OperationalError("too many SQL variables"), sqlite_errorname="SQLITE_ERROR"), False),
        (caused(OperationalError("admin shutdown"), sqlstate="57P01"), True),
        (caused(OperationalError("deadlock"), sqlstate="40P01"), True),
        (caused(OperationalError("statement timeout"), sqlstate="57014"), False),
        (NotSupportedError("cached plan must not change result type"), True),
        (NotSupportedError("cannot do that"), False),
        (DataError("integer out of range"), False),
        (ValueError("ours"), False),
    ],
)
def test_what_passes_by_itself_is_told_from_what_does_not(error: Exception, is_away: bool) -> None:
    assert is_outage(error) is is_away


def test_frames_of_strangers_are_dropped(cp1: Charger) -> None:
    strangers = [
        Inbound("CP-99", b"[]", 0.0),
        Inbound("%FF", b"[]", 0.0),
        Inbound("CP%001", b"[]", 0.0),
        inbound(cp1, frame("Heartbeat")),
    ]
    outcome = batch.process(strangers)
    assert len(outcome.publications) == 1
    assert Exchange.objects.count() == 1


def test_a_charger_is_found_however_its_identity_is_spelled(make_charger: Callable[..., Charger]) -> None:
    charger = make_charger("RDAM 123/ä+#")
    [answer] = post(charger, frame("Heartbeat")).answers
    assert answer[0] == 3


def test_a_batch_costs_the_same_number_of_statements_whatever_its_size(
    make_charger: Callable[..., Charger], django_assert_max_num_queries: Any
) -> None:
    chargers = [make_charger(f"CP-{number}") for number in range(60)]
    frames = [inbound(charger, frame("Heartbeat")) for charger in chargers]
    with django_assert_max_num_queries(9):
        assert len(batch.process(frames).publications) == 60
    assert PresenceHour.objects.count() == 60


def test_the_news_is_told_after_the_answers(cp1: Charger, handle: Callable[[str, Handler], None]) -> None:
    told: list[str] = []

    def status(call: Call) -> Payload:
        transaction.on_commit(lambda: told.append("handler"))
        return {}

    def changed(charger_ids: set[int], **_: Any) -> None:
        told.append(f"changed {charger_ids == {cp1.pk}}")

    handle("StatusNotification", status)
    charger_changed.connect(changed)
    try:
        outcome = batch.process([inbound(cp1, STATUS)])
        assert told == []
        outcome.tell()
    finally:
        charger_changed.disconnect(changed)
    assert "handler" in told
    assert "changed True" in told


def test_news_that_cannot_be_told_harm_nobody() -> None:
    told: list[int] = []
    batch.Outcome(news=[lambda: 1 / 0, lambda: told.append(1)]).tell()
    assert told == [1]
