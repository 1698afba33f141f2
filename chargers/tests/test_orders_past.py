"""Orders that are long over are forgotten; what is under way, in doubt or still referred to is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers import retention
from chargers.models import (
    Campaign,
    Command,
    CommandStatus,
    FirmwareImage,
    Job,
    Participant,
    Rollout,
    Standing,
    Write,
)

NOW = timezone.now()
OLD, YOUNG = NOW - timedelta(days=101), NOW - timedelta(days=99)


@pytest.fixture(autouse=True)
def hundred_days(settings):
    settings.ORDER_DAYS = 100


@pytest.fixture
def order(cp1):
    def make(at=OLD, status=CommandStatus.ACCEPTED, verb="unlock", **fields) -> Command:
        command = Command.objects.create(charger=cp1, verb=verb, status=status, expires_at=at, **fields)
        Command.objects.filter(pk=command.pk).update(created_at=at)
        return command

    return make


def forget() -> None:
    assert retention.forget_old(at=NOW) is False


def test_commands_go_when_they_are_over_and_old(order):
    order(OLD)
    left = {order(YOUNG), order(OLD, CommandStatus.PENDING), order(OLD, CommandStatus.SENT)}
    left.add(order(OLD, CommandStatus.TIMEOUT, "set_profile"))
    order(OLD - timedelta(days=1), verb="send_local_list")
    left.add(order(OLD, verb="send_local_list"))  # the list that it holds
    forget()
    assert set(Command.objects.all()) == left


def test_zero_keeps_them_for_ever(order, settings):
    settings.ORDER_DAYS = 0
    order(NOW - timedelta(days=9999))
    forget()
    assert Command.objects.exists()


def test_a_command_stays_while_something_refers_to_it(order, cp1):
    why = order(OLD)
    standing = Standing.objects.create(charger=cp1, path="A", state="differs", since=OLD, command=why)
    forget()
    assert Command.objects.get() == why
    standing.delete()
    forget()
    assert not Command.objects.exists()


def test_a_job_goes_with_its_last_command(order):
    job = Job.objects.create(title="Ask", verb="trigger")
    Job.objects.filter(pk=job.pk).update(created_at=OLD)
    waiting = order(OLD, CommandStatus.PENDING, job=job)
    order(OLD, job=job)
    forget()
    assert list(job.commands.all()) == [waiting]
    Command.objects.update(status=CommandStatus.EXPIRED)
    forget()
    assert not Job.objects.exists()


@pytest.mark.parametrize(("state", "is_kept"), [("done", False), ("failed", False), ("soaking", True)])
def test_a_campaign_goes_with_its_chargers_and_orders_once_nobody_is_under_way(order, cp1, state, is_kept):
    image = FirmwareImage.objects.create(
        vendor="Acme", model="*", version="2", file_name="a", name="a", size_bytes=1, sha256="", added_at=OLD
    )
    told = {"image": image, "title": "2.0", "created_at": OLD}
    over = Campaign.objects.create(status="cancelled", settled_at=OLD, **told)
    running = Campaign.objects.create(status="halted", **told)
    Participant.objects.create(campaign=over, charger=cp1, ring=0, state=state, command=order(OLD))
    forget()
    assert Campaign.objects.filter(pk=running.pk).exists()
    assert (Campaign.objects.filter(pk=over.pk).exists(), Participant.objects.exists()) == (is_kept, is_kept)
    assert Command.objects.exists() is is_kept


@pytest.mark.parametrize(("status", "is_kept"), [("done", False), ("reboot", True)])
def test_a_rollout_goes_with_its_writes_once_none_is_open(order, cp1, status, is_kept):
    over = Rollout.objects.create(title="Intervals", status="cancelled", settled_at=OLD)
    again = Rollout.objects.create(title="Back", takes_back=over, status="paused")
    Write.objects.create(rollout=over, charger=cp1, path="A", status=status, old_value="60", command=order(OLD))
    forget()
    assert Rollout.objects.filter(pk=over.pk).exists() is is_kept
    assert (Write.objects.exists(), Command.objects.exists()) == (is_kept, is_kept)
    again.refresh_from_db()
    assert again.takes_back_id == (over.pk if is_kept else None)


def test_a_large_rollout_goes_in_portions(make_charger, monkeypatch):
    monkeypatch.setattr(retention, "PORTION", 3)
    over = Rollout.objects.create(title="Intervals", status="done", settled_at=OLD)
    for number in range(7):
        Write.objects.create(rollout=over, charger=make_charger(f"CP-{number}"), path="A", status="done")
    assert retention.forget_old(at=NOW, patience_s=0) is True
    assert Write.objects.count() == 4
    forget()
    assert not Rollout.objects.exists()
