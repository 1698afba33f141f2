"""The library at the desk: drawn, judged at once, sent with a preview, and never by somebody who may only look."""

from __future__ import annotations

import pytest
from django.urls import reverse

from chargers.models import Command, Job, Site
from smartcharging.models import Placement, SavedProfile

FORM = {
    "name": "Night", "note": "", "purpose": "tx_default", "kind": "recurring", "unit": "A", "stack_level": "0",
    "recurrency": "daily", "start_local": "00:00", "start": ["00:00", "06:00", ""], "limit": ["16", "10", ""],
    "phases": ["", "", ""], "more": ["", "", ""],
}  # fmt: skip


@pytest.fixture
def saved(desk):
    desk.post(reverse("profile-new"), FORM)
    return SavedProfile.objects.get()


def said(answer):
    return " ".join(answer.content.decode().split())


def test_an_empty_library_says_what_it_is_for(desk):
    assert "The library is empty" in said(desk.get(reverse("profiles")))


def test_what_was_drawn_is_kept_and_shown_again(desk, saved):
    assert saved.draft["periods"] == [{"start_s": 0, "limit": 16.0}, {"start_s": 21_600, "limit": 10.0}]
    page = said(desk.get(reverse("profile", args=[saved.pk])))
    assert 'value="06:00"' in page and 'value="10"' in page
    assert "daily from 00:00" in said(desk.get(reverse("profiles")))


def test_steps_may_be_typed_in_any_order(desk):
    rows = {"start": ["12:00", "00:00", "06:30"], "limit": ["8", "16", "10"], "phases": [""] * 3, "more": [""] * 3}
    desk.post(reverse("profile-new"), FORM | rows)
    assert [period["limit"] for period in SavedProfile.objects.get().draft["periods"]] == [16, 10, 8]


def test_what_no_version_takes_is_refused_in_place_with_its_requirement(desk):
    page = said(
        desk.post(reverse("profile-new"), FORM | {"start": ["01:00"], "limit": ["16"], "phases": [""], "more": [""]})
    )
    assert "The first period must start at 0. (" in page
    assert 'value="01:00"' in page
    assert not SavedProfile.objects.exists()


def test_the_composite_of_a_charger_is_drawn_with_what_speaks_against_it(desk, saved, cp1, cp3):
    url = reverse("profile-preview", args=[saved.pk])
    page = said(desk.post(url, FORM | {"charger": "cp-1", "at_evse": "1"}))
    assert "<path" in page and "with this profile" in page
    assert "Nothing in its specification speaks against it (OCPP 1.6)." in page
    page = said(desk.post(url, FORM | {"charger": "CP-1", "kind": "dynamic"}))
    assert "Dynamic profiles came with OCPP 2.1. (OCPP 1.6 §7.9)" in page
    page = said(desk.post(url, FORM | {"more": ["{broken", "", ""]}))
    assert "is not JSON" in page
    assert "We know no charger CP-77" in said(desk.post(url, FORM | {"charger": "CP-77"}))


def test_it_is_sent_only_after_a_preview_of_who_gets_it(desk, saved, cp1, cp2):
    site = Site.objects.create(name="Yard")
    for charger in (cp1, cp2):
        charger.site = site
        charger.save()
    url = reverse("profile-push", args=[saved.pk])
    told = {"site": site.pk, "chargers": "", "place": "each", "evse_id": "1"}
    page = said(desk.post(url, told))
    assert "It goes to 2 places." in page
    assert not Job.objects.exists()
    confirmed = page.split('name="confirmed" value="')[1].split('"')[0]
    answer = desk.post(url, told | {"confirmed": confirmed})
    job = Job.objects.get()
    assert answer.url == reverse("job", args=[job.pk])
    assert job.commands.count() == Placement.objects.count() == 2
    assert "on its way" in said(desk.get(reverse("profile", args=[saved.pk])))


def test_a_push_to_nobody_and_to_chargers_that_nobody_knows_is_answered(desk, saved):
    url = reverse("profile-push", args=[saved.pk])
    told = {"site": "", "chargers": "", "place": "each", "evse_id": "1"}
    assert "It can go nowhere." in said(desk.post(url, told))
    assert "We know no charger CP-9" in said(desk.post(url, told | {"chargers": "CP-9"}))
    assert not Command.objects.exists()


def test_it_is_not_deleted_while_chargers_have_it(desk, saved, cp1):
    Placement.objects.create(
        saved=saved, saved_version=1, charger=cp1, number=1, profile={}, changed_at=saved.changed_at
    )
    desk.post(reverse("profile-act", args=[saved.pk]), {"do": "delete"})
    assert SavedProfile.objects.exists()
    desk.post(reverse("profile-act", args=[saved.pk]), {"do": "withdraw"})
    desk.post(reverse("profile-act", args=[saved.pk]), {"do": "delete"})
    assert not SavedProfile.objects.exists()


def test_who_may_only_look_changes_nothing(onlooker, saved):
    assert onlooker.get(reverse("profile", args=[saved.pk])).status_code == 200
    assert onlooker.post(reverse("profile", args=[saved.pk]), FORM | {"name": "Mine"}).status_code == 403
    assert onlooker.post(reverse("profile-act", args=[saved.pk]), {"do": "delete"}).status_code == 403
    assert onlooker.get(reverse("profile-push", args=[saved.pk])).status_code == 403
    assert SavedProfile.objects.get().name == "Night"
