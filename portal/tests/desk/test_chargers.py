from __future__ import annotations

import re

import pytest

from chargers import credentials
from chargers.models import Charger, Site
from portal.tests.desk.conftest import part


def names(html: str) -> list[str]:
    return re.findall(r'<td class="main"><a href="/chargers/[^"]+">([^<]+)</a>', html)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["CP-1", "CP-2"]),
        ("q=street", ["CP-2"]),
        ("q=acme+wall", ["CP-1"]),
        ("q=nothing-like-it", []),
        ("version=ocpp2.0.1", ["CP-2"]),
        ("vendor=Acme&sort=-identity", ["CP-2", "CP-1"]),
        ("site=none", ["CP-1"]),
        ("state=no-such-state&sort=no-such-order&page=99&site=x", ["CP-1", "CP-2"]),
    ],
)
def test_the_url_holds_search_filter_and_order(desk, cp1, cp2, query, found):
    Charger.objects.filter(pk=cp2.pk).update(site=Site.objects.create(name="Rathaus"))
    assert names(part(desk, f"/chargers/?{query}", "rows")) == found


def test_a_filter_form_leaves_a_tidy_address(desk, cp1):
    headers = {"HX-Request": "true", "HX-Target": "rows", "HX-Trigger": "filters"}
    response = desk.get("/chargers/?q=CP&state=&site=", headers=headers)
    assert response.headers["HX-Push-Url"] == "/chargers/?q=CP"


def test_a_long_list_comes_in_pages(desk, make_charger):
    for number in range(51):
        make_charger(f"CP-{number:03d}")
    assert len(names(part(desk, "/chargers/", "rows"))) == 50
    assert names(part(desk, "/chargers/?page=2", "rows")) == ["CP-050"]


def test_a_list_takes_as_many_queries_for_fifty_rows_as_for_one(
    desk, make_charger, plug, django_assert_max_num_queries
):
    for number in range(50):
        plug(make_charger(f"CP-{number:03d}", site=Site.objects.create(name=f"Site {number}")))
    with django_assert_max_num_queries(19):
        desk.get("/chargers/")


def test_a_connector_of_an_offline_charger_is_not_shown_as_if_we_knew(desk, make_charger, plug):
    plug(make_charger("CP-1", is_online=False), status="charging", power_w=7000)
    rows = part(desk, "/chargers/", "rows")
    assert "is-offline" in rows
    assert "is-charging" not in rows
    assert "7.0" not in rows


def test_registering_shows_password_and_url_once(desk):
    response = desk.post("/register-charger/", {"identity": "CP-7", "security_profile": "1"}, follow=True)
    page = response.content.decode()
    charger = Charger.objects.get(identity="CP-7")
    shown = re.search(r"<dt>Password</dt><dd[^>]*><code>([^<]+)</code>", page)
    assert shown and credentials.matches(charger.password_hash, shown[1].encode())
    assert "ws://testserver/ocpp/CP-7" in page
    assert shown[1] not in desk.get("/chargers/CP-7/").content.decode()


@pytest.mark.parametrize(
    ("identity", "objection"),
    [("cp-1", "There is already a charger"), ("a/b", "one segment of a URL"), ("", "This field is required")],
)
def test_an_identity_that_cannot_be_is_refused_with_the_reason(desk, cp1, identity, objection):
    response = desk.post("/register-charger/", {"identity": identity, "security_profile": "1"})
    assert objection in response.content.decode()
    assert Charger.objects.count() == 1


def test_a_charger_can_be_renamed_and_moved(desk, cp1):
    site = Site.objects.create(name="Rathaus")
    profile = {"security_profile": "0", "confirms_lower": "on"}  # it has no password
    form = {"name": "Left", "site": site.pk, "registration": "accepted", **profile}
    assert desk.post("/chargers/CP-1/edit/", form).status_code == 302
    cp1.refresh_from_db()
    assert (cp1.name, cp1.site) == ("Left", site)


def test_a_profile_with_password_is_refused_while_there_is_none(desk, cp1):
    form = {"name": "", "site": "", "registration": "accepted", "security_profile": "1"}
    assert "reset the password first" in desk.post("/chargers/CP-1/edit/", form).content.decode()
