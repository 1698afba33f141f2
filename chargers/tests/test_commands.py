"""The life of one order: requested → sent → settled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Charger, Command, CommandStatus
from chargers.signals import command_changed, command_requested


def sent(charger: Charger) -> Command:
    command = commands.request(charger, "reset")
    assert [one.pk for one in commands.claim([charger.pk], at=timezone.now())] == [command.pk]
    return command


def test_a_command_waits_in_the_outbox_and_says_so(cp1: Charger, django_capture_on_commit_callbacks: Any) -> None:
    heard: list[set[int]] = []

    def listen(charger_ids: set[int], **_: Any) -> None:
        heard.append(charger_ids)

    command_requested.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            command = commands.request(cp1, "reset", arguments={"kind": "hard"})
    finally:
        command_requested.disconnect(listen)
    assert command.status == CommandStatus.PENDING
    assert heard == [{cp1.pk}]


@pytest.mark.parametrize("words", [{}, {"verb": "reset", "action": "Reset"}])
def test_a_command_is_either_a_verb_or_raw(cp1: Charger, words: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="verb or an OCPP action"):
        commands.request(cp1, **words)  # type: ignore[arg-type]


def test_a_double_click_orders_once(cp1: Charger, cp2: Charger) -> None:
    first, second = (commands.request(cp1, "reset", idempotency_key="click-1") for _ in range(2))
    assert first.pk == second.pk
    assert commands.request(cp2, "reset", idempotency_key="click-1").pk != first.pk


def test_one_is_in_flight_and_the_oldest_goes_first(cp1: Charger) -> None:
    first, second = commands.request(cp1, "reset"), commands.request(cp1, "clear_cache")
    now = timezone.now()
    assert [one.pk for one in commands.claim([cp1.pk], at=now)] == [first.pk]
    assert commands.claim([cp1.pk], at=now) == []
    commands.settle(first.pk, status=CommandStatus.ACCEPTED, at=now)
    assert [one.pk for one in commands.claim([cp1.pk], at=now)] == [second.pk]


def test_a_long_queue_is_not_read_to_send_its_first(cp1: Charger, monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_ = [commands.request(cp1, "reset") for _ in range(20)]
    read: list[Any] = []

    def claim_none(command: Command, at: Any) -> bool:
        read.append(command.pk)
        return False

    monkeypatch.setattr(commands, "_claim_one", claim_none)
    commands.claim([cp1.pk], at=timezone.now())
    assert read == [first.pk]


def test_who_has_waited_longest_is_served_first_however_many_orders_another_has(cp1: Charger, cp2: Charger) -> None:
    commands.request(cp1, "reset")
    for _ in range(5):
        commands.request(cp2, "reset")
    assert commands.waiting_longest(1) == [cp1.pk]
    assert commands.waiting_longest(9) == [cp1.pk, cp2.pk]


def test_a_fleet_of_expired_orders_is_closed_in_portions(cp1: Charger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "SWEPT_AT_ONCE", 2)
    for _ in range(3):
        commands.request(cp1, "reset", ttl_s=60)
    later = timezone.now() + timedelta(minutes=2)
    assert [len(commands.sweep(at=later)) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("fields", [{"is_online": False}, {"is_booted": False}])
def test_nothing_is_delivered_to_who_cannot_hear_it(make_charger: Callable[..., Charger], fields: Any) -> None:
    charger = make_charger("CP-1", **fields)
    commands.request(charger, "reset")
    assert commands.claim([charger.pk], at=timezone.now()) == []


def test_what_is_claimed_by_another_process_meanwhile_is_not_sent_twice(
    cp1: Charger, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.request(cp1, "reset")
    stale = list(commands.deliverable().select_related("charger"))
    commands.claim([cp1.pk], at=timezone.now())
    assert [commands._claim_one(command, timezone.now()) for command in stale] == [False]


def test_two_commands_in_flight_are_impossible(cp1: Charger) -> None:
    sent(cp1)
    second = commands.request(cp1, "clear_cache")
    assert commands._claim_one(second, timezone.now()) is False


def test_a_repeated_answer_changes_nothing(cp1: Charger) -> None:
    command = sent(cp1)
    now = timezone.now()
    assert commands.settle(command.pk, status=CommandStatus.ACCEPTED, answer={"status": "Accepted"}, at=now)
    assert commands.settle(command.pk, status=CommandStatus.REJECTED, answer={}, at=now) is None
    command.refresh_from_db()
    assert (command.status, command.answer) == (CommandStatus.ACCEPTED, {"status": "Accepted"})


def test_the_first_late_answer_is_kept_beside_the_timeout(cp1: Charger) -> None:
    command = sent(cp1)
    later = timezone.now() + timedelta(minutes=1)
    assert [one.pk for one in commands.sweep(at=later)] == [command.pk]
    for status in ("Accepted", "Rejected"):
        commands.settle(command.pk, status=CommandStatus.ACCEPTED, answer={"status": status}, at=later)
    command.refresh_from_db()
    assert (command.status, command.late_answer) == (CommandStatus.TIMEOUT, {"status": "Accepted"})


def test_what_waits_too_long_expires_and_was_never_sent(cp1: Charger) -> None:
    command = commands.request(cp1, "reset", ttl_s=60)
    later = timezone.now() + timedelta(seconds=61)
    assert commands.claim([cp1.pk], at=later) == []
    commands.sweep(at=later)
    command.refresh_from_db()
    assert (command.status, command.sent_at) == (CommandStatus.EXPIRED, None)


def test_a_sweep_in_time_closes_nothing(cp1: Charger) -> None:
    sent(cp1)
    assert commands.sweep(at=timezone.now()) == []


def test_only_what_waits_can_be_withdrawn(cp1: Charger) -> None:
    first = sent(cp1)
    second = commands.request(cp1, "clear_cache")
    assert not commands.cancel(first)
    assert commands.cancel(second)
    second.refresh_from_db()
    assert second.status == CommandStatus.CANCELLED


def test_each_step_is_announced_after_the_commit(cp1: Charger, django_capture_on_commit_callbacks: Any) -> None:
    heard: list[Any] = []

    def listen(command_ids: Any, **_: Any) -> None:
        heard.append(command_ids)

    command_changed.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            command = sent(cp1)
        with django_capture_on_commit_callbacks(execute=True):
            commands.settle(command.pk, status=CommandStatus.ACCEPTED, at=timezone.now())
    finally:
        command_changed.disconnect(listen)
    assert heard == [{command.pk}] * 3


SECRET = "hunter2-hunter2-hunter2"


def close(charger: Charger, how: str) -> Command:
    setting = {"name": "AuthorizationKey", "value": SECRET}
    command = commands.request(charger, "write_settings", arguments={"settings": [setting]}, ttl_s=60)
    if how == "cancelled":
        commands.cancel(command)
    elif how == "expired":
        commands.sweep(at=timezone.now() + timedelta(minutes=2))
    else:
        commands.claim([charger.pk], at=timezone.now())
        commands.settle(command.pk, status=CommandStatus(how), at=timezone.now())
    command.refresh_from_db()
    return command


@pytest.mark.parametrize("how", ["cancelled", "expired", "failed"])
def test_a_command_that_is_over_keeps_no_password(cp1: Charger, how: str) -> None:
    command = close(cp1, how)
    assert command.status == how
    assert command.arguments == {"settings": [{"name": "AuthorizationKey", "value": "***"}]}
