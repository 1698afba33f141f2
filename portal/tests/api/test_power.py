"""A site's power by REST: drawn, refused, metered, limited, priced."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import Site
from smartcharging import planning
from smartcharging.models import EnergyPrice, LimitNode, Outlet, SitePlan

pytestmark = pytest.mark.django_db


@pytest.fixture
def site(cp1):
    site = Site.objects.create(name="Yard")
    cp1.site = site
    cp1.save()
    return site


def drawing(**more):
    return {
        "is_on": True,
        "building_worst_a": [20, 20, 20],
        "nodes": [
            {"name": "connection", "l1_a": 100, "l2_a": 100, "l3_a": 100},
            {"name": "circuit", "parent": "connection", "l1_a": 32, "l2_a": 32, "l3_a": 32, "buffer_a": 2},
        ],
        "outlets": [{"charger": "CP-1", "evse_id": 1, "node": "circuit"}],
        **more,
    }


def url(site, what="power"):
    return f"/api/v1/sites/{site.pk}/{what}/"


def test_a_site_is_drawn_and_read_back(api, site):
    answer = api.put(url(site), drawing())
    assert answer.status_code == 200, answer.json()
    body = api.get(url(site)).json()
    assert [(node["name"], node["parent"]) for node in body["nodes"]] == [
        ("connection", None),
        ("circuit", "connection"),
    ]
    (outlet,) = body["outlets"]
    assert (outlet["charger"], outlet["node"], outlet["worst_a"]) == ("CP-1", "circuit", 32)  # no default yet
    assert (body["is_on"], body["problem"]) == (True, "")


def test_what_stays_in_a_new_drawing_keeps_its_row(api, site):
    api.put(url(site), drawing())
    pk = Outlet.objects.get().pk
    nodes = drawing()["nodes"]
    api.put(url(site), drawing(nodes=[nodes[0]], outlets=[{"charger": "CP-1", "evse_id": 1, "node": "connection"}]))
    assert Outlet.objects.get().pk == pk
    assert LimitNode.objects.get().name == "connection"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"nodes": []}, "one grid connection"),
        ({"nodes": [{"name": "a", "parent": "a", "l1_a": 5}]}, "one grid connection"),
        ({"outlets": [{"charger": "CP-9", "evse_id": 1, "node": "circuit"}]}, "CP-9 does not stand at Yard"),
        ({"outlets": [{"charger": "CP-1", "evse_id": 1, "node": "cellar"}]}, "cellar"),
        ({"nodes": [{"name": "a", "l1_a": -5}]}, "greater than or equal to 0"),
        ({"lease_s": 5}, "greater than or equal to 30"),
    ],
)
def test_a_drawing_that_cannot_be_is_refused_and_changes_nothing(api, site, change, sentence):
    answer = api.put(url(site), drawing(**change))
    assert answer.status_code == 400
    assert sentence in str(answer.json())
    assert not SitePlan.objects.exists() and not LimitNode.objects.exists()


def test_the_newest_reading_of_the_building_counts(api, site):
    api.put(url(site), drawing())
    load = {"l1_a": 10, "l2_a": -4, "l3_a": 0}
    assert api.post(url(site, "building-load"), load).json() == {"is_newest": True}
    older = load | {"l1_a": 99, "measured_at": (timezone.now() - timedelta(minutes=5)).isoformat()}
    assert api.post(url(site, "building-load"), older).json() == {"is_newest": False}
    assert SitePlan.objects.get().building_a == [10, -4, 0]


def test_a_building_that_draws_the_moon_is_refused(api, site):
    api.put(url(site), drawing())
    answer = api.post(url(site, "building-load"), {"l1_a": 1e9, "l2_a": 0, "l3_a": 0})
    assert (answer.status_code, "10000" in str(answer.json())) == (400, True)


def test_a_limit_from_outside_calls_for_a_plan_at_once(api, site):
    api.put(url(site), drawing())
    planning.plan_site(site.pk, at=timezone.now())
    answer = api.post(url(site, "capacity-signals"), {"source": "grid operator", "limit_w": 11_000})
    assert answer.status_code == 201
    assert planning.due(at=timezone.now() + timedelta(seconds=2)) == [site.pk]
    assert [row["source"] for row in api.get(url(site, "capacity-signals")).json()] == ["grid operator"]


@pytest.mark.parametrize(
    "signal", [{"limit_w": -1}, {"limit_w": 1e12}, {"limit_w": 5, "from_at": "2030-01-02", "to_at": "2030-01-01"}]
)
def test_a_limit_that_makes_no_sense_is_refused(api, site, signal):
    assert api.post(url(site, "capacity-signals"), {"source": "grid", **signal}).status_code == 400


def test_a_limit_from_outside_is_changed_and_ended_and_then_left_alone(api, site):
    api.put(url(site), drawing())
    made = api.post(url(site, "capacity-signals"), {"source": "grid operator", "limit_w": 11_000}).json()
    one = url(site, f"capacity-signals/{made['id']}")
    planning.plan_site(site.pk, at=timezone.now())
    assert api.patch(one, {"limit_w": 7_000}).json()["limit_w"] == 7_000
    assert planning.due(at=timezone.now() + timedelta(seconds=2)) == [site.pk]
    assert api.patch(one, {"limit_w": -1}).status_code == 400
    assert api.patch(one, {"to_at": "2001-01-01T00:00:00Z"}).status_code == 400  # before it began
    assert api.delete(one).status_code == 204
    assert api.get(one).json()["to_at"] is not None
    over = api.patch(one, {"limit_w": 90_000})
    assert over.status_code == 409 and "give a new one" in over.json()["detail"]
    other = Site.objects.create(name="Elsewhere")
    assert api.delete(url(other, f"capacity-signals/{made['id']}")).status_code == 404


def test_a_charger_is_tried_and_tells_how_far_it_is(api, site, cp1):
    api.put(url(site), drawing())
    wanted = {"charger": "cp-1", "evse_id": 1}
    cp1.is_online = False
    cp1.save()
    away = api.post(url(site, "probes"), wanted)
    assert away.status_code == 409 and "not online" in away.json()["detail"]
    cp1.is_online = True
    cp1.save()
    answer = api.post(url(site, "probes"), wanted)
    assert answer.status_code == 201, answer.json()
    assert (answer.json()["charger"], answer.json()["state"], answer.json()["verdict"]) == ("CP-1", "setting", "")
    assert api.get(url(site, f"probes/{answer.json()['id']}")).json() == api.get(url(site, "probes")).json()[0]
    assert api.post(url(site, "probes"), wanted).status_code == 409  # it is being tried
    assert api.post(url(site, "probes"), wanted | {"evse_id": 2}).status_code == 404


def test_who_disobeyed_is_led_again_unless_an_edge_leads(api, site, cp1):
    api.put(url(site), drawing())
    place = {"charger": "cp-1", "evse_id": 1}
    Outlet.objects.update(is_wild=True)
    SitePlan.objects.update(leader="edge")
    assert api.post(url(site, "trust"), place).status_code == 409
    SitePlan.objects.update(leader="cloud")
    assert api.post(url(site, "trust"), place).status_code == 204
    assert not Outlet.objects.filter(is_wild=True).exists()
    assert api.post(url(site, "trust"), {**place, "evse_id": 9}).status_code == 404


def test_prices_replace_those_from_their_first_moment_on(api, site):
    def row(hour, price):
        return {"from_at": f"2030-01-01T{hour:02}:00:00Z", "per_kwh": price}

    api.put(url(site, "energy-prices"), [row(0, "0.30"), row(6, "0.40")])
    answer = api.put(url(site, "energy-prices"), [row(6, "0.20"), row(12, "0.10")])
    assert answer.status_code == 200
    assert [str(price) for price in EnergyPrice.objects.values_list("per_kwh", flat=True)] == [
        "0.30000", "0.20000", "0.10000",
    ]  # fmt: skip


def test_a_site_without_a_drawing_has_no_power_to_show(api, site):
    assert api.get(url(site)).status_code == 404


@pytest.mark.parametrize(
    "broken",
    [
        {"volts": "NaN"},
        {"default_a": "Infinity"},
        {"building_worst_a": [0, "nan", 0]},
        {"nodes": [{"name": "connection", "l1_a": "NaN"}]},
        {"nodes": [{"name": "connection", "l1_a": 40, "limit_w": "inf"}]},
        {"outlets": [{"charger": "CP-1", "evse_id": 1, "node": "circuit", "cable_a": "-inf"}]},
    ],
)
def test_what_is_no_number_is_refused_and_changes_nothing(api, site, broken):
    answer = api.put(url(site), drawing(**broken))
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert not SitePlan.objects.exists()


def test_a_price_or_a_load_that_is_no_number_is_refused(api, site):
    api.put(url(site), drawing())
    price = {"from_at": timezone.now().isoformat(), "per_kwh": "0.3", "co2_g_per_kwh": "NaN"}
    assert api.put(url(site, "energy-prices"), [price]).status_code == 400
    assert api.post(url(site, "building-load"), {"l1_a": "NaN", "l2_a": 0, "l3_a": 0}).status_code == 400
