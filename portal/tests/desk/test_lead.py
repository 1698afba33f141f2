"""Who leads a site, at the desk: asked once more before it changes, and written down with a name."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from chargers.models import Site
from smartcharging import handover
from smartcharging.models import LeadChange, Leader, LimitNode, SitePlan


@pytest.fixture
def site(db):
    site = Site.objects.create(name="Yard")
    SitePlan.objects.create(site=site, is_on=True)
    LimitNode.objects.create(site=site, name="connection", l1_a=40, l2_a=40, l3_a=40)
    return site


def told():
    """By an edge."""
    return {
        "schema": handover.REPORT, "epoch": SitePlan.objects.get().epoch, "is_leading": True, "fullness": 0.5,
        "version": "0.1.0", "kept_frames": 7, "outlets": [],
    }  # fmt: skip


def test_at_the_desk_it_is_asked_once_more_and_written_down_with_a_name(client, alice, site):
    client.force_login(alice)
    page = reverse("site-lead", args=[site.pk])
    assert "This yard leads Yard." in client.get(page).content.decode()
    assert "Let the edge lead?" in client.get(f"{page}?do=give").content.decode()
    assert SitePlan.objects.get().leader == Leader.CLOUD, "asked, not done"
    client.post(page, {"do": "give"})
    html = client.get(page).content.decode()
    assert "The edge of Yard leads, and is not heard." in html
    assert "led by its edge, not heard yet" in client.get(reverse("site", args=[site.pk])).content.decode()
    handover.reported(site.pk, told(), at=timezone.now())
    html = client.get(page).content.decode()
    assert "The edge of Yard leads." in html and "0.1.0" in html
    client.post(page, {"do": "take"})
    assert SitePlan.objects.get().leader == Leader.RETURNING
    assert "Only if the edge does not run any more" in client.get(f"{page}?do=off").content.decode()
    client.post(page, {"do": "off"})
    assert SitePlan.objects.get().leader == Leader.CLOUD
    assert list(LeadChange.objects.values_list("leader", "by", "is_edge_off")) == [
        ("cloud", "alice", True),
        ("returning", "alice", False),
        ("edge", "alice", False),
    ]


def test_who_may_only_look_sees_who_leads_and_changes_nothing(client, bob, site):
    client.force_login(bob)
    page = reverse("site-lead", args=[site.pk])
    assert "Let an edge lead" not in client.get(page).content.decode()
    assert client.post(page, {"do": "give"}).status_code == 403
    assert SitePlan.objects.get().leader == Leader.CLOUD
