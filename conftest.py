"""The cast of every test: Alice runs the network, Bob may only look, Charlie has an account and no rights;
CP-1 speaks OCPP 1.6, CP-2 2.0.1."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Before Django reads its settings: no test may touch the state of a running Chargeyard.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
os.environ["CHARGEYARD_HOME"] = tempfile.mkdtemp(prefix="chargeyard-test-")
Path(os.environ["CHARGEYARD_HOME"], "staticfiles").mkdir()  # else each test client warns that it is missing

# Deadlines time the machine, not the code.
settings.register_profile(
    "chargeyard",
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("chargeyard")


@pytest.fixture
def alice(django_user_model: Any) -> Any:
    return django_user_model.objects.create_superuser("alice", "alice@example.com", "alice-runs-the-yard")


@pytest.fixture
def bob(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("bob", "bob@example.com", "bob-only-looks")


@pytest.fixture
def charlie(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("charlie", "charlie@example.com", "charlie-has-left", is_active=False)


@pytest.fixture
def make_charger(db: None) -> Callable[..., Any]:
    """A registered charger that is online and has booted, unless told otherwise."""
    from django.utils import timezone

    from chargers.models import Charger

    def make(identity: str = "CP-1", subprotocol: str = "ocpp1.6", **fields: Any) -> Charger:
        values: dict[str, Any] = {
            "epoch": 1,
            "is_online": True,
            "is_booted": True,
            "connected_at": timezone.now(),
            **fields,
        }
        return Charger.objects.create(identity=identity, subprotocol=subprotocol, **values)

    return make


@pytest.fixture
def cp1(make_charger: Callable[..., Any]) -> Any:
    return make_charger("CP-1", "ocpp1.6", vendor="Acme", model="Wallbox 22", firmware_version="1.0.0")


@pytest.fixture
def cp2(make_charger: Callable[..., Any]) -> Any:
    return make_charger("CP-2", "ocpp2.0.1", vendor="Acme", model="Street 50", firmware_version="2.0.0")
