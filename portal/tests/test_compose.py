"""docker-compose.yml, Dockerfile and .env.example name only commands and settings that exist. No Docker needed."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from celery.bin.celery import celery
from click.testing import CliRunner
from django.core.management import CommandError, get_commands, load_command_class

from portal.supervisor import ports
from portal.tests import parts

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"].startswith("chargeyard:")}
# What compose itself reads from .env; everything else there is a setting.
COMPOSE_ONLY = {"POSTGRES_PASSWORD", "PORTAL_PORT", "GATEWAY_PORT"}


def settings_names() -> set[str]:
    """Every environment variable that portal/settings.py reads."""
    source = (ROOT / "portal/settings.py").read_text()
    return set(re.findall(r"env\.\w+\(\s*\"([A-Z][A-Z0-9_]+)\"", source))


def example_names() -> set[str]:
    """Every variable in .env.example, commented or not."""
    return set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def docker_command() -> list[str]:
    found = re.search(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert found
    return list(yaml.safe_load(found[1]))


def check_command(words: list[str]) -> None:
    """Fails unless ``words`` start a management command, or our Celery app, with options that it knows."""
    if words[:2] == ["python", "manage.py"]:
        name, *options = words[2:]
        commands = get_commands()
        assert name in commands, f"there is no management command {name!r}"
        command = load_command_class(commands[name], name)
        command.create_parser("manage.py", name).parse_args(options)
    else:
        assert words[:3] == ["celery", "-A", "portal.celery"]
        # Celery reads all options before it comes to --help; one that it does not know ends in an error.
        result = CliRunner().invoke(celery, [*words[1:], "--help"])
        assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", OURS)
def test_each_service_runs_a_command_that_exists(name):
    check_command(OURS[name]["command"])


def test_the_image_runs_a_command_that_exists():
    check_command(docker_command())


def test_the_image_collects_static_files_with_a_command_that_exists():
    line = re.search(r"python (manage\.py collectstatic.*?) \\", (ROOT / "Dockerfile").read_text())
    assert line
    check_command(["python", *shlex.split(line[1])])


def test_a_wrong_command_would_be_noticed():
    with pytest.raises(AssertionError):
        check_command(["python", "manage.py", "serv"])
    with pytest.raises(CommandError, match="--no-such-option"):
        check_command(["python", "manage.py", "prepare", "--no-such-option"])
    with pytest.raises(AssertionError, match="--no-such-option"):
        check_command(["celery", "-A", "portal.celery", "worker", "--no-such-option"])


@pytest.mark.parametrize("name", OURS)
def test_each_service_is_given_only_settings_that_exist(name):
    assert set(OURS[name]["environment"]) <= settings_names() | {"DATABASE_URL"}


def test_the_image_sets_only_settings_that_exist():
    block = re.search(
        r"^ENV PATH=.* \\\n(    CHARGEYARD_HOME.*(?:\n    .*)*)", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    assert block
    names = set(re.findall(r"^ +([A-Z_]+)=", block[1], re.MULTILINE))
    assert {name for name in names if not name.startswith("PYTHON")} <= settings_names()


def test_the_example_lists_every_setting_and_nothing_else():
    assert example_names() == settings_names() | {"DATABASE_URL"} | COMPOSE_ONLY


def test_compose_asks_only_for_variables_that_the_example_lists():
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert asked <= example_names()


@pytest.mark.parametrize("name", OURS)
def test_our_services_wait_run_bound_and_cannot_write_to_the_image(name):
    service = OURS[name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert set(service["depends_on"]) <= set(COMPOSE["services"])
    waits_healthy = [other for other, how in service["depends_on"].items() if how["condition"] == "service_healthy"]
    assert all("healthcheck" in COMPOSE["services"][other] for other in waits_healthy)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_image_is_pinned_and_every_volume_is_declared(name):
    service = COMPOSE["services"][name]
    assert re.search(r":\d+\.\d+", service["image"])
    named = [volume.split(":")[0] for volume in service.get("volumes", []) if not volume.startswith(".")]
    assert set(named) <= set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_log_fills_the_disk(name):
    assert COMPOSE["services"][name]["logging"] == {"driver": "local"}  # 5 files of 20 MB


def test_the_image_does_not_run_as_root():
    final = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!root|0)", final, re.MULTILINE)


def test_the_broker_takes_its_configuration():
    """Mosquitto 2.0 ends when it meets an option that it does not know."""
    with parts.mosquitto() as url:
        assert url.startswith(f"mqtt://{ports.LOOPBACK}:")


def test_the_ci_script_is_sound_bash():
    done = subprocess.run(["bash", "-n", ROOT / ".ci/run"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
