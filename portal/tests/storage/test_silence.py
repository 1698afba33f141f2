"""A database that takes what it is told and answers nothing: no process waits for ever, no row stays locked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import psycopg
import pytest
from celery import signals
from django.db import OperationalError, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.backends.signals import connection_created

from chargers import database
from chargers.models import Charger
from chargers.rows import Lookup
from gateway import tasks
from gateway.ingest.outage import is_outage
from portal.chaos.proxy import Lines, Proxy

PATIENCE_S = 1.0
LET_GO_S = 8.0  # `idle_in_transaction_session_timeout` of our sessions
LOOKUP = Lookup(Charger, by=["identity_folded"], is_locking=True)


@pytest.fixture
def deafen(postgres: str, settings) -> Iterator[Callable[[], int]]:
    """Lets the connections of this process go deaf that there are; those that are made later are good."""
    settings.DATABASE_PATIENCE_S = PATIENCE_S
    address = urlsplit(postgres)
    direct = connections["default"]
    with Lines() as lines:
        port = lines.add("database", (str(address.hostname), int(address.port or 0)))
        through = {**direct.settings_dict, "HOST": "127.0.0.1", "PORT": port}
        connections["default"] = DatabaseWrapper(through, "default")
        database.lose_patience()
        try:
            yield lambda: lines.with_("database", Proxy.deafen)
        finally:
            connections["default"].close()
            connections["default"] = direct
            connection_created.disconnect(dispatch_uid="patience")


@pytest.mark.parametrize("ask", [lambda: LOOKUP([("cp-1",)]), Charger.objects.count], ids=["ours", "Django's"])
def test_a_silent_database_is_an_outage_and_the_next_question_finds_a_new_connection(on_postgres, deafen, ask):
    on_postgres("CP-1")
    ask()
    deafen()
    began = time.monotonic()
    with pytest.raises(OperationalError, match="has not answered for 1 s") as caught:
        ask()
    assert is_outage(caught.value)
    assert time.monotonic() - began < PATIENCE_S + 5
    connections["default"].close()
    ask()


def test_rows_that_a_lost_transaction_held_are_let_go(on_postgres, deafen, postgres):
    on_postgres("CP-1")
    with suppress(OperationalError), transaction.atomic():
        LOOKUP([("cp-1",)])
        deafen()
        LOOKUP([("cp-1",)])
    with psycopg.connect(postgres) as elsewhere:
        elsewhere.execute(f"SET lock_timeout = '{LET_GO_S + 10} s'".encode())
        began = time.monotonic()
        elsewhere.execute("SELECT 1 FROM chargers_charger FOR UPDATE")
        assert time.monotonic() - began > PATIENCE_S  # it was held indeed


def test_a_task_after_the_database_was_restarted_finds_a_new_connection(on_postgres, postgres):
    on_postgres("CP-1")
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with psycopg.connect(postgres) as elsewhere:
        elsewhere.execute("SELECT pg_terminate_backend(%s)", [pid])
    task = tasks.deliver_pending
    task.push_request(is_eager=False)
    for _ in range(2):
        with pytest.raises(OperationalError):
            task.run()  # a connection that broke stays what it is
    signals.task_prerun.send(sender=task, task_id="the next")
    task.run()
    task.pop_request()
