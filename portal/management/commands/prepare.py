"""What a yard needs before its processes start: tables, static files, a first user."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from chargers.retention import JOURNAL
from portal.supervisor.console import Console
from sessions.retention import METER_VALUES


class Command(BaseCommand):
    help = "Migrates the database, collects static files when they changed, and makes the first user, admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-static", action="store_true", help="leave static files alone (an image has its own)")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console()
        with console.step("database"):
            call_command("migrate", interactive=False, stdout=sys.stderr)
            for table in (JOURNAL, METER_VALUES):
                table.make_ahead(at=timezone.now())
        if not options["no_static"]:
            with console.step("static files") as step:
                step.title += "" if collect_static_if_changed(Path(settings.STATIC_ROOT)) else ", unchanged"
        password_file = settings.CHARGEYARD_HOME / "admin-password.txt"
        with console.step("user admin") as step:
            if make_first_user(password_file):
                step.title += f", password in {password_file}"


def collect_static_if_changed(target: Path) -> bool:
    """Collect static files into ``target`` unless that is done for exactly these files; says whether it did."""
    marker = target / ".collected"
    now = _fingerprint()
    if marker.exists() and marker.read_text() == now:
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    marker.write_text(now)
    return True


def make_first_user(password_file: Path) -> bool:
    """Make `admin` with a random password, kept in ``password_file`` for its owner only; nothing if there are users.

    Returns whether a user was made.
    """
    users = get_user_model()._default_manager
    if users.exists():
        return False
    password = secrets.token_urlsafe(12)
    # The file first: a user whose password nobody can read would lock everybody out.
    password_file.unlink(missing_ok=True)
    with open(password_file, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(password + "\n")
    get_user_model().objects.create_superuser("admin", "", password)
    return True


def _fingerprint() -> str:
    """A digest of names, sizes and times of all static files; some 50 ms for a thousand."""
    digest = hashlib.sha256(settings.STORAGES["staticfiles"]["BACKEND"].encode())
    for finder in get_finders():
        for name, storage in finder.list([]):
            stat = Path(storage.path(name)).stat()
            digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()
