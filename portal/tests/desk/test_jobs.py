from __future__ import annotations

import re

import pytest
from django.utils import timezone

from chargers.models import Command, CommandStatus, Job
from portal.tests.desk.conftest import part

SOFT = {"kind": "soft"}


@pytest.fixture
def fleet(make_charger):
    return [make_charger(f"CP-{number}", vendor="Acme") for number in range(4)] + [make_charger("X-1", vendor="Other")]


def digest(page: str) -> str:
    found = re.search(r'name="confirmed" value="([0-9a-f]+)"', page)
    assert found, page
    return found[1]


def order(client, query="vendor=Acme&do=reset", typed="4", **fields):
    page = client.post(f"/jobs/new/?{query}", {**SOFT, **fields}).content.decode()
    return client.post(
        f"/jobs/new/?{query}", {**SOFT, **fields, "confirmed": digest(page), "typed": typed}, follow=True
    )


def test_all_that_match_get_the_order_and_nobody_else(desk, fleet, alice):
    page = order(desk).content.decode()
    job = Job.objects.get()
    assert sorted(job.commands.values_list("charger__identity", flat=True)) == ["CP-0", "CP-1", "CP-2", "CP-3"]
    assert {(c.verb, c.arguments["kind"], c.requested_by) for c in job.commands.all()} == {("reset", "soft", alice)}
    assert "4 of 4 still wait." in page
    assert '<a href="/chargers/?vendor=Acme">vendor=Acme</a>' in page


def test_the_preview_says_who_is_hit_before_anything_is_ordered(desk, fleet, start):
    start(fleet[0])
    page = desk.post("/jobs/new/?vendor=Acme&do=reset", SOFT).content.decode()
    assert "This reaches 4 chargers. 1 is charging." in page
    assert "Type 4 to confirm" in page
    assert not Command.objects.exists()


def test_what_can_harm_many_wants_the_number_typed(desk, fleet):
    assert "That is not 4." in order(desk, typed="3").content.decode()
    assert not Job.objects.exists()


def test_what_harms_nobody_only_wants_the_preview(desk, fleet):
    order(desk, query="vendor=Acme&do=read_settings", typed="")
    assert Job.objects.get().verb == "read_settings"


def test_a_charger_that_came_meanwhile_is_not_hit_unseen(desk, fleet, make_charger):
    page = desk.post("/jobs/new/?vendor=Acme&do=reset", SOFT).content.decode()
    make_charger("CP-9", vendor="Acme")
    desk.post("/jobs/new/?vendor=Acme&do=reset", {**SOFT, "confirmed": digest(page), "typed": "4"})
    assert not Job.objects.exists()


def test_each_charger_shows_its_own_result(desk, fleet):
    order(desk)
    job = Job.objects.get()
    first, second, *_ = job.commands.order_by("charger__identity")
    now = timezone.now()
    Command.objects.filter(pk=first.pk).update(status="accepted", sent_at=now, settled_at=now)
    Command.objects.filter(pk=second.pk).update(status="rejected", sent_at=now, settled_at=now)
    rows = part(desk, f"/jobs/{job.pk}/?status=failed", "rows")
    assert "CP-1" in rows and "CP-0" not in rows
    head = part(desk, f"/jobs/{job.pk}/", "job-head")
    assert "2 of 4 still wait." in head and "Retry the one that failed" in head


def test_those_that_failed_are_tried_again_as_a_job_of_their_own(desk, fleet):
    order(desk)
    job = Job.objects.get()
    job.commands.filter(charger=fleet[1]).update(status=CommandStatus.REJECTED)
    desk.post(f"/jobs/{job.pk}/act/", {"do": "retry"})
    again = Job.objects.exclude(pk=job.pk).get()
    assert again.retry_of == job
    assert [command.charger for command in again.commands.all()] == [fleet[1]]
    page = desk.post(f"/jobs/{again.pk}/act/", {"do": "retry"}, follow=True).content.decode()
    assert "Nothing has failed." in page


def test_what_waits_is_withdrawn_and_what_was_sent_is_not(desk, fleet):
    order(desk)
    job = Job.objects.get()
    job.commands.filter(charger=fleet[0]).update(status=CommandStatus.SENT)
    assert "What was sent cannot be called back." in part(desk, f"/jobs/{job.pk}/", "job-head")  # asked before
    assert "3 withdrawn" in desk.post(f"/jobs/{job.pk}/act/", {"do": "cancel"}, follow=True).content.decode()
    assert sorted(job.commands.values_list("status", flat=True)) == ["cancelled"] * 3 + ["sent"]


def test_a_charger_whose_version_has_no_words_for_it_is_left_out(desk, fleet, make_charger):
    from portal.forms.commands import FORMS

    newer_only = [name for name, form in FORMS.items() if "ocpp1.6" not in form.versions]
    assert not set(newer_only) & {"reset", "trigger", "read_settings"}
    make_charger("CP-10", vendor="Acme", subprotocol="ocpp9")
    page = desk.get("/jobs/new/?vendor=Acme&do=reset").content.decode()
    assert "One order to 4 chargers." in page
    assert "1 more match" in page


def test_bob_watches_and_orders_nothing(onlooker, desk, fleet):
    order(desk)
    job = Job.objects.get()
    assert onlooker.get(f"/jobs/{job.pk}/").status_code == 200
    assert onlooker.post("/jobs/new/?do=reset", SOFT).status_code == 403
    assert onlooker.post(f"/jobs/{job.pk}/act/", {"do": "cancel"}).status_code == 403


def test_the_list_leads_from_its_filter_to_the_order(desk, fleet):
    rows = part(desk, "/chargers/?vendor=Acme", "rows")
    assert 'href="/jobs/new/?vendor=Acme"' in rows
    assert "Order of all 4 that match" in rows


def test_a_job_takes_as_many_queries_for_many_chargers_as_for_few(desk, make_charger, django_assert_max_num_queries):
    for number in range(60):
        make_charger(f"CP-{number}", vendor="Acme")
    order(desk, typed="60")
    with django_assert_max_num_queries(12):
        desk.get(f"/jobs/{Job.objects.get().pk}/")
