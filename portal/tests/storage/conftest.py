"""A real PostgreSQL in place of the tests' database, for what only PostgreSQL has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dj_database_url
import pytest
from django.core.management import call_command
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from chargers.models import Charger, fold
from portal.tests import parts

# As they were before there were partitions.
BEFORE = (("chargers", "0009"), ("charging_sessions", "0003"))


@pytest.fixture(scope="module")
def old_postgres(django_db_blocker: Any) -> Iterator[str]:
    """The tables of the version before partitions; every query of this module goes there. Its URL."""
    with parts.postgres() as url, django_db_blocker.unblock(), _in_place_of_ours(url):
        for app, migration in BEFORE:
            call_command("migrate", app, migration, verbosity=0)
        yield url


@pytest.fixture(scope="module")
def migrated(django_db_blocker: Any) -> Iterator[str]:
    """The tables of today; every query of this module goes there. Its URL."""
    with parts.migrated_postgres() as url, django_db_blocker.unblock(), _in_place_of_ours(url):
        yield url


@contextmanager
def _in_place_of_ours(url: str) -> Iterator[None]:
    ours = connections["default"]
    settings = connections.configure_settings({"default": dj_database_url.parse(url)})["default"]
    settings["OPTIONS"]["prepare_threshold"] = 0  # as in `portal.settings`
    connections["default"] = DatabaseWrapper(settings, "default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = ours


@pytest.fixture
def postgres(migrated: str) -> Iterator[str]:
    """All tables, without rows of other tests."""
    yield migrated
    with connections["default"].cursor() as cursor:
        cursor.execute("TRUNCATE chargers_charger, chargers_site, charging_sessions_idtoken, auth_user CASCADE")


@pytest.fixture
def on_postgres(postgres: str) -> Callable[..., Charger]:
    """Registers a charger there."""

    def make(identity: str = "CP-1", **fields: Any) -> Charger:
        values = {"subprotocol": "ocpp1.6", "epoch": 1, "is_online": True, "is_booted": True, **fields}
        return Charger.objects.create(identity=identity, identity_folded=fold(identity), **values)

    return make
