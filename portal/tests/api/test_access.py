"""Who may do what: keys and staff all, other accounts look, nobody else anything."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_api_key.models import APIKey

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["", "chargers/", "commands/", "sessions/", "id-tokens/", "sites/", "chargers/CP-1/messages/"]
)
def test_a_stranger_is_told_to_show_a_key(path):
    answer = APIClient().get(f"/api/v1/{path}")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Api-Key")
    assert answer.json()["code"] == "not_authenticated"


@pytest.mark.parametrize(
    "header", ["Api-Key", "Api-Key ", "Api-Key nonsense", "api-key a.b", "Api-Key \x00.\x00", "Api-Key ü.ö"]
)
def test_a_wrong_key_opens_nothing(header):
    answer = APIClient(headers={"Authorization": header}).get("/api/v1/chargers/")
    assert answer.status_code == 401
    assert "create_api_key" in answer.json()["detail"]


def test_a_revoked_key_opens_nothing(api):
    APIKey.objects.update(revoked=True)
    assert api.get("/api/v1/chargers/").status_code == 401


def test_an_expired_key_says_since_when(api):
    APIKey.objects.update(expiry_date=timezone.now() - timedelta(days=1))
    answer = api.get("/api/v1/chargers/")
    assert answer.status_code == 401
    assert "'integration' expired on" in answer.json()["detail"]


def test_a_key_may_write(api):
    assert api.post("/api/v1/sites/", {"name": "Harbour"}).status_code == 201


def test_a_key_needs_no_csrf_token(key):
    client = APIClient(enforce_csrf_checks=True, headers={"Authorization": f"Api-Key {key}"})
    assert client.post("/api/v1/sites/", {"name": "Harbour"}).status_code == 201


def test_alice_may_write(as_user, alice):
    assert as_user(alice).post("/api/v1/sites/", {"name": "Harbour"}).status_code == 201


def test_a_session_writes_only_with_its_csrf_token(as_user, alice):
    answer = as_user(alice, enforce_csrf_checks=True).post("/api/v1/sites/", {"name": "Harbour"})
    assert answer.status_code == 403
    assert "CSRF" in answer.json()["detail"]


def test_bob_may_look_but_not_touch(as_user, bob, cp1):
    client = as_user(bob)
    assert client.get("/api/v1/chargers/").status_code == 200
    for refused in (
        client.post("/api/v1/sites/", {"name": "Harbour"}),
        client.patch("/api/v1/chargers/CP-1/", {"name": "Mine"}),
        client.delete("/api/v1/chargers/CP-1/"),
        client.post("/api/v1/chargers/CP-1/commands/", {"action": "Reset", "payload": {"type": "Hard"}}),
        client.post("/api/v1/chargers/CP-1/password/"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "permission_denied")
    assert not cp1.commands.exists()


def test_charlie_whose_account_is_closed_is_a_stranger(as_user, charlie, cp1):
    client = as_user(charlie)
    assert client.get("/api/v1/chargers/").status_code == 401
    assert client.post("/api/v1/sites/", {"name": "Harbour"}).status_code == 401


def test_who_loses_the_staff_flag_loses_writing_at_once(as_user, alice):
    client = as_user(alice)
    alice.is_staff = False
    alice.save()
    assert client.post("/api/v1/sites/", {"name": "Harbour"}).status_code == 403
