"""The cast of every test: Alice runs the network, Bob may only look, Charlie has an account and no rights;
CP-1 speaks OCPP 1.6, CP-2 2.0.1, CP-3 2.1."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# For what tests start as processes of their own. Django's settings have been read by now: `manage.py test` gives them a
# folder that is no running yard's either.
os.environ["CHARGEYARD_HOME"] = tempfile.mkdtemp(prefix="chargeyard-test-")
Path(os.environ["CHARGEYARD_HOME"], "staticfiles").mkdir()  # else each test client warns that it is missing

# Deadlines time the machine, not the code.
settings.register_profile(
    "chargeyard",
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("chargeyard")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from portal.tests.grouping import ByGroup

    return ByGroup(config, log) if config.getvalue("dist") == "load" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process of pytest-xdist: the groups that may take longest begin."""
    if not hasattr(config, "workerinput"):
        return
    from portal.tests.grouping import group_of, longest_first

    order = {group: place for place, group in enumerate(longest_first((item.nodeid, _limit_s(item)) for item in items))}
    items.sort(key=lambda item: order[group_of(item.nodeid)])


def _limit_s(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker else 0.0


@pytest.fixture(autouse=True, scope="session")
def _own_settings() -> None:
    """Keys that tests sign go to an authority of theirs: pytest-django has read the settings before this file.

    And a user is made in no time: Django's own hasher takes a quarter of a second for it, on purpose.
    """
    from django.conf import settings as django

    django.CHARGER_CA_FILE = Path(os.environ["CHARGEYARD_HOME"], "charger-ca.pem")
    django.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *django.PASSWORD_HASHERS]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """Let Django find migrated tables where it is about to make the tests' database, in memory."""
    from django.db import connection

    if connection.vendor != "sqlite":
        yield
        return
    from portal.tests import made_once

    # The name that Django gives it. It is there for as long as somebody is connected.
    with closing(sqlite3.connect("file:memorydb_default?mode=memory&cache=shared", uri=True)) as memory:
        with closing(sqlite3.connect(made_once.tables())) as tables:
            tables.backup(memory)
        yield


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Each test begins and ends in English: a request in another language leaves its own behind."""
    from django.utils import translation

    with translation.override("en"):
        yield


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


@pytest.fixture
def cp3(make_charger: Callable[..., Any]) -> Any:
    return make_charger("CP-3", "ocpp2.1", vendor="Acme", model="Plaza 300", firmware_version="3.0.0")
