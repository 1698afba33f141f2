from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from chargers.models import Site
from portal.tests.desk.conftest import part
from sessions import costs, tariffs
from sessions.models import Tariff

TOLD = {"currency": "EUR", "per_kwh": "0.45", "per_minute": "", "start_fee": "1"}


@pytest.fixture
def site(db):
    return Site.objects.create(name="Rathaus", timezone="Europe/Berlin")


def test_a_tariff_is_set_shown_changed_and_withdrawn(desk, site, alice):
    page = desk.get(f"/sites/{site.pk}/").content.decode()
    assert "sessions here have no cost" in page
    desk.post("/sites/tariff/", TOLD | {"per_kwh": "0.6"})
    assert "The one for all sites without their own" in desk.get(f"/sites/{site.pk}/").content.decode()
    page = desk.post(f"/sites/{site.pk}/tariff/", TOLD, follow=True).content.decode()
    assert "0.45 EUR per kWh, 1.00 to start" in page
    assert Tariff.objects.latest("pk").set_by == alice
    assert "Withdraw it" in desk.get(f"/sites/{site.pk}/tariff/").content.decode()
    page = desk.post(f"/sites/{site.pk}/tariff/", {"withdraw": "yes"}, follow=True).content.decode()
    assert "0.60 EUR per kWh" in page
    assert "Withdraw it" not in desk.get(f"/sites/{site.pk}/tariff/").content.decode(), "it is not this site's"
    assert "0.60 EUR per kWh" in desk.get("/sites/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [({"currency": "euro"}, "three capital letters"), ({"per_kwh": "-1"}, "greater than or equal to 0"),
     ({"per_kwh": ""}, "required")],
)  # fmt: skip
def test_what_is_no_tariff_is_sent_back_with_its_reason(desk, site, wrong, sentence):
    assert sentence in desk.post(f"/sites/{site.pk}/tariff/", TOLD | wrong).content.decode()
    assert not Tariff.objects.exists()


def test_bob_sees_the_tariff_and_cannot_set_it(onlooker, site):
    assert onlooker.post(f"/sites/{site.pk}/tariff/", TOLD).status_code == 403
    assert "Set one" not in onlooker.get(f"/sites/{site.pk}/").content.decode()


def test_a_session_shows_what_it_costs_and_by_which_tariff_or_why_nothing(desk, cp1, start):
    now = timezone.now()
    tariff = tariffs.set_tariff(None, currency="EUR", per_kwh=Decimal("0.45"), at=now - timedelta(days=1), by=None)
    session = start(cp1, stopped_at=now, stopped_received_at=now, energy_wh=7250, tariff=tariff)
    shown = part(desk, f"/sessions/{session.pk}/", "session")
    assert "3.26 EUR" in shown and "0.45 EUR per kWh" in shown
    session.needs_review = True
    session.save()
    assert costs.DOUBT in part(desk, f"/sessions/{session.pk}/", "session")
