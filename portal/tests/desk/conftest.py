"""Pages as Alice and as Bob see them, and rows to see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from chargers.models import Charger, Connector
from sessions.models import ChargingSession


@pytest.fixture(autouse=True)
def plain_static_files(settings: Any) -> None:
    """Pages need no collected files here."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def desk(alice: Any) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def onlooker(bob: Any) -> Client:
    client = Client()
    client.force_login(bob)
    return client


@pytest.fixture
def plug(db: None) -> Callable[..., Connector]:
    def make(charger: Charger, evse_id: int = 1, status: str = "available", **fields: Any) -> Connector:
        return Connector.objects.create(charger=charger, evse_id=evse_id, status=status, **fields)

    return make


@pytest.fixture
def start(db: None) -> Callable[..., ChargingSession]:
    """A session that runs since an hour, unless told otherwise."""

    def make(charger: Charger, evse_id: int = 1, **fields: Any) -> ChargingSession:
        began = fields.pop("started_at", timezone.now() - timedelta(hours=1))
        values = {"transaction_id": str(ChargingSession.objects.count() + 1), "started_received_at": began, **fields}
        return ChargingSession.objects.create(charger=charger, evse_id=evse_id, started_at=began, **values)

    return make


def part(client: Client, url: str, target: str) -> str:
    """What a live swap of the element ``target`` gets."""
    response = client.get(url, headers={"HX-Request": "true", "HX-Target": target})
    assert response.status_code == 200, url
    return response.content.decode()
