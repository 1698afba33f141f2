"""What an edge must not forget: an SQLite file, written before anything leaves. Knows rows, not what they mean.

``synchronous = FULL``: what was committed survives a power cut. ``locking_mode = EXCLUSIVE``: a second edge on the same
file fails at once, for two would lead against each other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

Moment = tuple[float, float]  # when five minutes began, and when counting them did


class InUse(RuntimeError):
    """Another process has the journal."""


class Frame(NamedTuple):
    """A CALL that we have answered in place of the cloud, and that it has not confirmed."""

    number: int
    key: str
    message_id: str
    text: str


class Journal:
    """Changes are in force with `commit`. Raises sqlite3.OperationalError where the disk takes no more."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, timeout=1.0, isolation_level=None)
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value BLOB NOT NULL)")
            self._db.execute("CREATE TABLE IF NOT EXISTS place (name TEXT PRIMARY KEY, state BLOB NOT NULL)")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS frame "
                "(number INTEGER PRIMARY KEY, key TEXT NOT NULL, message_id TEXT NOT NULL, text TEXT NOT NULL)"
            )
            self._db.execute("CREATE UNIQUE INDEX IF NOT EXISTS frame_once ON frame (key, message_id, text)")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS sample "
                "(at REAL NOT NULL, since REAL NOT NULL, told BLOB NOT NULL, PRIMARY KEY (at, since))"
            )
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise InUse(
                    f"Another edge has {path}; a site has one. End it, or name another EDGE_JOURNAL."
                ) from error
            raise

    def note(self, name: str) -> bytes | None:
        row = self._db.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def places(self) -> dict[str, dict[str, Any]]:
        rows = self._db.execute("SELECT name, state FROM place")
        return {name: orjson.loads(state) for name, state in rows}

    def write(
        self,
        *,
        places: Mapping[str, Mapping[str, Any]],
        gone: Iterable[str] = (),
        notes: Mapping[str, bytes] | None = None,
        samples: Mapping[Moment, Mapping[str, Any]] | None = None,
        samples_from: Moment = (0.0, 0.0),
    ) -> None:
        """All or nothing, and on the disk when it returns."""
        with _Transaction(self._db):
            self._db.executemany("DELETE FROM place WHERE name = ?", [(name,) for name in gone])
            rows = [(name, orjson.dumps(state)) for name, state in places.items()]
            self._db.executemany("INSERT OR REPLACE INTO place VALUES (?, ?)", rows)
            self._db.executemany("INSERT OR REPLACE INTO note VALUES (?, ?)", list((notes or {}).items()))
            seen = [(*moment, orjson.dumps(told)) for moment, told in (samples or {}).items()]
            self._db.executemany("INSERT OR REPLACE INTO sample VALUES (?, ?, ?)", seen)
            self._db.execute("DELETE FROM sample WHERE (at, since) < (?, ?)", samples_from)

    def samples(self, most: int) -> list[dict[str, Any]]:
        """The oldest that are kept, in order."""
        rows = self._db.execute("SELECT told FROM sample ORDER BY at, since LIMIT ?", (most,))
        return [orjson.loads(told) for (told,) in rows]

    def latest_sample(self) -> dict[str, Any] | None:
        row = self._db.execute("SELECT told FROM sample ORDER BY at DESC, since DESC LIMIT 1").fetchone()
        return None if row is None else orjson.loads(row[0])

    def keep(self, frames: Iterable[tuple[str, str, str]]) -> None:
        """Keep frames (key, message id, text); on the disk when it returns."""
        with _Transaction(self._db):
            self._db.executemany("INSERT OR IGNORE INTO frame (key, message_id, text) VALUES (?, ?, ?)", list(frames))

    def confirmed(self, key: str, message_id: str) -> bool:
        """The cloud has it; whether we had kept it."""
        return self._db.execute("DELETE FROM frame WHERE key = ? AND message_id = ?", (key, message_id)).rowcount > 0

    def kept(self, most: int) -> list[Frame]:
        """The oldest, in order."""
        rows = self._db.execute("SELECT number, key, message_id, text FROM frame ORDER BY number LIMIT ?", (most,))
        return [Frame(*row) for row in rows]

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM frame").fetchone()[0])

    def close(self) -> None:
        self._db.close()


class _Transaction:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
