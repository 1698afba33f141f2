"""What databases and yards of tests start from, made once and copied: migrated tables, collected static files.

It lies below `.pytest_cache`, where the processes of a test run share it, and so does the next run of the same day:
partitions are made for the months about their making. `migrate` looks over each copy as over any database.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import psycopg
from django.test import override_settings

from portal.bench import servers
from portal.bench.yard import own_environment
from portal.management.commands.prepare import collect_static_if_changed
from portal.supervisor import ports
from portal.supervisor.checkpoint import checkpoint

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / ".pytest_cache" / "made-once"


def sqlite(home: Path) -> Path:
    """Give a yard that is to live in ``home`` its SQLite database, migrated."""
    home.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(tables(), home / "chargeyard.sqlite3"))


def settings(home: Path) -> dict[str, str]:
    """What a yard has to be told, to have tables in ``home`` and static files."""
    return {"DATABASE_URL": f"sqlite:///{sqlite(home)}", "STATIC_ROOT": str(static_files())}


@cache
def tables() -> Path:
    """A migrated SQLite database. Copy it."""
    return _made("tables.sqlite3", _migrate_sqlite)


@cache
def postgres_data() -> Path:
    """The data of a PostgreSQL cluster whose database ``chargeyard`` is migrated, ``postgres`` empty. Copy it.

    Raises PartMissing.
    """
    return _made("postgres", _migrate_postgres)


@cache
def static_files() -> Path:
    """A ``STATIC_ROOT`` in which all is collected."""

    def collect(folder: Path) -> None:
        with override_settings(STATIC_ROOT=str(folder)):
            collect_static_if_changed(folder)

    return _made("static", collect, again=True)


def _made(name: str, make: Callable[[Path], None], *, again: bool = False) -> Path:
    """What ``make`` makes, by the first process that wants it; ``again``: it sees for itself what has changed."""
    now = datetime.now(UTC)
    made = KEPT / f"{now:%Y-%m-%d}-{_digest()}" / name
    if made.exists() and not again:
        return made
    made.parent.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for old in KEPT.glob("*-*-*-*/"):
            if old.name < f"{now - timedelta(days=1):%Y-%m-%d}":  # a run may have begun before midnight
                shutil.rmtree(old, ignore_errors=True)
        if not made.exists():
            # Under another name until it is whole: a run may be killed.
            begun = made.with_name(f"{name}.begun")
            shutil.rmtree(begun, ignore_errors=True)
            make(begun)
            begun.rename(made)
        elif again:
            make(made)
    return made


@cache
def _digest() -> str:
    """Of what the tables follow from."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for migration in sorted(ROOT.glob("[a-z]*/**/migrations/*.py")):
        digest.update(migration.name.encode() + migration.read_bytes())
    return digest.hexdigest()[:12]


def _migrate_sqlite(database: Path) -> None:
    database.unlink(missing_ok=True)
    _migrate(f"sqlite:///{database}", database.parent)
    checkpoint(database)


def _migrate_postgres(data: Path) -> None:
    port = ports.free()
    empty = servers.postgres_url(port)
    with servers.own_folder() as folder:
        program = servers.new_postgres(folder, port, fsync="off")
        with servers.running(program, folder, lambda: servers.postgres_missing(empty)):
            with psycopg.connect(empty, autocommit=True) as connection:
                connection.execute("CREATE DATABASE chargeyard")
            _migrate(servers.postgres_url(port, "chargeyard"), data.parent)
        shutil.copytree(folder / "data", data)


def _migrate(database_url: str, home: Path) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    environ = own_environment(home / "home") | {"DATABASE_URL": database_url}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
