"""One running stack for all journeys, on each set of parts: the embedded ones, and PostgreSQL + Redis + Mosquitto."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from portal.tests import parts
from portal.tests.journeys.stack import Stack, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever is the first on a stack waits until that has started."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture(scope="session", params=["embedded", "production"])
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home: Path = tmp_path_factory.mktemp(request.param)
    with ExitStack() as context:
        env = {"OCSP_HOSTS": "127.0.0.1", "COST_UPDATES_S": "5"}
        if request.param == "production":
            env |= {
                "DATABASE_URL": context.enter_context(parts.migrated_postgres()),
                "REDIS_URL": context.enter_context(parts.redis_server()),
                "MQTT_URL": context.enter_context(parts.mosquitto()),
            }
        yield context.enter_context(running(home, "--no-demo", **env))
