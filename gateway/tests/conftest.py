from __future__ import annotations

import pytest

from gateway.tests.talk import Talk
from sessions.models import IdToken


@pytest.fixture
def card(db) -> IdToken:
    return IdToken.objects.create(value="04A2B3C4", holder="Dana", group="fleet-7")


@pytest.fixture
def one(cp1) -> Talk:
    """CP-1 at the table: OCPP 1.6."""
    return Talk(cp1)


@pytest.fixture
def two(cp2) -> Talk:
    """CP-2 at the table: OCPP 2.0.1."""
    return Talk(cp2)


@pytest.fixture
def three(cp3) -> Talk:
    """CP-3 at the table: OCPP 2.1."""
    return Talk(cp3)
