"""How we hold our connections to PostgreSQL: what a session of ours is set to, and when it is given up. Knows no table.

Behind a pooler (`DATABASE_PREPARE` off) nothing is set: it shares sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.signals import connection_created
from django.dispatch import receiver

# Left to itself PostgreSQL plans anew what is cheaper with its values: with a year of partitions, longer than it runs.
# And to count a fleet by state takes 0.1 s, to compile that beforehand took 3.
#
# Whose client is gone, or never heard an answer, lets go of its rows: else no frame of theirs is done for hours.
_SESSION = """
SET plan_cache_mode = force_generic_plan; SET jit = off;
SET idle_in_transaction_session_timeout = '8s'; SET client_connection_check_interval = '2s';
SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3
"""
PATIENCE_S = "chargeyard_patience_s"  # attribute of psycopg's connection


@receiver(connection_created, dispatch_uid="ours")
def _begin_session(connection: Any, **kwargs: Any) -> None:
    if _is_ours(connection):
        with connection.cursor() as cursor:
            cursor.execute(_SESSION)


def lose_patience() -> None:
    """Have this process, on which chargers and people wait, give up a connection that is silent for too long.

    The kernel sees to a host that is gone. This is for one whose kernel still answers: a proxy or a server that hangs.
    Not for management commands: a migration may take its time.
    """
    if connection.vendor == "postgresql" and settings.DATABASE_PATIENCE_S:
        connection_created.connect(_be_impatient, dispatch_uid="patience")


def _be_impatient(connection: Any, **kwargs: Any) -> None:
    raw, after_s = connection.connection, settings.DATABASE_PATIENCE_S
    setattr(raw, PATIENCE_S, after_s)
    raw.wait = partial(_wait, raw, type(raw).wait, after_s)


def _wait(raw: Any, wait: Callable[..., Any], after_s: float, generator: Any, **options: Any) -> Any:
    """What all that psycopg does on a connection goes through."""
    from psycopg import errors

    try:
        return wait(raw, generator, **{"timeout": after_s, **options})
    except errors._WaitTimeout:  # noqa: SLF001 - public in effect: `wait` has the parameter
        raise given_up(raw, after_s) from None


def given_up(raw: Any, after_s: float | None) -> Exception:
    from psycopg.errors import OperationalError

    raw.close()  # whatever still comes on it would be taken for the answer to the next question
    return OperationalError(f"The database has not answered for {after_s:g} s.")


def prefer_indexes() -> None:
    """Have this process, on the reply path, read no table from end to end where an index will do.

    PostgreSQL keeps the plan of a prepared statement. One made while tables were empty would scan them from end to end
    after they have filled, until their statistics are next taken.
    """
    if _is_ours(connection):
        connection_created.connect(_forgo_scans, dispatch_uid="prefer indexes")


def _forgo_scans(connection: Any, **signal: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")


def _is_ours(wrapper: Any) -> bool:
    return wrapper.vendor == "postgresql" and wrapper.settings_dict["OPTIONS"].get("prepare_threshold") is not None
