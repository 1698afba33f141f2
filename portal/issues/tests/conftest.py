from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from chargers.models import Charger
from portal.issues import watch
from portal.issues.models import Issue
from portal.issues.rules import RULES
from sessions.models import ChargingSession

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def look(db: None) -> Callable[..., list[Issue]]:
    """Let rules (all of them, or the one named) look at the yard; the issues that are open then."""

    def look(rule: str = "", *, at: datetime | None = None) -> list[Issue]:
        rules = [RULES[rule]] if rule else list(RULES.values())
        watch.watch(at=at or timezone.now(), rules=rules)
        return list(Issue.objects.filter(closed_at=None))

    return look


@pytest.fixture
def session(db: None) -> Callable[..., ChargingSession]:
    def make(charger: Charger, started_at: datetime, *, minutes: float | None = None, **fields: Any) -> ChargingSession:
        stopped_at = None if minutes is None else started_at + timedelta(minutes=minutes)
        values = {"evse_id": 1, "started_received_at": started_at, "stopped_received_at": stopped_at, **fields}
        number = str(ChargingSession.objects.count() + 1)
        return ChargingSession.objects.create(
            charger=charger, transaction_id=number, started_at=started_at, stopped_at=stopped_at, **values
        )

    return make
