"""The pages of firmware: adding an image, choosing and previewing a campaign, and steering it."""

from __future__ import annotations

import hashlib
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from chargers.campaigns import care
from chargers.models import Campaign, FirmwareImage, Upload
from portal.tests.desk.conftest import part

CONTENT = b"firmware" * 100
LABEL = {"vendor": "acme", "model": "Wall*", "version": "2.0"}
RULES = {
    "ring_sizes": "1, rest", "halt_percent": "10", "most_at_once": "10", "most_per_site": "2", "soak_minutes": "30",
    "session_patience_hours": "48", "deadline_minutes": "120", "only_idle": "on", "needs_session": "on",
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.MEDIA_ROOT, settings.FILES_BUCKET = tmp_path, ""


@pytest.fixture
def fleet(make_charger):
    told = {"vendor": "Acme", "model": "Wallbox 22", "firmware_version": "1.0"}
    return [make_charger(f"CP-{number}", **told) for number in range(12)] + [make_charger("X-1", vendor="Other")]


def send(client, name="w-2.0.bin", content=CONTENT, **more):
    file = SimpleUploadedFile(name, content)
    return client.post("/firmware/images/new/", {"file": file, **LABEL, **more}, follow=True).content.decode()


@pytest.fixture
def image(desk, fleet):
    send(desk)
    return FirmwareImage.objects.get()


def test_an_image_is_kept_with_its_sum_and_matched_with_its_chargers(desk, fleet):
    FleetMember = type(fleet[0])  # noqa: N806
    FleetMember.objects.filter(identity="CP-3").update(firmware_version="2.0")
    page = send(desk, sha256=hashlib.sha256(CONTENT).hexdigest().upper())
    assert "1 of 12 chargers run it." in page
    assert "X-1" not in page
    assert FirmwareImage.objects.get().sha256 == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"sha256": "00"}, "it was damaged on its way, or is another one."),
        ({"name": "page.html"}, "is no firmware by its ending"),
        ({"name": "noending"}, "is no firmware by its ending"),
        ({"signature": "c2ln"}, "Signature and signing certificate go together"),
        ({"signature": "c2ln", "certificate": "PEM"}, "This is no certificate in PEM"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence_and_leaves_no_file(desk, fleet, settings, given, sentence):
    assert sentence in send(desk, **given)
    assert not FirmwareImage.objects.exists()
    assert not [file for file in settings.MEDIA_ROOT.rglob("*") if file.is_file()]


def test_a_script_that_uploads_is_told_where_to_lead_and_gets_the_errors_as_a_page(desk, fleet):
    form = {"vendor": "Acme", "model": "Wallbox*", "version": "2.0"}
    script = {"X-Upload": "yes"}
    wrong = desk.post("/firmware/images/new/", form, headers=script)
    assert (wrong.status_code, "data-upload " in wrong.content.decode()) == (200, True)
    file = SimpleUploadedFile("w-2.0.bin", CONTENT)
    done = desk.post("/firmware/images/new/", {**form, "file": file}, headers=script)
    assert (done.status_code, done["X-Leads-To"]) == (204, f"/firmware/images/{FirmwareImage.objects.get().pk}/")


def test_how_much_of_a_log_has_come_is_shown(desk, cp1):
    row = {"kind": "diagnostics", "asked_at": timezone.now(), "expires_at": timezone.now(), "state": "uploading"}
    Upload.objects.create(charger=cp1, name="a", done_bytes=3_200_000, announced_bytes=10_000_000, **row)
    Upload.objects.create(charger=cp1, name="b", done_bytes=5_000, **row)
    rows = part(desk, "/firmware/logs/", "rows").replace("\xa0", " ")
    assert "uploading, 3.1 MB of 9.5 MB" in rows and '<progress value="3200000" max="10000000"' in rows
    assert "uploading, 4.9 KB so far" in rows


def test_the_same_version_is_not_added_twice(desk, image, settings):
    assert "There is an image of version 2.0 for acme Wall* already." in send(desk)
    assert len([file for file in settings.MEDIA_ROOT.rglob("*") if file.is_file()]) == 1


def test_a_name_of_a_file_is_shown_and_never_a_path(desk, fleet):
    page = send(desk, name="../../<b>evil.bin")
    image = FirmwareImage.objects.get()
    assert re.fullmatch(r"firmware/[0-9a-f]{32}\.bin", image.name)
    assert "<b>evil" not in page


def preview(client, image, query="", **more):
    return client.post(f"/firmware/campaigns/new/?image={image.pk}{query}", {**RULES, **more}).content.decode()


def digest(page):
    found = re.search(r'name="confirmed" value="([0-9a-f]+)"', page)
    assert found, page
    return found[1]


def begin(client, image, typed="", query="", **more):
    confirmed = digest(preview(client, image, query, **more))
    data = {**RULES, **more, "confirmed": confirmed, "typed": typed}
    return client.post(f"/firmware/campaigns/new/?image={image.pk}{query}", data, follow=True).content.decode()


def test_the_preview_says_who_is_hit_and_begins_nothing(desk, image, fleet, start):
    for charger, changes in ((fleet[0], {"firmware_version": "2.0"}), (fleet[1], {"is_online": False})):
        type(charger).objects.filter(pk=charger.pk).update(**changes)
    start(fleet[2])
    page = preview(desk, image)
    assert "12 chargers match, 1 already runs it, 1 is offline, 1 is charging." in page
    assert "Rings of 1 and 11" in page
    assert not Campaign.objects.exists()


def test_many_want_their_number_typed_and_few_do_not(desk, image, alice):
    assert "That is not 12." in begin(desk, image, typed="11")
    assert not Campaign.objects.exists()
    begin(desk, image, typed="12")
    assert Campaign.objects.get().participants.count() == 12
    begin(desk, image, query="&q=CP-3")
    campaign = Campaign.objects.latest("pk")
    assert [part.charger.identity for part in campaign.participants.all()] == ["CP-3"]
    assert (campaign.created_by, campaign.chosen_by) == (alice, "q=CP-3")
    assert campaign.base_url == "http://testserver"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"ring_sizes": "a few"}, "&#x27;a few&#x27; is no ring: write a number of chargers"),
        ({"window_from": "22:00"}, "A window has a beginning and an end"),
        ({"halt_percent": "101"}, "less than or equal to 100"),
    ],
)
def test_rules_that_make_no_sense_are_refused_with_a_sentence(desk, image, given, sentence):
    page = preview(desk, image, **given)
    assert sentence in page and 'name="confirmed"' not in page


@pytest.fixture
def campaign(image, fleet, alice):
    return care.start(image, fleet[:12], title="Spring", ring_sizes="1, rest", by=alice, at=timezone.now())


def test_the_page_shows_rings_and_why_each_waits(desk, campaign):
    campaign.participants.filter(ring=2).update(why="Ring 2 begins when ring 1 is through.")
    page = desk.get(f"/firmware/campaigns/{campaign.pk}/").content.decode()
    assert "Spring: 0 of 12 done." in page
    assert page.count('class="dot ') == 12
    assert "Ring 2 begins when ring 1 is through." in part(desk, f"/firmware/campaigns/{campaign.pk}/?ring=2", "rows")


def test_it_is_held_and_goes_on_and_ends_by_staff_only(desk, onlooker, campaign):
    act = f"/firmware/campaigns/{campaign.pk}/act/"
    assert onlooker.post(act, {"do": "cancel"}).status_code == 403
    for do, status in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        desk.post(act, {"do": do})
        campaign.refresh_from_db()
        assert campaign.status == status
    assert "This campaign is cancelled." in desk.post(act, {"do": "resume"}, follow=True).content.decode()


def test_an_image_that_a_campaign_tells_of_is_not_deleted(desk, image, campaign):
    page = desk.post(f"/firmware/images/{image.pk}/delete/", follow=True).content.decode()
    assert "is in a campaign" in page and FirmwareImage.objects.exists()


@pytest.mark.parametrize("path", ["", "images/", "images/new/", "campaigns/new/", "logs/"])
def test_pages_without_anything_teach_what_to_do(desk, path):
    assert desk.get(f"/firmware/{path}").status_code == 200


def test_onlookers_look_and_do_not_act(onlooker, campaign, image):
    for path in ("", "images/", f"images/{image.pk}/", f"campaigns/{campaign.pk}/", "logs/"):
        assert onlooker.get(f"/firmware/{path}").status_code == 200
    for path in ("images/new/", "campaigns/new/", f"images/{image.pk}/download/"):
        assert onlooker.get(f"/firmware/{path}").status_code == 403


def test_a_large_campaign_costs_its_page_no_more_queries(
    desk, image, make_charger, alice, django_assert_max_num_queries
):
    fleet = [make_charger(f"N-{number}", vendor="Acme", model="Wallbox 1") for number in range(200)]
    campaign = care.start(image, fleet, title="All", ring_sizes="5, rest", by=alice, at=timezone.now())
    with django_assert_max_num_queries(16):
        desk.get(f"/firmware/campaigns/{campaign.pk}/")


def test_the_charger_page_links_to_its_campaign(desk, campaign):
    page = desk.get("/chargers/CP-1/firmware/").content.decode()
    assert f"/firmware/campaigns/{campaign.pk}/" in page
