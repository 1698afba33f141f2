"""The page that says how Chargeyard itself is doing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from chargers import dead_letters
from chargers.models import Charger, DeadLetter, Exchange, GatewayProcess, WorkerProcess
from chargers.signals import replay_requested
from chargers.workers import touch_worker
from portal import machine_urls
from portal.tests.desk.conftest import part
from portal.views import system


def fault(sentence: str) -> KeyError:
    """An error with a traceback, as a handler raises it."""
    known: dict[str, int] = {}
    try:
        known[sentence]
    except KeyError as error:
        return error
    raise AssertionError("not reached")


@pytest.fixture
def letter(cp1: Charger) -> DeadLetter:
    return dead_letters.bury(
        cp1, '[2,"7","StatusNotification",{}]', error=fault("the <handler> has a fault"), at=timezone.now()
    )


@pytest.fixture
def asked() -> Iterator[list[int]]:
    """The dead letters that somebody wants to be tried again."""
    letters: list[int] = []

    def hear(letter_id: int, **kwargs: object) -> None:
        letters.append(letter_id)

    replay_requested.connect(hear, weak=False, dispatch_uid="test")
    yield letters
    replay_requested.disconnect(dispatch_uid="test")


def exchange(charger: Charger, took_ms: float, ago_s: float = 1) -> Exchange:
    at = timezone.now() - timedelta(seconds=ago_s)
    return Exchange.objects.create(
        charger=charger, epoch=1, origin="charger", requested_at=at, responded_at=at + timedelta(milliseconds=took_ms)
    )


def test_all_is_well_in_one_sentence(desk, monkeypatch):
    for name in machine_urls.CHECKS:
        monkeypatch.setitem(machine_urls.CHECKS, name, lambda: "")
    page = desk.get("/system/").content.decode()
    assert "Every part is well." in page
    assert "Nothing was left undigested" in page


def test_a_part_that_is_not_well_is_named_with_what_it_means(desk, monkeypatch):
    for name in machine_urls.CHECKS:
        monkeypatch.setitem(machine_urls.CHECKS, name, lambda: "")
    monkeypatch.setitem(machine_urls.CHECKS, "redis", lambda: "no route to host")
    page = part(desk, "/system/", "health")
    assert "Not well: Redis." in page
    assert "no route to host" in page and "Charging goes on." in page


def test_every_check_of_readiness_has_a_name_here():
    assert system.NAMES.keys() == machine_urls.CHECKS.keys()


def test_a_process_that_fell_silent_is_told_from_those_that_live(db, make_charger):
    now = timezone.now()
    make_charger("CP-7", gateway="gw-1")
    GatewayProcess.objects.create(name="gw-1", started_at=now, seen_at=now)
    GatewayProcess.objects.create(name="gw-0", started_at=now, seen_at=now - timedelta(minutes=1))
    WorkerProcess.objects.create(name="w-1", started_at=now, seen_at=now - timedelta(minutes=1))
    found = [(process.name, process.is_silent, process.chargers) for process in system.processes(now)]
    assert found == [("gw-1", False, 1), ("gw-0", True, 0), ("w-1", True, None)]


def test_the_pace_is_of_recent_messages_only(cp1):
    for took_ms in range(1, 101):
        exchange(cp1, took_ms)
    exchange(cp1, 90_000, ago_s=3600)
    pace = system.pace(timezone.now())
    assert pace.count == 100
    assert (pace.median_ms, pace.slow_ms) == pytest.approx((50, 95))


def test_without_messages_there_is_no_pace(db):
    assert system.pace(timezone.now()).median_ms is None


def test_a_dead_letter_shows_its_fault_frame_and_traceback(desk, letter):
    page = part(desk, "/system/", "letters")
    assert "KeyError: &#x27;the &lt;handler&gt; has a fault&#x27;" in page
    assert "StatusNotification" in page and "Traceback (most recent call last)" in page


def test_alice_has_a_dead_letter_replayed(desk: Client, letter, asked, django_capture_on_commit_callbacks: Callable):
    with django_capture_on_commit_callbacks(execute=True):
        response = desk.post(f"/system/dead-letters/{letter.pk}/replay/", follow=True)
    assert asked == [letter.pk]
    assert "A worker tries it again." in response.content.decode()


def test_bob_sees_dead_letters_and_cannot_replay_them(onlooker, letter, asked):
    assert "Replay</button>" not in part(onlooker, "/system/", "letters")
    assert onlooker.post(f"/system/dead-letters/{letter.pk}/replay/").status_code == 403
    assert asked == []


def test_a_replay_is_a_post(desk, letter):
    assert desk.get(f"/system/dead-letters/{letter.pk}/replay/").status_code == 405


def test_a_replayed_letter_leaves_the_list(desk, letter):
    dead_letters.mark_replayed(letter.pk, at=timezone.now())
    assert "Nothing was left undigested" in part(desk, "/system/", "letters")


def test_the_page_asks_again_by_itself(desk):
    assert 'hx-trigger="live, every 5s"' in part(desk, "/system/", "health")


def test_workers_that_nobody_saw_for_a_day_are_forgotten(db):
    now = timezone.now()
    touch_worker("w-old", now - timedelta(days=2))
    touch_worker("w-new", now)
    assert list(WorkerProcess.objects.values_list("name", flat=True)) == ["w-new"]
