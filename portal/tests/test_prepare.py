"""`manage.py prepare`: tables, static files and a first user, each only where it is missing."""

from __future__ import annotations

import os
import stat

import pytest
from django.contrib.auth import authenticate
from django.contrib.staticfiles import finders
from django.core.management import call_command

from portal.management.commands.prepare import collect_static_if_changed, make_first_user


@pytest.fixture
def one_static_file(settings, tmp_path):
    """A project whose only static file is `yard.css`."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static/yard.css").write_text("body { margin: 0 }")
    settings.STATICFILES_DIRS = [tmp_path / "static"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "collected"
    forget_finders()
    yield tmp_path / "static/yard.css"
    forget_finders()


def forget_finders() -> None:
    """Django keeps each finder, with the folders of its first day."""
    finders.get_finder.cache_clear()  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_the_first_user_can_log_in_with_the_password_that_only_its_owner_can_read(tmp_path):
    file = tmp_path / "admin-password.txt"
    assert make_first_user(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    user = authenticate(username="admin", password=file.read_text().strip())
    assert user is not None and user.is_superuser


@pytest.mark.django_db
def test_where_there_are_users_nobody_is_added(alice, tmp_path):
    assert not make_first_user(tmp_path / "admin-password.txt")
    assert not (tmp_path / "admin-password.txt").exists()


@pytest.mark.django_db
def test_the_password_of_a_database_that_is_gone_is_replaced(tmp_path):
    file = tmp_path / "admin-password.txt"
    file.write_text("of another database")
    make_first_user(file)
    assert authenticate(username="admin", password=file.read_text().strip())


def test_static_files_are_collected_when_they_changed(one_static_file, settings):
    assert collect_static_if_changed(settings.STATIC_ROOT)
    assert not collect_static_if_changed(settings.STATIC_ROOT)
    one_static_file.write_text("body { margin: 1px }")
    os.utime(one_static_file, (2e9, 2e9))  # Django compares whole seconds
    assert collect_static_if_changed(settings.STATIC_ROOT)
    assert (settings.STATIC_ROOT / "yard.css").read_text() == "body { margin: 1px }"


@pytest.mark.django_db
def test_preparing_twice_shows_a_line_per_step_and_adds_one_user(one_static_file, settings, tmp_path, capsys):
    settings.CHARGEYARD_HOME = tmp_path
    call_command("prepare")
    first = capsys.readouterr().out
    call_command("prepare")
    second = capsys.readouterr().out
    assert [line.split()[1] for line in first.splitlines()] == ["database", "static", "user"]
    assert f"user admin, password in {tmp_path}/admin-password.txt" in first
    assert "static files, unchanged" in second
    assert "password" not in second
