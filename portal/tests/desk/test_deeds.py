"""A form that is sent twice is carried out once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import RequestFactory

from chargers.models import Command, Job
from portal import deeds, retention
from portal.models import Deed
from portal.tests import made_once

KEY = "0123456789abcdef" * 2
FORM = "application/x-www-form-urlencoded"


def send(client, url, **fields):
    """As a browser sends a form without files."""
    return client.post(url, urlencode(fields), content_type=FORM)


def led_to(request: HttpRequest, person: Any, to: str) -> str:
    return str(getattr(deeds.once(request, person, lambda: HttpResponseRedirect(to)), "url", ""))


def sent(key=KEY):
    return RequestFactory().post("/", urlencode({"once": key}), content_type=FORM)


def test_a_job_that_is_sent_twice_is_one_and_both_are_led_to_it(desk, cp1, cp2):
    form = {"message": "Heartbeat", "once": KEY}
    digest = send(desk, "/jobs/new/?do=trigger", **{**form, "once": ""}).context["preview"]["digest"]
    first = send(desk, "/jobs/new/?do=trigger", **form, confirmed=digest)
    second = send(desk, "/jobs/new/?do=trigger", **form, confirmed=digest)
    assert first.url == second.url == f"/jobs/{Job.objects.get().pk}/"
    assert Command.objects.count() == 2


def test_a_command_that_is_sent_twice_is_one_and_the_second_answer_shows_it(desk, cp1):
    form = {"message": "Heartbeat", "evse_id": "0", "once": KEY}
    answers = [send(desk, "/chargers/CP-1/commands/?do=trigger", **form) for _ in range(2)]
    assert all("Ordered." in answer.content.decode() for answer in answers)
    assert Command.objects.count() == 1
    send(desk, "/chargers/CP-1/commands/?do=trigger", **{**form, "once": "f" * 32, "message": "BootNotification"})
    assert Command.objects.count() == 2


def test_the_second_operator_is_shown_what_the_first_ordered(desk, cp1, django_user_model, client):
    client.force_login(django_user_model.objects.create_user("dora", is_staff=True))
    form = {"kind": "soft"}
    question = client.post("/chargers/CP-1/commands/?do=reset", form).context["harm"]
    client.post("/chargers/CP-1/commands/?do=reset", {**form, "confirmed": question})
    asked = desk.post("/chargers/CP-1/commands/?do=reset", {**form, "confirmed": question})
    assert "dora ordered the same before; it has not been answered yet." in asked.context["harm"]
    assert Command.objects.count() == 1


def test_a_form_that_was_wrong_may_be_sent_again_with_its_key(desk, cp1):
    wrong = send(desk, "/chargers/CP-1/commands/?do=trigger", message="Nonsense", once=KEY)
    assert "Nonsense is not one of the available choices" in wrong.content.decode()
    send(desk, "/chargers/CP-1/commands/?do=trigger", message="Heartbeat", once=KEY)
    assert Command.objects.count() == 1


def test_one_that_fails_leaves_nothing_behind(alice):
    request = sent()
    with pytest.raises(RuntimeError):
        deeds.once(request, alice, fail)
    assert not Deed.objects.exists()


def fail() -> HttpResponse:
    raise RuntimeError("the database is away")


def test_the_keys_of_two_people_do_not_meet(alice, bob):
    request = sent()
    for person in (alice, bob):
        assert led_to(request, person, "/done/") == "/done/"
    assert Deed.objects.count() == 2


@pytest.mark.parametrize("key", ["", "x" * 32, "0" * 33, "' OR 1=1--"])
def test_what_is_no_key_is_none(alice, key):
    request = sent(key)
    told = [led_to(request, alice, f"/{letter}/") for letter in "ab"]
    assert told == ["/a/", "/b/"]


def test_keys_are_forgotten_after_a_day(alice):
    deed = Deed.objects.create(person=alice, key=KEY, led_to="/")
    retention.forget_old(at=deed.at + timedelta(hours=23))
    assert Deed.objects.exists()
    retention.forget_old(at=deed.at + timedelta(hours=25))
    assert not Deed.objects.exists()


@pytest.fixture
def in_a_file(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database in a file, as a yard has it.

    Where two threads share one in memory, SQLite refuses who should wait for the other: SQLITE_LOCKED, not BUSY.
    """
    shared = connections["default"]
    if shared.vendor != "sqlite":
        yield
        return
    monkeypatch.setitem(shared.settings_dict, "NAME", str(made_once.sqlite(tmp_path)))
    connections["default"] = connections.create_connection("default")
    yield
    connections["default"].close()
    connections["default"] = shared


def test_of_two_at_the_same_moment_the_second_waits_for_the_first(in_a_file, django_user_model):
    alice = django_user_model.objects.create_user("alice")
    request = sent()
    has_begun, may_end, done = threading.Event(), threading.Event(), []

    def slow() -> HttpResponse:
        has_begun.set()
        assert may_end.wait(20)
        return HttpResponseRedirect("/first/")

    def ask(do) -> None:
        try:
            done.append(getattr(deeds.once(request, alice, do), "url", ""))
        finally:
            connections.close_all()

    first = threading.Thread(target=ask, args=(slow,))
    second = threading.Thread(target=ask, args=(lambda: HttpResponseRedirect("/second/"),))
    first.start()
    assert has_begun.wait(20)
    second.start()
    second.join(0.1)
    assert second.is_alive()
    may_end.set()
    first.join(20)
    second.join(20)
    assert done == ["/first/", "/first/"]
