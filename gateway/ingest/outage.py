"""Is it the frame, or is it the database? A frame that fails is buried; a database that is away is waited for."""

from __future__ import annotations

from django.db import InterfaceError, NotSupportedError, OperationalError

# SQLSTATE classes: connection, resources (disk full), operator intervention (shutdown), system; and 40001, 40P01, 55P03
# (serialisation, deadlock, lock timeout), after which the same work succeeds.
POSTGRES = ("08", "53", "57", "58", "40", "55")
QUERY_CANCELED = "57014"  # a statement timeout: the frame's own doing
# A table was altered under a statement that had been planned before; a new connection plans it anew.
STALE_PLAN = "cached plan must not change result type"
SQLITE = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_READONLY",
    "SQLITE_PROTOCOL",
)


class DatabaseAway(Exception):
    """Nothing was stored, nothing may be answered; the same batch later."""


def is_outage(error: BaseException) -> bool:
    """Whether the same frame can succeed later, with nothing changed but the database."""
    if isinstance(error, DatabaseAway | InterfaceError):
        return True
    if isinstance(error, NotSupportedError):
        return STALE_PLAN in str(error)
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    name = getattr(cause, "sqlite_errorname", None)
    if name is not None:
        return str(name).startswith(SQLITE)
    state = getattr(cause, "sqlstate", None)
    # Without a state the server never answered.
    return state is None or (state.startswith(POSTGRES) and state != QUERY_CANCELED)
