"""What drivers pay, by REST: set, shown, withdrawn; and what a session costs by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import Site
from sessions import costs, tariffs
from sessions.models import ChargingSession, Tariff

TOLD = {"currency": "EUR", "per_kwh": "0.45", "per_minute": "0.02", "start_fee": "1"}
FOR_ALL = "/api/v1/tariff/"


@pytest.fixture
def site(db):
    return Site.objects.create(name="Yard")


@pytest.fixture
def own(site):
    return f"/api/v1/sites/{site.pk}/tariff/"


def test_a_site_shows_its_own_tariff_or_the_one_for_all(api, own, site):
    assert (api.get(own).status_code, api.get(FOR_ALL).status_code) == (404, 404)
    assert api.put(FOR_ALL, {"currency": "EUR", "per_kwh": "0.60"}).json()["start_fee"] == "0.00000"
    assert api.get(own).json()["per_kwh"] == "0.60000" and api.get(own).json()["site"] is None
    answer = api.put(own, TOLD)
    assert answer.status_code == 200, answer.json()
    assert api.get(own).json() == answer.json()
    assert answer.json()["site"] == site.pk and answer.json()["via"] == "rest: integration"
    assert api.delete(own).status_code == 204
    assert api.get(own).json()["per_kwh"] == "0.60000"
    assert Tariff.objects.count() == 3, "nothing is changed or forgotten"


@pytest.mark.parametrize(
    "wrong", [{"currency": "€"}, {"per_kwh": "-1"}, {"per_kwh": "NaN"}, {"per_minute": "1e9"}, {"start_fee": "free"}]
)
def test_what_is_no_tariff_is_refused(api, own, wrong):
    answer = api.put(own, TOLD | wrong)
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, next(iter(wrong)))


def test_who_may_only_look_sets_no_tariff(as_user, bob, own):
    client = as_user(bob)
    assert client.put(own, TOLD).status_code == 403
    assert client.get(own).status_code == 404


def test_a_session_says_what_it_costs_or_why_nothing(api, cp1, site, make_session, django_assert_max_num_queries):
    cp1.site = site
    cp1.save()
    now = timezone.now()
    api.put(f"/api/v1/sites/{site.pk}/tariff/", TOLD)
    ended = {"started_at": now + timedelta(minutes=1), "stopped_at": now + timedelta(minutes=31)}
    sure, doubtful = (
        make_session(cp1, transaction_id=str(n), energy_wh=10_000, needs_review=n == 2, **ended) for n in (1, 2)
    )
    for session in (sure, doubtful):
        tariffs.pin([session])
        session.save()
    with django_assert_max_num_queries(5):
        rows = {row["id"]: row for row in api.get("/api/v1/sessions/").json()["results"]}
    assert (rows[sure.pk]["cost"], rows[sure.pk]["currency"], rows[sure.pk]["no_cost"]) == ("6.10", "EUR", "")
    assert (rows[doubtful.pk]["cost"], rows[doubtful.pk]["no_cost"]) == (None, costs.DOUBT)
    decided = api.post(f"/api/v1/sessions/{doubtful.pk}/review/", {"energy_wh": 2000, "reason": "Read on site."})
    assert decided.json()["cost"] == "2.50"
    assert ChargingSession.objects.get(pk=sure.pk).tariff is not None
