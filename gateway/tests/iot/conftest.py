"""An AWS of our own for each test (moto), and nothing that leads to a real one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.client
import pytest
from moto import mock_aws

from gateway.iot import cloud


@pytest.fixture(autouse=True, scope="package")
def _clients_of_ours() -> Iterator[None]:
    """Made once, for each takes a second; made anew for whoever comes after."""
    cloud.session.cache_clear()
    cloud.client.cache_clear()
    yield
    cloud.session.cache_clear()
    cloud.client.cache_clear()


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Any]:
    """`cloud.call` on an empty account in Frankfurt."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    settings.AWS_IOT_THINGS, settings.AWS_IOT_THING_TYPE = True, "Charger"
    events: dict[str, Any] = {}
    real = botocore.client.BaseClient._make_api_call

    def answer(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if operation == "UpdateEventConfigurations":
            events.update(arguments["eventConfigurations"])
            return {}
        if operation == "DescribeEventConfigurations":
            return {"eventConfigurations": events}
        return real(self, operation, arguments)

    with mock_aws():
        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", answer)
        cloud.call("iot", "CreateThingType", thingTypeName="Charger")
        yield cloud.call


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``failing(operation, error)``: AWS answers this operation with this error; None: as before."""
    before = botocore.client.BaseClient._make_api_call
    errors: dict[str, Exception | None] = {}

    def answer(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if error := errors.get(operation):
            raise error
        return before(self, operation, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", answer)
    return errors.__setitem__
