from __future__ import annotations

from django.utils import timezone

from chargers.models import Site
from portal.tests.desk.conftest import part
from sessions.models import IdToken


def test_a_site_is_created_with_its_time_zone(desk):
    desk.post("/sites/new/", {"name": "Rathaus", "timezone": "Europe/Berlin"})
    assert Site.objects.get().timezone == "Europe/Berlin"


def test_a_zone_that_does_not_exist_is_refused_with_an_example(desk):
    page = desk.post("/sites/new/", {"name": "Rathaus", "timezone": "Berlin"}).content.decode()
    assert "it looks like Europe/Berlin" in page
    assert not Site.objects.exists()


def test_a_site_shows_its_own_chargers_only(desk, make_charger, plug):
    site = Site.objects.create(name="Rathaus")
    plug(make_charger("CP-1", site=site), status="charging")
    make_charger("CP-2")
    assert "CP-1" in part(desk, f"/sites/{site.pk}/", "rows")
    assert "CP-2" not in part(desk, f"/sites/{site.pk}/", "rows")
    assert f"/chargers/?site={site.pk}&amp;state=charging" in part(desk, f"/sites/{site.pk}/", "site-head")


def test_chargers_without_a_site_are_not_forgotten(desk, cp1):
    assert "Without a site" in desk.get("/sites/").content.decode()


def test_a_token_is_added_and_blocked(desk):
    form = {"value": " 04A2B3 ", "status": "accepted"}
    desk.post("/tokens/new/", form)
    token = IdToken.objects.get(value="04A2B3")
    desk.post(f"/tokens/{token.pk}/", {"value": "04A2B3", "status": "blocked"})
    token.refresh_from_db()
    assert token.status == "blocked"


def test_tokens_are_compared_ignoring_case(desk):
    IdToken.objects.create(value="04a2b3")
    page = desk.post("/tokens/new/", {"value": "04A2B3", "status": "accepted"}).content.decode()
    assert "tokens are compared ignoring case" in page


def test_tokens_are_filtered_by_what_holds_now(desk):
    IdToken.objects.create(value="OLD", expires_at=timezone.now())
    IdToken.objects.create(value="LOST", status="blocked")
    assert "OLD" in part(desk, "/tokens/?status=expired", "rows")
    assert "LOST" not in part(desk, "/tokens/?status=expired", "rows")
    assert "LOST" in part(desk, "/tokens/?q=los", "rows")


def test_the_palette_finds_chargers_sessions_tokens_sites_and_pages(desk, cp1, start):
    IdToken.objects.create(value="04A2", holder="CP-1's owner")
    Site.objects.create(name="Depot CP-1")
    session = start(cp1, transaction_id="7")
    found = desk.get("/palette/?q=cp-1").content.decode()
    assert 'href="/chargers/CP-1/"' in found
    assert "Depot CP-1" in found
    assert "owner" in found
    assert f'href="/sessions/{session.pk}/"' in desk.get(f"/palette/?q={session.pk}").content.decode()
    assert 'href="/chargers/?state=faulted"' in desk.get("/palette/?q=faulted").content.decode()
    assert "Nothing matches" in desk.get("/palette/?q=xyzzy").content.decode()
