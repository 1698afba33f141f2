"""SQLite's write-ahead log is moved into the database beside writers and readers, by one thread only."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from portal.supervisor.checkpoint import Checkpointer, catch_up, checkpoint

ROW = "x" * 3000


def opened(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database, isolation_level=None, timeout=10, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


def log_of(database: Path) -> Path:
    return Path(f"{database}-wal")


def write(connection: sqlite3.Connection, rows: int = 100) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO meter (text) VALUES (?)", [(ROW,)] * rows)
    connection.execute("COMMIT")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "with space.sqlite3"


@pytest.fixture
def writer(database: Path) -> Iterator[sqlite3.Connection]:
    with closing(opened(database)) as connection:
        connection.execute("CREATE TABLE meter (number INTEGER PRIMARY KEY, text TEXT)")
        yield connection


def test_a_checkpoint_empties_the_write_ahead_log(database, writer):
    write(writer)
    assert log_of(database).stat().st_size > 0
    checkpoint(database)
    assert log_of(database).stat().st_size == 0
    assert writer.execute("SELECT count(*) FROM meter").fetchone() == (100,)


def test_a_log_that_is_caught_up_with_does_not_grow(database, writer):
    sizes = []
    for _ in range(10):
        write(writer)
        catch_up(database)
        sizes.append(log_of(database).stat().st_size)
    assert sizes[-1] < 2 * sizes[0]
    assert database.stat().st_size > 1000 * len(ROW), "all of it is in the database"


def test_to_catch_up_waits_for_no_reader_and_keeps_what_is_read(database, writer, monkeypatch):
    monkeypatch.setattr("portal.supervisor.checkpoint.PATIENCE_S", 60.0)
    write(writer)
    with closing(opened(database)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM meter").fetchone() == (100,)
        write(writer)
        began = time.monotonic()
        catch_up(database)
        assert time.monotonic() - began < 30, "a checkpoint that empties the log would wait for a minute"
        write(writer)
        assert reader.execute("SELECT count(*) FROM meter").fetchone() == (100,)
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM meter").fetchone() == (300,)


def test_to_catch_up_gives_way_to_who_writes_for_long(database, writer):
    writer.execute("BEGIN IMMEDIATE")
    catch_up(database)
    writer.execute("ROLLBACK")


def test_writers_who_never_pause_lose_nothing(database, writer):
    is_over = threading.Event()
    written = [0, 0]

    def keep_writing(who: int) -> None:
        with closing(opened(database)) as connection:
            while not is_over.is_set():
                write(connection, 5)
                written[who] += 5

    threads = [threading.Thread(target=keep_writing, args=(who,)) for who in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(60):
        catch_up(database)
        time.sleep(0.01)
    is_over.set()
    for thread in threads:
        thread.join()
    assert min(written) > 0
    assert writer.execute("SELECT count(*) FROM meter").fetchone() == (sum(written),)
    assert writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_log_that_is_always_read_is_emptied_when_it_is_long(database, writer, monkeypatch):
    monkeypatch.setattr("portal.supervisor.checkpoint.LONGEST_LOG_BYTES", 100_000)
    write(writer)
    with closing(opened(database)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM meter").fetchone()
        for _ in range(5):
            write(writer)
            catch_up(database)
        long = log_of(database).stat().st_size
    checkpointer = Checkpointer(database, complain=pytest.fail, every_s=0.01)
    checkpointer.start()
    deadline = time.monotonic() + 10
    while log_of(database).stat().st_size and time.monotonic() < deadline:
        time.sleep(0.01)
    assert log_of(database).stat().st_size == 0 < long
    checkpointer.stop()


def test_a_database_that_cannot_be_checkpointed_is_reported_once_and_not_created(tmp_path):
    said: list[str] = []
    checkpointer = Checkpointer(tmp_path / "gone.sqlite3", complain=said.append, every_s=0.01)
    checkpointer.start()
    time.sleep(0.1)
    checkpointer.stop()
    assert said == [f"{tmp_path}/gone.sqlite3 cannot be checkpointed: unable to open database file"]
    assert not list(tmp_path.iterdir())
