"""The one checkpointer of the SQLite database.

Before SQLite 3.51.3 a checkpoint that races a commit can corrupt the file (WAL-reset bug). So every connection of the
yard has `wal_autocheckpoint=0`, and this thread alone moves the log into the database, always with the writer's lock,
so no commit can race it. It also doubled the throughput: no commit pays for a checkpoint any more.

It waits for no reader, who would keep all writers waiting: what is still read stays in the log until the next time.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

EVERY_S = 1.0  # what is moved at once keeps writers out that long
PATIENCE_S = 0.5  # for the writer's lock; then better the next time
# Whoever writes next begins the log anew if all of it was moved. Where somebody always reads it grows, up to here.
LONGEST_LOG_BYTES = 64 * 1024 * 1024


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
                checkpoint(self._database) if is_last or self._is_long() else catch_up(self._database)
                complained = False
            except sqlite3.Error as error:
                if not complained:
                    self._complain(f"{self._database} cannot be checkpointed: {error}")
                complained = True

    def _is_long(self) -> bool:
        log = self._database.with_name(f"{self._database.name}-wal")
        return log.exists() and log.stat().st_size > LONGEST_LOG_BYTES


def catch_up(database: Path) -> None:
    """Move what nobody needs in the write-ahead log any more into the database; commits wait, readers do not."""
    with _opened(database) as writer, _opened(database) as mover:
        try:
            writer.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:  # somebody writes for long: the next time
                return
            raise
        mover.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        writer.execute("ROLLBACK")


def checkpoint(database: Path) -> None:
    """Move the whole log and empty it, unless readers are in the way for too long; commits wait meanwhile."""
    with _opened(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


@contextlib.contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection]:
    # mode=rw: a database that is not there is an error here, not an empty file.
    uri = f"{database.absolute().as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE_S, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        yield connection
