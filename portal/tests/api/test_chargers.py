from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers import credentials
from chargers.models import Charger, Connector, Site

pytestmark = pytest.mark.django_db


def test_registering_answers_with_the_password_once(api):
    answer = api.post("/api/v1/chargers/", {"identity": "CP-9", "security_profile": 1, "name": "North"})
    body = answer.json()
    assert (answer.status_code, answer["Location"]) == (201, "/api/v1/chargers/CP-9/")
    assert (body["identity"], body["name"], body["is_online"], body["has_password"]) == ("CP-9", "North", False, True)
    assert body["ocpp_url"] == "ws://testserver/ocpp/CP-9"
    assert credentials.matches(Charger.objects.get().password_hash, body["password"].encode())
    assert "password" not in api.get("/api/v1/chargers/CP-9/").json()


def test_the_ocpp_url_is_how_chargers_reach_us_from_outside(api, settings):
    settings.PUBLIC_URL = "https://csms.example"
    assert (
        api.post("/api/v1/chargers/", {"identity": "RDAM 123"}).json()["ocpp_url"]
        == "wss://csms.example/ocpp/RDAM%20123"
    )


def test_a_password_may_be_brought_along(api):
    body = api.post("/api/v1/chargers/", {"identity": "CP-9", "password": "sixteen-letters-"}).json()
    assert body["password"] == "sixteen-letters-"
    assert credentials.matches(Charger.objects.get().password_hash, b"sixteen-letters-")


def test_profile_0_has_no_password(api):
    body = api.post("/api/v1/chargers/", {"identity": "CP-9", "security_profile": 0}).json()
    assert (body["password"], body["has_password"], body["security_profile"]) == (None, False, 0)


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "identity"),
        ({"identity": ""}, "identity"),
        ({"identity": "a/b"}, "identity"),
        ({"identity": "a\0b"}, "identity"),
        ({"identity": "a\nb"}, "identity"),
        ({"identity": " CP"}, "identity"),
        ({"identity": "x" * 129}, "identity"),
        ({"identity": ["CP"]}, "identity"),
        ({"identity": "a:b"}, "identity"),
        ({"identity": "CP", "security_profile": 9}, "security_profile"),
        ({"identity": "CP", "security_profile": "one"}, "security_profile"),
        ({"identity": "CP", "security_profile": 10**400}, "security_profile"),
        ({"identity": "CP", "password": "x" * 65}, "password"),
        ({"identity": "CP", "password": None}, "password"),
        ({"identity": "CP", "site": 99}, "site"),
        ({"identity": "CP", "site": 10**30}, "site"),
        ({"identity": "CP", "site": {"id": 1}}, "site"),
        ({"identity": "CP", "name": "x" * 121}, "name"),
    ],
)  # fmt: skip
def test_a_registration_that_is_wrong_names_the_field(api, body, attr):
    answer = api.post("/api/v1/chargers/", body)
    assert answer.status_code == 400
    assert attr in [error["attr"] for error in answer.json()["errors"]] or "number" in answer.json()["detail"]
    assert not Charger.objects.exists()


def test_an_identity_is_taken_whatever_its_case(api, cp1):
    answer = api.post("/api/v1/chargers/", {"identity": "cp-1"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "'cp-1'" in answer.json()["detail"]


def test_a_charger_tells_what_it_is_and_does(api, cp1):
    Connector.objects.create(charger=cp1, evse_id=1, status="charging", power_w=7400.0)
    body = api.get("/api/v1/chargers/CP-1/").json()
    assert body["is_online"] is True
    assert (body["vendor"], body["model"], body["firmware_version"]) == ("Acme", "Wallbox 22", "1.0.0")
    assert body["ocpp_version"] == "1.6"
    assert [(c["evse_id"], c["status"], c["power_w"]) for c in body["connectors"]] == [(1, "charging", 7400.0)]
    assert body["connected_at"].endswith("Z")


def test_a_charger_is_found_ignoring_case_and_percent_encoded(api, make_charger):
    make_charger("RDAM+123 é")
    assert api.get("/api/v1/chargers/rdam%2B123%20%C3%89/").json()["identity"] == "RDAM+123 é"


@pytest.mark.parametrize("identity", ["NOBODY", "%00", "..%2F..", "%FF%FE", "x" * 4000])
def test_an_unknown_charger_is_404(api, identity):
    for path in ("", "commands/", "messages/"):
        assert api.get(f"/api/v1/chargers/{identity}/{path}").status_code == 404


def test_staff_decisions_can_be_changed_and_nothing_else(api, cp1):
    site = Site.objects.create(name="Harbour")
    change = {"name": "North", "site": site.pk, "registration": "quarantined"}
    stray = {"is_online": False, "identity": "CP-X", "password_hash": "x", "vendor": "Evil", "epoch": 99}
    answer = api.patch("/api/v1/chargers/CP-1/", {**change, **stray})
    assert answer.status_code == 200
    cp1.refresh_from_db()
    assert (cp1.name, cp1.site, cp1.registration) == ("North", site, "quarantined")
    assert (cp1.is_online, cp1.identity, cp1.password_hash, cp1.vendor, cp1.epoch) == (True, "CP-1", "", "Acme", 1)


def test_the_pages_hear_of_a_change(api, cp1, django_capture_on_commit_callbacks):
    from chargers.signals import charger_changed

    heard: list[set[int]] = []

    def listen(charger_ids: set[int], **_: object) -> None:
        heard.append(charger_ids)

    charger_changed.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            api.patch("/api/v1/chargers/CP-1/", {"name": "North"})
    finally:
        charger_changed.disconnect(listen)
    assert heard == [{cp1.pk}]


def test_a_profile_with_password_needs_one_first(api, make_charger):
    make_charger("CP-1", security_profile=0)
    refused = api.patch("/api/v1/chargers/CP-1/", {"security_profile": 1})
    assert refused.status_code == 400
    assert "password/" in refused.json()["detail"]
    api.post("/api/v1/chargers/CP-1/password/")
    assert api.patch("/api/v1/chargers/CP-1/", {"security_profile": 1}).status_code == 200


def test_a_lost_password_is_replaced(api, cp1):
    body = api.post("/api/v1/chargers/cp-1/password/").json()
    cp1.refresh_from_db()
    assert body["identity"] == "CP-1"
    assert credentials.matches(cp1.password_hash, body["password"].encode())
    assert api.post("/api/v1/chargers/CP-1/password/", {"password": "x" * 65}).json()["errors"][0]["attr"] == "password"


def test_a_charger_can_be_removed(api, cp1):
    assert api.delete("/api/v1/chargers/CP-1/").status_code == 204
    assert not Charger.objects.exists()


def test_a_charger_with_sessions_stays(api, cp1, make_session):
    make_session(cp1)
    answer = api.delete("/api/v1/chargers/CP-1/")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "sessions" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["CP-1", "CP-2"]),
        ("is_online=true", ["CP-1"]),
        ("is_online=False", ["CP-2"]),
        ("vendor=acme", ["CP-1"]),
        ("model=WALLBOX 22", ["CP-1"]),
        ("ocpp_version=2.0.1", ["CP-2"]),
        ("search=wall", ["CP-1"]),
        ("search=harbour", ["CP-2"]),
        ("registration=quarantined", ["CP-2"]),
        ("ordering=-identity", ["CP-2", "CP-1"]),
        ("nonsense=1", ["CP-1", "CP-2"]),
    ],
)
def test_chargers_are_filtered(api, cp1, make_charger, query, expected):
    harbour = Site.objects.create(name="Harbour")
    make_charger("CP-2", "ocpp2.0.1", is_online=False, site=harbour, registration="quarantined")
    assert [row["identity"] for row in api.get(f"/api/v1/chargers/?{query}").json()["results"]] == expected


def test_chargers_are_filtered_by_site(api, cp1, make_charger):
    harbour = Site.objects.create(name="Harbour")
    make_charger("CP-2", site=harbour)
    assert [row["identity"] for row in api.get(f"/api/v1/chargers/?site={harbour.pk}").json()["results"]] == ["CP-2"]


def test_only_what_changed_since_is_fetched(api, cp1, make_charger):
    long_ago = timezone.now() - timedelta(days=9)
    old = make_charger("CP-OLD", connected_at=long_ago)
    Charger.objects.filter(pk=old.pk).update(created_at=long_ago)
    since = (timezone.now() - timedelta(hours=1)).isoformat()
    assert [row["identity"] for row in api.get("/api/v1/chargers/", {"updated_since": since}).json()["results"]] == [
        "CP-1"
    ]


def test_a_list_costs_the_same_however_long_it_is(api, make_charger, django_assert_max_num_queries):
    site = Site.objects.create(name="Harbour")
    for number in range(12):
        Connector.objects.create(charger=make_charger(f"CP-{number}", site=site), evse_id=1)
    with django_assert_max_num_queries(4):  # the key, the chargers, their connectors, their tags
        assert len(api.get("/api/v1/chargers/").json()["results"]) == 12


def test_a_lower_security_profile_has_to_be_confirmed(api, cp1):
    cp1.security_profile = 2
    cp1.password_hash = credentials.hashed(b"a-password-of-cp1")
    cp1.save()
    refused = api.patch("/api/v1/chargers/CP-1/", {"security_profile": 1})
    assert refused.status_code == 400 and "confirm_lower_security" in refused.content.decode()
    lowered = api.patch("/api/v1/chargers/CP-1/", {"security_profile": 1, "confirm_lower_security": True})
    assert lowered.status_code == 200 and lowered.json()["security_profile"] == 1


def test_a_charger_for_a_conformance_suite_is_made_in_one_call(api):
    made = {"identity": "CP-7", "registration": "quarantined", "is_strict": True}
    answer = api.post("/api/v1/chargers/", made)
    assert answer.status_code == 201 and {**made, **answer.json()} == answer.json()
    assert api.post("/api/v1/chargers/", {"identity": "CP-8", "registration": "soon"}).status_code == 400


def test_what_an_old_charger_speaks_is_one_of_ours_or_nothing(api, cp1):
    url = "/api/v1/chargers/CP-1/"
    assert api.patch(url, {"assumed_subprotocol": "ocpp1.6"}).json()["assumed_subprotocol"] == "ocpp1.6"
    assert api.patch(url, {"assumed_subprotocol": "OCPP1.6"}).status_code == 400
    assert api.patch(url, {"assumed_subprotocol": ""}).json()["assumed_subprotocol"] == ""
