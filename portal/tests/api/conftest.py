from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_api_key.models import APIKey

from chargers.models import Charger, Exchange
from sessions.models import ChargingSession, IdToken


@pytest.fixture
def key(db: None) -> str:
    return APIKey.objects.create_key(name="integration")[1]


@pytest.fixture
def api(key: str) -> APIClient:
    """A machine with an API key."""
    return APIClient(headers={"Authorization": f"Api-Key {key}"})


@pytest.fixture
def as_user() -> Callable[[Any], APIClient]:
    """Somebody who has logged in to the portal."""

    def logged_in(user: Any, **kwargs: Any) -> APIClient:
        client = APIClient(**kwargs)
        client.force_login(user)
        return client

    return logged_in


@pytest.fixture
def make_session() -> Callable[..., ChargingSession]:
    def make(charger: Charger, **fields: Any) -> ChargingSession:
        at = fields.pop("started_at", timezone.now())
        return ChargingSession.objects.create(
            charger=charger, evse_id=1, started_at=at, started_received_at=at, token_value="04A2", **fields
        )

    return make


@pytest.fixture
def make_exchange() -> Callable[..., Exchange]:
    def make(charger: Charger, **fields: Any) -> Exchange:
        values = {
            "epoch": 1,
            "origin": Exchange.Origin.CHARGER,
            "message_id": "19",
            "action": "Heartbeat",
            "request": '[2,"19","Heartbeat",{}]',
            "requested_at": timezone.now(),
            **fields,
        }
        return Exchange.objects.create(charger=charger, **values)

    return make


@pytest.fixture
def token(db: None) -> IdToken:
    return IdToken.objects.create(value="04A2b3", holder="Dora")
