"""A table that is altered while workers run: what they had planned is planned anew, and no frame is lost or buried."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest
from django.db import connections

from chargers.models import Charger, DeadLetter, Exchange
from gateway import topics
from gateway.ingest import batch
from gateway.ingest.inbound import Inbound
from gateway.ingest.outage import DatabaseAway

HEARTBEAT = '[2,"{}","Heartbeat",{{}}]'


def widen(url: str, width: int) -> None:
    """As a migration does it, from elsewhere."""
    with psycopg.connect(url, autocommit=True) as elsewhere:
        elsewhere.execute(f"ALTER TABLE chargers_charger ALTER COLUMN vendor TYPE varchar({width})".encode())


def heartbeat(charger: Charger, message_id: str) -> None:
    batch.process([Inbound(topics.key(charger.identity), HEARTBEAT.format(message_id).encode(), time.time())])


def test_a_batch_on_an_altered_table_waits_for_a_new_connection_and_is_done(
    on_postgres: Callable[..., Charger], postgres: str
) -> None:
    charger = on_postgres()
    for number in range(3):
        heartbeat(charger, f"before-{number}")
    widen(postgres, 65)
    try:
        with pytest.raises(DatabaseAway):
            heartbeat(charger, "after")
        connections.close_all()  # as a hand does with each failure
        heartbeat(charger, "after")
    finally:
        connections.close_all()
        widen(postgres, 64)
    assert not DeadLetter.objects.exists()
    assert Exchange.objects.filter(message_id="after", outcome="result").count() == 1
