"""Registers the chargers and tokens of a load and fills the books, for the environment of the yard that is measured:
`python -m portal.bench.enrol CHARGERS SESSIONS FROM`, the chargers' password on standard input.
"""

from __future__ import annotations

import os
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from sessions.models import ChargingSession, IdToken

BATCH = 2000


def enrol(count: int, password: str, *, first: int = 0) -> None:
    """Enter the chargers ``first`` … ``count`` - 1 with one password, and the tokens that their sessions show."""
    from chargers import credentials
    from chargers.models import Charger, SecurityProfile, fold
    from portal.bench import mix
    from sessions.models import IdToken

    password_hash = credentials.hashed(password.encode())
    identities = [mix.identity(number) for number in range(first, count)]
    Charger.objects.bulk_create(
        [
            Charger(
                identity=identity,
                identity_folded=fold(identity),
                security_profile=SecurityProfile.BASIC,
                password_hash=password_hash,
            )
            for identity in identities
        ],
        batch_size=BATCH,
    )
    values = [mix.token(number) for number in range(mix.TOKENS)]
    tokens = [IdToken(value=value, value_folded=value.casefold()) for value in values]
    IdToken.objects.bulk_create(tokens, ignore_conflicts=True)


def remember(count: int) -> None:
    """Enter ``count`` sessions of an hour each that ended before today, shared among all chargers."""
    from django.utils import timezone

    from chargers.models import Charger
    from sessions.models import ChargingSession, IdToken

    yesterday = timezone.now() - timedelta(days=1)
    charger_ids = list(Charger.objects.order_by("pk").values_list("pk", flat=True))
    tokens = list(IdToken.objects.order_by("pk"))
    for first in range(0, count, BATCH):
        ChargingSession.objects.bulk_create(
            [
                _past(number, charger_ids[number % len(charger_ids)], tokens[number % len(tokens)], yesterday)
                for number in range(first, min(first + BATCH, count))
            ]
        )


def _past(number: int, charger_id: int, token: IdToken, latest: datetime) -> ChargingSession:
    from sessions.models import ChargingSession

    started_at = latest - timedelta(minutes=number % 500_000)
    stopped_at = started_at + timedelta(hours=1)
    return ChargingSession(
        charger_id=charger_id,
        transaction_id=f"past-{number}",
        id_token=token,
        token_value=token.value,
        token_verdict="accepted",  # noqa: S106 - no password
        started_at=started_at,
        started_received_at=started_at,
        stopped_at=stopped_at,
        stopped_received_at=stopped_at,
        stop_reason="EVDisconnected",
        meter_start_wh=0,
        meter_stop_wh=11_000,
        energy_wh=11_000,
    )


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    count, sessions, first = map(int, sys.argv[1:])
    enrol(count, sys.stdin.readline().strip(), first=first)
    remember(sessions)
