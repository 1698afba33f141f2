from __future__ import annotations

import pytest

from chargers.models import Charger, Command
from portal.tests.desk.conftest import part

PAGES = (
    "/", "/chargers/", "/register-charger/", "/sessions/", "/sites/", "/sites/new/", "/tokens/", "/tokens/new/",
    "/palette/", "/chargers/CP-1/", "/chargers/CP-1/edit/", "/chargers/CP-1/sessions/", "/chargers/CP-1/commands/",
    "/chargers/CP-1/configuration/", "/chargers/CP-1/profiles/", "/chargers/CP-1/firmware/", "/chargers/CP-1/log/",
    "/chargers/CP-1/connection/", "/chargers/CP-1/security/", "/system/",
    "/issues/", "/issues/rules/", "/issues/rules/faulted/", "/issues/channels/",
    "/issues/channels/new/", "/issues/count/", "/sessions/review/", "/jobs/", "/jobs/new/",
    "/configuration/", "/configuration/templates/new/", "/configuration/differences/", "/configuration/apply/",
    "/configuration/rollouts/", "/configuration/restarts/", "/configuration/quarantine/",
    "/chargers.csv", "/sessions.csv", "/tokens.csv", "/import/chargers/", "/import/tokens/", "/tokens/local-lists/",
    "/log/", "/map/", "/map/places.json", "/reservations/", "/wallboard/", "/?since=8h",
    "/protocol/", "/protocol/?charger=CP-1", "/protocol/?vendor=Acme&model=Wallbox+22&firmware=1.0.0",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_for_alice(desk, cp1, page):
    response = desk.get(page)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("page", PAGES)
def test_every_page_asks_for_a_login_first(client, db, page):
    response = client.get(page)
    assert response.status_code == 302
    assert response.url.startswith("/login/?next=")


def test_a_part_asked_for_after_the_login_ended_sends_the_whole_page_to_the_login(client, db):
    response = client.get("/chargers/", headers={"HX-Request": "true", "HX-Target": "rows"})
    assert response.headers["HX-Refresh"] == "true"


@pytest.mark.parametrize(
    "path",
    [
        "/register-charger/",
        "/chargers/CP-1/edit/",
        "/chargers/CP-1/commands/?do=reset",
        "/chargers/CP-1/configuration/",
        "/chargers/CP-1/security/password/",
        "/sites/new/",
        "/tokens/new/",
    ],
)
def test_bob_looks_and_does_not_act(onlooker, cp1, path):
    response = onlooker.post(path, {"kind": "soft", "confirmed": "yes"})
    assert response.status_code == 403
    assert "Your account may look, not act" in response.content.decode()
    assert not Command.objects.exists()
    assert Charger.objects.count() == 1


def test_bob_is_offered_nothing_that_he_may_not_do(onlooker, cp1):
    page = onlooker.get("/chargers/CP-1/commands/").content.decode()
    assert "Commands and their answers" in page
    assert '<form id="act"' not in page


def test_no_page_needs_an_inline_script_or_style(desk, cp1):
    for page in PAGES:
        answer = desk.get(page)
        if answer.streaming or answer.headers["Content-Type"] == "application/json":
            continue
        text = answer.content.decode()
        assert " style=" not in text, page
        assert "<style" not in text, page
        assert "<script>" not in text, page
        assert " onclick" not in text, page


def test_an_unknown_charger_is_told_in_our_style(desk):
    response = desk.get("/chargers/CP-99/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_a_charger_is_found_whatever_the_case_and_signs_of_its_identity(desk, make_charger):
    make_charger("Høj/20%#1?".replace("/", " "))
    response = desk.get("/chargers/")
    assert "/chargers/H%C3%B8j%2020%25%231%3F/" in response.content.decode()
    assert desk.get("/chargers/h%C3%B8j%2020%25%231%3f/").status_code == 200


def test_a_part_is_only_that_part(desk, cp1):
    rows = part(desk, "/chargers/", "rows")
    assert rows.lstrip().startswith('<div id="rows"')
    assert "<html" not in rows


def test_times_are_in_the_zone_of_the_browser(desk, make_charger):
    from datetime import UTC, datetime

    make_charger("CP-1", last_heard_at=datetime(2026, 1, 5, 12, 0, tzinfo=UTC))
    desk.cookies["tz"] = "America%2FNew_York"
    assert "2026-01-05 07:00:00 EST" in desk.get("/chargers/").content.decode()


@pytest.mark.parametrize("nonsense", ["Mars/Olympus", "../etc/passwd", "%00", "Europe"])
def test_a_zone_that_is_none_is_utc(desk, cp1, nonsense):
    desk.cookies["tz"] = nonsense
    assert "<span>UTC</span>" in desk.get("/").content.decode()
