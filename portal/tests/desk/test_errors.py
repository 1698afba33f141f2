"""What people read when a view fails: with real answers of the whole stack of middleware."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client


@pytest.fixture
def failing(alice: Any) -> Any:
    """The overview as Alice gets it while each statement fails with ``error``."""
    browser = Client(raise_request_exception=False)
    browser.force_login(alice)

    def fail(error: Exception) -> Any:
        def instead(*_: Any) -> None:
            raise error

        with connection.execute_wrapper(instead):
            return browser.get("/")

    return fail


def test_a_database_that_is_away_is_said_to_be_and_passes(failing):
    answer = failing(OperationalError("server closed the connection unexpectedly"))
    assert answer.status_code == 503 and answer["Retry-After"]
    assert "The database cannot be used now" in answer.content.decode()
    assert "server closed" not in answer.content.decode()


def test_what_broke_in_our_code_is_ours(failing):
    answer = failing(RuntimeError("a fault"))
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()
    assert "a fault" not in answer.content.decode()
