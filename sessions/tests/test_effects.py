"""Whether what a charger accepted has happened."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Boot, Command, CommandStatus, Connector, Transfer
from sessions import effects
from sessions.models import ChargingSession
from sessions.remote import remote_start_id


@pytest.fixture
def accepted(cp1):
    """An order that CP-1 accepted two minutes ago, or so long ago."""

    def order(verb: str, *, minutes: float = 1, **arguments) -> Command:
        command = commands.request(cp1, verb, arguments=arguments)
        at = timezone.now() - timedelta(minutes=minutes)
        changes = {"status": CommandStatus.ACCEPTED, "sent_at": at, "settled_at": at, "created_at": at}
        Command.objects.filter(pk=command.pk).update(**changes)
        command.refresh_from_db()
        return command

    return order


def seen(command: Command) -> tuple[str, str]:
    effects.look(at=timezone.now())
    command.refresh_from_db()
    return command.effect, command.effect_text


def begin(charger, **fields) -> ChargingSession:
    now = timezone.now()
    values = {"evse_id": 1, "started_at": now, "started_received_at": now, "transaction_id": "57", **fields}
    return ChargingSession.objects.create(charger=charger, **values)


def test_a_reset_shows_in_the_next_boot(cp1, accepted):
    command = accepted("reset")
    assert seen(command) == ("", "")
    Boot.objects.create(charger=cp1, received_at=timezone.now(), epoch=2, verdict="Accepted", interval_s=300)
    assert seen(command) == ("seen", "it booted")


def test_a_boot_before_the_order_proves_nothing(cp1, accepted):
    before = timezone.now() - timedelta(minutes=5)
    Boot.objects.create(charger=cp1, received_at=before, epoch=1, verdict="Accepted", interval_s=300)
    assert seen(accepted("reset")) == ("", "")


def test_what_does_not_show_in_time_is_not_seen(accepted):
    command = accepted("reset", minutes=6)
    assert seen(command) == ("not_seen", "")
    assert effects.look(at=timezone.now()) == 0


def test_a_remote_start_shows_in_its_session(cp1, accepted):
    command = accepted("remote_start", evse_id=2, token="04A2")
    begin(cp1, evse_id=1)
    assert seen(command) == ("", "")
    session = begin(cp1, evse_id=2, transaction_id="58", remote_start_id=remote_start_id(command.pk))
    assert seen(command) == ("seen", f"session {session.pk} started")


def test_a_session_that_another_order_started_is_not_ours(cp1, accepted):
    command = accepted("remote_start", token="04A2")
    begin(cp1, remote_start_id=4711)
    assert seen(command) == ("", "")


def test_a_remote_stop_shows_when_that_session_has_ended(cp1, accepted):
    session = begin(cp1)
    command = accepted("remote_stop", transaction_id="57")
    assert seen(command) == ("", "")
    session.stopped_at = session.stopped_received_at = timezone.now()
    session.save()
    assert seen(command) == ("seen", f"session {session.pk} ended")


def test_availability_shows_in_the_connectors(cp1, accepted):
    now = timezone.now()
    for evse_id in (1, 2):
        Connector.objects.create(charger=cp1, evse_id=evse_id, status="available", status_at=now)
    command = accepted("change_availability", evse_id=0, operative=False)
    Connector.objects.filter(evse_id=1).update(status="unavailable")
    assert seen(command) == ("", "")
    Connector.objects.update(status="unavailable")
    assert seen(command) == ("seen", "it is out of service")


@pytest.mark.parametrize(
    ("verb", "kind", "status", "words"),
    [
        ("fetch_logs", "diagnostics", "Uploaded", "the log was uploaded"),
        ("update_firmware", "firmware", "Installed", "it says Installed"),
    ],
)
def test_a_transfer_shows_in_its_last_step(cp1, accepted, verb, kind, status, words):
    command = accepted(verb, url="https://x")
    Transfer.objects.create(charger=cp1, kind=kind, status="Downloading", received_at=timezone.now())
    assert seen(command) == ("", "")
    Transfer.objects.create(charger=cp1, kind=kind, status=status, received_at=timezone.now())
    assert seen(command) == ("seen", words)


def test_orders_without_a_visible_effect_are_left_alone(accepted):
    assert seen(accepted("clear_cache", minutes=600)) == ("", "")


def test_a_look_takes_as_many_queries_for_many_orders_as_for_few(accepted, django_assert_max_num_queries):
    for _ in range(20):
        accepted("reset")
        accepted("remote_stop", transaction_id="1")
    with django_assert_max_num_queries(6):
        effects.look(at=timezone.now())
