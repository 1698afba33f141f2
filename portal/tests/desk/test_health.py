from __future__ import annotations

from django.test import RequestFactory

from portal import health


def test_a_process_that_lives_says_so_to_anybody(client):
    assert client.get("/livez").status_code == 200


def test_all_parts_fine_is_ready(rf: RequestFactory):
    response = health.readyz(rf.get("/readyz"), {"one": lambda: "", "two": lambda: ""})
    assert response.status_code == 200


def test_what_is_not_fine_is_named_and_the_rest_is_still_told(rf: RequestFactory):
    def broken() -> str:
        raise OSError("no route to host")

    response = health.readyz(rf.get("/readyz"), {"redis": broken, "mqtt": lambda: "no link", "database": lambda: ""})
    assert response.status_code == 503
    assert b'"redis": "OSError: no route to host", "mqtt": "no link", "database": "ok"' in response.content


def test_readiness_asks_all_parts_that_a_charge_needs(client, db, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    response = client.get("/readyz")
    assert response.status_code == 503
    assert set(response.json()["parts"]) == {"database", "redis", "mqtt", "worker", "chargers"}
    assert response.json()["parts"]["database"] == "ok"
