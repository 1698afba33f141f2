"""Who may read the figures, and what they say when the database is away."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from rest_framework_api_key.models import APIKey

from chargers import commands
from portal import metrics

pytestmark = pytest.mark.django_db
ELSEWHERE = "192.0.2.9"


def text(client: Client, **extra: Any) -> str:
    response = client.get("/metrics", **extra)
    assert response.status_code == 200
    return response.content.decode()


def test_an_agent_on_this_machine_may_read(client):
    assert "chargeyard_connections" in text(client)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_who_comes_through_a_proxy_is_not_on_this_machine(client, header):
    response = client.get("/metrics", headers={header: "192.0.2.9"})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Api-Key")


def test_from_elsewhere_an_api_key_opens(client):
    _, secret = APIKey.objects.create_key(name="prometheus")
    assert client.get("/metrics", REMOTE_ADDR=ELSEWHERE).status_code == 401
    assert client.get("/metrics", REMOTE_ADDR=ELSEWHERE, headers={"Authorization": "Api-Key no"}).status_code == 401
    assert "chargeyard" in text(client, REMOTE_ADDR=ELSEWHERE, headers={"Authorization": f"Api-Key {secret}"})


def test_from_elsewhere_an_account_may_look(client, bob):
    client.force_login(bob)
    assert "chargeyard" in text(client, REMOTE_ADDR=ELSEWHERE)


def test_commands_are_counted_by_state(client, cp1):
    commands.request(cp1, verb="clear_cache")
    found = text(client)
    assert 'chargeyard_commands{state="pending"} 1.0' in found
    assert 'chargeyard_commands{state="timeout"} 0.0' in found


def test_without_the_database_the_figures_of_the_process_still_come(client, monkeypatch):
    def away() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(metrics, "_commands", away)
    found = text(client)
    assert "chargeyard_database_up 0.0" in found and "chargeyard_frames_up_total" in found


def test_a_process_for_chargers_only_leaves_the_facts_to_the_portal(client, settings):
    settings.ROLE = "gateway"
    assert "chargeyard_database_up" not in text(client)
