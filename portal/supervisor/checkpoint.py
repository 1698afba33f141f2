"""The one checkpointer of the SQLite database.

Before SQLite 3.51.3 a checkpoint that races a commit can corrupt the file (WAL-reset bug). So every connection of the
yard has `wal_autocheckpoint=0`, and this thread alone moves the log into the database: TRUNCATE holds the writer's
lock, so no commit can race it. It also doubled the throughput: no commit pays for a checkpoint any more.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

EVERY_S = 3.0
# While it waits for readers it keeps writers out; better to try again in three seconds.
PATIENCE_S = 0.5


class Checkpointer:
    """Runs from ``start`` to ``stop``; tells ``complain`` once when it cannot work, and keeps trying."""

    def __init__(self, database: Path, *, complain: Callable[[str], None], every_s: float = EVERY_S) -> None:
        self._database = database
        self._complain = complain
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Checkpoint a last time and end."""
        self._stopping.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        complained = False
        is_last = False
        while not is_last:
            is_last = self._stopping.wait(self._every_s)
            try:
                checkpoint(self._database)
                complained = False
            except sqlite3.Error as error:
                if not complained:
                    self._complain(f"{self._database} cannot be checkpointed: {error}")
                complained = True


def checkpoint(database: Path) -> None:
    """Move the write-ahead log into the database and empty it, unless readers are in the way."""
    # mode=rw: a database that is not there is an error here, not an empty file.
    uri = f"{database.absolute().as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
