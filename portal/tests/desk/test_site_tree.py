"""Drawing a site's tree at the desk: what cannot be is refused in place with a sentence, and nothing is written."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from chargers.models import Site
from sessions.models import ChargingSession
from smartcharging import leading, planning, profiles
from smartcharging.models import CapacitySignal, ChargingNeeds, EnergyPrice, LimitNode, Outlet, SitePlan
from smartcharging.schedules import Profile


@pytest.fixture
def site(cp1, plug):
    site = Site.objects.create(name="Yard", timezone="Europe/Berlin")
    cp1.site = site
    cp1.save()
    plug(cp1, 1)
    return site


def typed(**more):
    return {
        "is_on": "on", "lease_s": "300", "default_a": "0", "volts": "230",
        "worst_l1_a": "20", "worst_l2_a": "0", "worst_l3_a": "0",
        "node_name": ["Grid", "Panel", ""], "node_parent": ["", "Grid", ""],
        "node_l1_a": ["100", "63", ""], "node_l2_a": ["100", "63", ""], "node_l3_a": ["100", "63", ""],
        "node_limit_kw": ["", "40", ""], "node_buffer_a": ["0", "2,5", ""],
        "outlet_charger": ["CP-1"], "outlet_evse_id": ["1"], "outlet_node": ["Panel"], "outlet_cable_a": ["32"],
        "outlet_phases": ["1"], "outlet_rotation": ["STR"], "outlet_trust": ["B"], **more,
    }  # fmt: skip


def said(answer):
    return " ".join(answer.content.decode().split())


def test_a_site_that_was_never_drawn_offers_its_chargers_on_one_connection(desk, site):
    page = said(desk.get(reverse("site-tree", args=[site.pk])))
    assert 'value="Grid connection"' in page and 'value="CP-1"' in page
    assert "Nobody from outside limits" in page


def test_what_was_typed_is_drawn_and_shown_again(desk, site):
    answer = desk.post(reverse("site-tree", args=[site.pk]), typed())
    assert answer.url == reverse("site", args=[site.pk])
    panel = LimitNode.objects.get(name="Panel")
    assert panel.parent is not None
    assert (panel.parent.name, panel.limit_w, panel.buffer_a) == ("Grid", 40_000, 2.5)
    outlet = Outlet.objects.get()
    assert (outlet.node, outlet.phases, outlet.rotation, outlet.trust) == (panel, 1, "STR", "B")
    assert SitePlan.objects.get().building_worst_a == [20, 0, 0]
    page = said(desk.get(reverse("site-tree", args=[site.pk])))
    assert "3 × 63 A, 40 kW, 2.5 A kept free" in page


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"node_l1_a": ["100", "163", ""]}, "bears 163 A on L1, more than the 100 A"),
        ({"node_parent": ["Panel", "Grid", ""]}, "A site has one grid connection; here are 0"),
        ({"node_parent": ["", "Cellar", ""]}, "which is not one of this site"),
        ({"node_name": ["Grid", "Grid", ""], "node_parent": ["", "Grid", ""]}, "give each a name of its own"),
        ({"node_l2_a": ["100", "many", ""]}, "L2 of &#x27;Panel&#x27; is &#x27;many&#x27;; it must be a number."),
        ({"node_l2_a": ["nan", "63", ""]}, "it must be 0 to 10000"),
        ({"node_l2_a": ["0", "0", ""]}, "draws from L2, which"),
        ({"outlet_charger": ["CP-9"]}, "CP-9 does not stand at Yard"),
        ({"outlet_node": ["Cellar"]}, "hangs on &#x27;Cellar&#x27;"),
        ({"outlet_evse_id": ["0"]}, "whole numbers from 1 on"),
        ({"lease_s": "5"}, "greater than or equal to 30"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_in_place_and_nothing_is_written(desk, site, change, sentence):
    page = said(desk.post(reverse("site-tree", args=[site.pk]), typed(**change)))
    assert sentence in page
    assert 'value="Panel"' in page or 'value="Grid"' in page  # what was typed stays
    assert not SitePlan.objects.exists() and not LimitNode.objects.exists()


def test_the_same_evse_twice_is_refused(desk, site):
    twice = {name: values * 2 for name, values in typed().items() if name.startswith("outlet_")}
    assert "CP-1, EVSE 1 hangs in the tree twice" in said(
        desk.post(reverse("site-tree", args=[site.pk]), typed(**twice))
    )


def test_the_tree_is_checked_and_drawn_while_it_is_typed(desk, site):
    url = reverse("site-tree-check", args=[site.pk])
    assert "This cannot be" not in said(desk.post(url, typed()))
    page = said(desk.post(url, typed(node_l1_a=["10", "63", ""])))
    assert "This cannot be." in page and "Panel" in page
    assert not LimitNode.objects.exists()


def test_somebody_limits_the_site_for_a_time_and_no_longer(desk, site):
    url = reverse("site-signals", args=[site.pk])
    desk.post(
        url, {"signal-source": "Grid operator", "signal-limit_kw": "11", "signal-from_at": "", "signal-to_at": ""}
    )
    signal = CapacitySignal.objects.get()
    assert signal.limit_w == 11_000
    page = said(desk.get(reverse("site-tree", args=[site.pk])))
    assert "Grid operator" in page and "limits now" in page
    desk.post(url, {"end": str(signal.pk)})
    assert "Grid operator" not in said(desk.get(reverse("site-tree", args=[site.pk])))
    past = (timezone.now() - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    answer = desk.post(
        url,
        {"signal-source": "x", "signal-limit_kw": "1", "signal-from_at": "", "signal-to_at": past},
        follow=True,
    )
    assert "before it begins" in said(answer)


def test_prices_are_lines_in_the_time_of_the_site(desk, site):
    url = reverse("site-prices", args=[site.pk])
    desk.post(url, {"prices": "2030-06-01 06:00 0.31 380\n2030-06-01 22:00 0,19"})
    first, second = EnergyPrice.objects.all()
    assert (first.from_at.hour, float(first.per_kwh), first.co2_g_per_kwh) == (4, 0.31, 380)
    assert (float(second.per_kwh), second.co2_g_per_kwh) == (0.19, None)
    assert "is not “day time price”" in said(desk.post(url, {"prices": "cheap at night"}, follow=True))
    assert EnergyPrice.objects.count() == 2


def test_a_site_is_planned_ahead_once_that_is_switched_on_and_energy_has_a_price(desk, site, cp1, cp2, plug):
    """Of two cars the one that has time waits for the cheap hour, and not before that is switched on."""
    cp2.site = site
    cp2.save()
    plug(cp2, 1)
    two = {"outlet_charger": ["CP-1", "CP-2"], "outlet_rotation": ["RST"] * 2, "outlet_trust": ["A"] * 2}
    two |= {name: typed()[name] * 2 for name in ("outlet_evse_id", "outlet_node", "outlet_cable_a", "outlet_phases")}
    at = timezone.now()
    for charger, hours in ((cp1, 1), (cp2, 11)):
        session = ChargingSession.objects.create(
            charger=charger, evse_id=1, transaction_id=charger.identity, started_at=at, started_received_at=at
        )
        ChargingNeeds.objects.create(
            charger=charger, evse_id=1, session=session, energy_wh=9_000, departs_at=at + timedelta(hours=hours),
            told_at=at,
        )  # fmt: skip
        default = Profile(
            leading.profile_id(1, "default"), 0, "tx_default", "absolute",
            schedules=[{"unit": "A", "periods": [{"start_s": 0, "limit": 0}]}],
        )  # fmt: skip
        profiles.install(charger, default, evse_id=1, at=at)
    zone = ZoneInfo("Europe/Berlin")
    hour = at.astimezone(zone)
    lines = [f"{hour - timedelta(hours=1):%Y-%m-%d %H:%M} 0.60", f"{hour + timedelta(hours=1):%Y-%m-%d %H:%M} 0.10"]
    desk.post(reverse("site-prices", args=[site.pk]), {"prices": "\n".join(lines)})

    def patient_a(**more):
        desk.post(reverse("site-tree", args=[site.pk]), typed(**two, worst_l1_a="0", **more))
        planning.plan_site(site.pk, at=at)
        return Outlet.objects.get(charger=cp2).target_a

    assert patient_a() >= 6
    assert not SitePlan.objects.get().looks_ahead
    assert patient_a(looks_ahead="on") == 0
    assert SitePlan.objects.get().looks_ahead
    assert "cheaper hours to come" in said(desk.get(reverse("site", args=[site.pk])))
    assert "checked" in said(desk.get(reverse("site-tree", args=[site.pk]))).split('name="looks_ahead"')[1][:80]


def test_who_may_only_look_draws_nothing(onlooker, site):
    assert onlooker.get(reverse("site-tree", args=[site.pk])).status_code == 403
    assert onlooker.post(reverse("site-signals", args=[site.pk]), {}).status_code == 403
    assert onlooker.post(reverse("site-prices", args=[site.pk]), {}).status_code == 403
