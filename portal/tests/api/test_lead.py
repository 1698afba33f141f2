"""Who leads a site, by REST: given, taken back, and written down with a name."""

from __future__ import annotations

import pytest
from django.utils import timezone

from chargers.models import Site
from smartcharging import handover
from smartcharging.models import LimitNode, Outlet, SitePlan

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(cp1):
    site = Site.objects.create(name="Yard")
    cp1.site = site
    cp1.save()
    SitePlan.objects.create(site=site, is_on=True)
    Outlet.objects.create(
        node=LimitNode.objects.create(site=site, name="connection", l1_a=40, l2_a=40, l3_a=40), charger=cp1, evse_id=1
    )
    return site


def url(site):
    return f"/api/v1/sites/{site.pk}/lead/"


def report(site, **more):
    told = {
        "schema": handover.REPORT, "epoch": SitePlan.objects.get().epoch, "is_leading": True, "fullness": 0.5,
        "version": "0.1.0", "kept_frames": 7, "outlets": [], **more,
    }  # fmt: skip
    assert handover.reported(site.pk, told, at=timezone.now())


def test_the_lead_is_given_and_taken_back_and_who_asked_is_told(api, site):
    body = api.get(url(site)).json()
    assert (body["leader"], body["since"], body["changes"]) == ("cloud", None, [])
    body = api.put(url(site), {"leader": "edge"}).json()
    assert (body["leader"], body["edge_heard_at"], body["is_edge_silent"]) == ("edge", None, True)
    report(site)
    body = api.get(url(site)).json()
    assert (body["edge_version"], body["edge_kept_frames"], body["is_edge_silent"]) == ("0.1.0", 7, False)
    assert api.put(url(site), {"leader": "cloud"}).json()["leader"] == "returning"
    again = api.put(url(site), {"leader": "edge"})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert "on its way back" in again.json()["detail"]
    report(site, is_leading=False)
    body = api.get(url(site)).json()
    assert [(change["leader"], change["by"]) for change in body["changes"]] == [
        ("cloud", "the edge, which has stopped"),
        ("returning", body["changes"][1]["by"]),
        ("edge", body["changes"][1]["by"]),
    ]
    assert body["changes"][1]["by"]


def test_a_site_that_is_not_shared_has_nobody_to_give_it_to(api):
    site = Site.objects.create(name="Field")
    assert api.get(url(site)).status_code == 404
    refused = api.put(url(site), {"leader": "edge"})
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "Field does not share its power; draw its limits and switch sharing on first.",
    )
    assert api.put(url(site), {"leader": "me"}).status_code == 400


def test_what_a_charger_may_draw_at_worst_is_the_word_of_whoever_leads(api, site):
    api.put(url(site), {"leader": "edge"})
    told = {
        "charger": "CP-1", "evse_id": 1, "target_a": 10.0, "bound_by": "", "is_queued": False, "is_wild": False,
        "worst_a": 11.0, "transaction_id": "",
    }  # fmt: skip
    report(site, outlets=[told])
    (outlet,) = api.get(f"/api/v1/sites/{site.pk}/power/").json()["outlets"]
    assert (outlet["target_a"], outlet["worst_a"]) == (10, 11)
