from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers import behaviour, protocol
from chargers.models import Boot, Exchange, PackUse
from portal.tests.desk.conftest import part

ACME = "vendor=Acme&model=Wallbox+22&firmware=1.0.0"


@pytest.fixture(autouse=True)
def fresh(db):
    behaviour.forget()
    yield
    behaviour.forget()


@pytest.fixture
def mistakes(cp1):
    """Six clocks that are off, and a refusal."""
    at = timezone.now() - timedelta(minutes=9)
    Boot.objects.create(
        charger=cp1, received_at=at, epoch=1, firmware_version="1.0.0", verdict="Accepted", interval_s=1
    )
    told = {"charger": cp1, "epoch": 1, "origin": "charger", "requested_at": at, "action": "StatusNotification"}
    for _ in range(6):
        Exchange.objects.create(outcome="result", findings=["Its clock is 7,200 s ahead of ours."], **told)
    refused = Exchange.objects.create(outcome="error", error_code="FormationViolation", **told)
    protocol.roll_up(at=timezone.now())
    return refused


def test_each_model_shows_what_it_breaks_and_the_pack_that_the_log_suggests(desk, mistakes):
    rows = part(desk, "/protocol/", "rows")
    assert "Acme Wallbox 22" in rows
    assert "1 refused" in rows
    assert "local-time-without-zone?" in rows
    assert "1 of 1 chargers breaks the protocol, 1 so that we had to refuse." in desk.get("/protocol/").content.decode()


def test_each_kind_leads_to_the_frame_that_shows_it(desk, mistakes):
    kinds = part(desk, f"/protocol/?{ACME}", "kinds")
    assert "Its clock is # s ahead of ours." in kinds
    assert f"/chargers/CP-1/log/{mistakes.pk}/" in kinds
    assert "refused it" in kinds and "put it right" in kinds


def test_a_charger_has_its_own(desk, mistakes, cp2):
    assert "FormationViolation" in part(desk, "/protocol/?charger=cp-1", "kinds")
    assert "FormationViolation" not in part(desk, "/protocol/?charger=CP-2", "kinds")


@pytest.mark.parametrize(
    ("query", "is_shown"), [("q=wallbox", True), ("q=clock", True), ("q=zz", False), ("refused=yes", True)]
)
def test_the_list_is_searched(desk, mistakes, query, is_shown):
    assert ("Wallbox 22" in part(desk, f"/protocol/?{query}", "rows")) is is_shown


def test_staff_use_a_pack_and_leave_it_out(desk, onlooker, mistakes, alice):
    told = {"vendor": "Acme", "model": "Wallbox 22", "firmware": "1.0.0", "is_on": "yes"}
    assert onlooker.post("/protocol/packs/local-time-without-zone/", told).status_code == 403
    page = desk.post("/protocol/packs/local-time-without-zone/", told, follow=True).content.decode()
    assert "holds for Acme Wallbox 22 1.0.0" in page
    use = PackUse.objects.get()
    assert (use.pack, use.is_on, use.decided_by) == ("local-time-without-zone", True, alice)
    desk.post("/protocol/packs/local-time-without-zone/", {**told, "is_on": "no"})
    assert not PackUse.objects.get().is_on


def test_packs_say_what_they_are_for_in_the_language_of_the_reader(desk, db):
    page = desk.get("/protocol/", headers={"Accept-Language": "de"}).content.decode()
    assert "Zählerstände in kWh, die Wh sagen" in page
    assert "Erst wählen, wenn eine Ablesung vor Ort es bestätigt." in page


def test_an_unknown_pack_is_said_to_be_none(desk, db):
    page = desk.post("/protocol/packs/nonsense/", {"vendor": "x"}, follow=True).content.decode()
    assert "There is no behaviour pack &#x27;nonsense&#x27;" in page


def test_the_page_takes_as_many_queries_for_many_models_as_for_few(desk, make_charger, django_assert_max_num_queries):
    at = timezone.now() - timedelta(minutes=9)
    for number in range(30):
        charger = make_charger(f"CP-{number}", vendor="V", model=f"M{number}")
        Exchange.objects.create(
            charger=charger, epoch=1, origin="charger", requested_at=at, outcome="result", findings=["x is missing."]
        )
    protocol.roll_up(at=timezone.now())
    for page in ("/protocol/", "/protocol/?vendor=V&model=M1&firmware="):
        with django_assert_max_num_queries(14):
            desk.get(page)
