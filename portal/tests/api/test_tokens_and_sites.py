from __future__ import annotations

import pytest
from django.db import IntegrityError

from chargers.models import Site
from sessions.models import IdToken

pytestmark = pytest.mark.django_db


def test_a_token_lives_its_life(api):
    created = api.post(
        "/api/v1/id-tokens/", {"value": "04A2b3", "holder": "Dora", "expires_at": "2030-01-01T00:00:00+01:00"}
    )
    body = created.json()
    assert (created.status_code, body["value"], body["status"]) == (201, "04A2b3", "accepted")
    assert (body["expires_at"], body["is_expired"]) == ("2029-12-31T23:00:00Z", False)
    url = f"/api/v1/id-tokens/{body['id']}/"
    assert api.patch(url, {"status": "blocked"}).json()["status"] == "blocked"
    assert api.get(url).json()["status"] == "blocked"
    assert api.delete(url).status_code == 204
    assert api.get(url).status_code == 404


def test_a_token_is_known_whatever_its_case(api, token):
    answer = api.post("/api/v1/id-tokens/", {"value": "04a2B3"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unique")
    assert api.patch(f"/api/v1/id-tokens/{token.pk}/", {"value": "04A2B3"}).status_code == 200
    assert [row["id"] for row in api.get("/api/v1/id-tokens/?value=04a2b3").json()["results"]] == [token.pk]


def test_a_token_that_grows_when_it_is_folded_is_kept(api):
    assert api.post("/api/v1/id-tokens/", {"value": "ΐ" * 255}).status_code == 201


def test_a_session_outlives_its_token(api, token, cp1, make_session):
    session = make_session(cp1, id_token=token)
    assert api.delete(f"/api/v1/id-tokens/{token.pk}/").status_code == 204
    assert api.get(f"/api/v1/sessions/{session.pk}/").json()["token_value"] == "04A2"


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({}, "value"),
        ({"value": ""}, "value"),
        ({"value": "a\0b"}, "value"),
        ({"value": "a\nb"}, "value"),
        ({"value": "x" * 256}, "value"),
        ({"value": {"a": 1}}, "value"),
        ({"value": "A", "status": "maybe"}, "status"),
        ({"value": "A", "expires_at": "tomorrow"}, "expires_at"),
        ({"value": "A", "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"value": "A", "expires_at": 10**18}, "expires_at"),
        ({"value": "A", "group": "x" * 37}, "group"),
    ],
)
def test_a_token_that_is_wrong_names_the_field(api, body, attr):
    answer = api.post("/api/v1/id-tokens/", body)
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, attr)


def test_a_site_lives_its_life(api, make_charger):
    created = api.post(
        "/api/v1/sites/", {"name": "Harbour", "latitude": 54.3, "longitude": 10.1, "timezone": "Europe/Berlin"}
    )
    assert created.status_code == 201
    url = f"/api/v1/sites/{created.json()['id']}/"
    charger = make_charger("CP-1", site=Site.objects.get())
    assert api.patch(url, {"address": "Quay 1"}).json()["address"] == "Quay 1"
    assert api.get("/api/v1/sites/?search=quay").json()["results"][0]["name"] == "Harbour"
    assert api.delete(url).status_code == 204
    charger.refresh_from_db()
    assert charger.site is None


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"name": ""}, "name"),
        ({"name": "Old"}, "name"),
        ({"name": "A", "timezone": "Mars/Olympus"}, "timezone"),
        ({"name": "A", "timezone": "../../etc/passwd"}, "timezone"),
        ({"name": "A", "latitude": 91}, "latitude"),
        ({"name": "A", "longitude": "nan"}, "longitude"),
        ({"name": "A", "longitude": "inf"}, "longitude"),
    ],
)
def test_a_site_that_is_wrong_names_the_field(api, body, attr):
    Site.objects.create(name="Old")
    answer = api.post("/api/v1/sites/", body)
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, attr)


@pytest.mark.parametrize(
    ("path", "body", "model"), [("sites", {"name": "A"}, Site), ("id-tokens", {"value": "A"}, IdToken)]
)
def test_the_slower_of_two_hears_409(api, monkeypatch, path, body, model):
    def collide(*args: object, **kwargs: object) -> None:
        raise IntegrityError

    monkeypatch.setattr(model, "save", collide)
    answer = api.post(f"/api/v1/{path}/", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize("path", ["id-tokens/", "sites/"])
def test_a_list_costs_the_same_however_long_it_is(api, path, django_assert_max_num_queries):
    for number in range(12):
        Site.objects.create(name=f"Site {number}")
        IdToken.objects.create(value=f"04{number}")
    with django_assert_max_num_queries(2):
        assert len(api.get(f"/api/v1/{path}").json()["results"]) == 12
