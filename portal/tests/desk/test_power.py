"""How a site's page and a session's page tell who gets how much."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from chargers.models import Site
from chargers.rows import dated
from sessions.models import ChargingSession, MeterValue
from smartcharging import planning
from smartcharging.models import CapacitySignal, LimitNode, Outlet, SitePlan


@pytest.fixture
def site(cp1):
    site = Site.objects.create(name="Yard")
    cp1.site = site
    cp1.save()
    return site


@pytest.fixture
def shared(site, cp1):
    SitePlan.objects.create(site=site, is_on=True)
    node = LimitNode.objects.create(site=site, name="Main fuse", l1_a=16, l2_a=16, l3_a=16)
    Outlet.objects.create(node=node, charger=cp1, evse_id=1)
    planning.plan_site(site.pk, at=timezone.now())
    return site


def page(client, name, *args):
    answer = client.get(reverse(name, args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_site_that_was_never_drawn_shows_no_power(client, alice, site):
    client.force_login(alice)
    assert "site-power" not in page(client, "site", site.pk)


def test_a_site_shows_its_limits_and_says_when_it_is_not_safe(client, alice, shared):
    client.force_login(alice)
    html = page(client, "site", shared.pk)
    assert "Main fuse, L1" in html
    assert "2.00 times the limit" in html  # a cable of 32 A behind 16 A, and no default confirmed yet


def test_a_limit_of_power_is_told_in_kilowatts(client, alice, shared):
    CapacitySignal.objects.create(
        site=shared, source="Grid operator", limit_w=6900, from_at=timezone.now(), told_at=timezone.now()
    )
    client.force_login(alice)
    html = page(client, "site", shared.pk)
    row = html[html.index("Grid operator, power") :].partition("</tr>")[0]
    assert "6.9" in row and "kW" in row and " A<" not in row


def test_a_tree_that_cannot_be_says_so_on_the_page(client, alice, shared):
    node = LimitNode.objects.get()
    LimitNode.objects.create(site=shared, name="Panel", parent=node, l1_a=99)
    planning.plan_site(shared.pk, at=timezone.now())
    client.force_login(alice)
    assert "bears 99 A on L1" in page(client, "site", shared.pk)


def test_the_fullness_of_a_site_is_a_figure_for_prometheus(client, shared):
    answer = client.get("/metrics")
    assert 'chargeyard_site_fullness{site="Yard"} 2.0' in answer.content.decode()


def test_a_site_shows_what_building_and_cars_take_of_each_limit_now(client, alice, shared, cp1):
    SitePlan.objects.update(building_worst_a=[4, 3, 2])
    at = timezone.now()
    session = ChargingSession.objects.create(
        charger=cp1, evse_id=1, transaction_id="7", started_at=at, started_received_at=at
    )
    MeterValue.objects.create(
        charger=cp1, session=session, evse_id=1, measured_at=at, received_at=at, current_a=6.5, key=dated(uuid4(), at),
        digest=uuid4(),
    )  # fmt: skip
    client.force_login(alice)
    row = page(client, "site", shared.pk).split("Main fuse, L1")[1].split("</tr>")[0]
    figures = [cell.split(">")[-1] for cell in row.split("</td>") if " A" in cell]
    assert figures == ["16.0 A", "4.0 A", "6.5 A", "32.0 A", "-20.0 A"]  # no default is confirmed: its cable counts


def test_who_disobeyed_is_led_again_by_a_click_unless_an_edge_leads(client, alice, shared):
    outlet = Outlet.objects.get()
    client.force_login(alice)
    assert "lead it again" not in page(client, "site", shared.pk)
    Outlet.objects.update(is_wild=True)
    assert "lead it again" in page(client, "site", shared.pk)
    url = reverse("site-trust", args=[shared.pk])
    SitePlan.objects.update(leader="edge")
    assert "Take the lead back first" in client.post(url, {"outlet": outlet.pk}, follow=True).content.decode()
    assert Outlet.objects.get().is_wild
    SitePlan.objects.update(leader="cloud")
    assert "CP-1 is led again" in client.post(url, {"outlet": outlet.pk}, follow=True).content.decode()
    assert not Outlet.objects.get().is_wild


def test_who_may_only_look_trusts_nobody(onlooker, shared):
    Outlet.objects.update(is_wild=True)
    assert "lead it again" not in page(onlooker, "site", shared.pk)
    assert onlooker.post(reverse("site-trust", args=[shared.pk]), {"outlet": "1"}).status_code == 403


def test_a_running_session_says_why_it_gets_no_more(client, alice, shared, cp1):
    session = ChargingSession.objects.create(
        charger=cp1, evse_id=1, transaction_id="7", started_at=timezone.now(), started_received_at=timezone.now()
    )
    Outlet.objects.update(target_a=9, bound_by="Main fuse, L1")
    client.force_login(alice)
    html = page(client, "session", session.pk)
    assert "The site gives it 9 A per phase; Main fuse, L1 has no more to share." in html
