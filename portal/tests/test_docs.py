"""What the documents say must be so: links, files, commands and settings exist, and every setting is explained."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands

from portal.tests.test_compose import COMPOSE_ONLY, check_command, example_names, settings_names

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OPERATIONS = ROOT / "docs/operations.md"
TEXT_DEFAULTS = {
    "CHARGEYARD_HOME", "DATABASE_URL", "SECRET_KEY", "STATIC_ROOT", "PUBLIC_URL", "CSRF_TRUSTED_ORIGINS",
    "CHARGER_CA_FILE", "ISO15118_PROVIDER", "OCSP_HOSTS", "OCSP_ISSUERS", "MQTT_PREFIX", "MQTT_CLIENT_PEM",
    "MQTT_CA_FILE", "WORKER_METRICS",
    "PROXY_ADDRESSES", "PROXY_CERTIFICATE_HEADER", "TLS_PORT", "TLS_CERTIFICATE", "TLS_KEY", "TLS_CLIENT_CA",
    "CPO_NAME", "CREDENTIAL_PEPPER", "EMAIL_URL", "INGEST_QUEUE_URL", "DATABASE_PASSWORD", "CHARGER_CA_PEM",
    "TLS_CERTIFICATE_PEM", "FILES_BUCKET", "CLOUDWATCH_NAMESPACE", "MAP_TILES_URL", "MAP_ATTRIBUTION",
    "AWS_IOT_THING_TYPE",
}  # fmt: skip


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def anchors(page: Path) -> set[str]:
    """The names under which GitHub lets one link to the page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page: Path) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in link]


def code_paths(page: Path) -> set[str]:
    """What stands in backticks and looks like a file or folder of ours."""
    ours = r"(?:chargers|sessions|smartcharging|gateway|portal|docs|deploy|templates|static)"
    return set(re.findall(rf"`({ours}/[\w./-]*\w(?:\.\w+|/))`", page.read_text()))


def commands(page: Path) -> list[str]:
    """Every `manage.py …` of the page, in the middle of a line too."""
    lines = page.read_text().replace("\\\n", " ")
    return re.findall(r"manage\.py ((?!help|test\b)[a-z_]+(?: [^`\n;|&)#]*)?)", lines)


def documented() -> dict[str, str]:
    """Setting and default as the table in operations.md says them."""
    return dict(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+?) \|", OPERATIONS.read_text(), re.MULTILINE))


def secrets() -> list[str]:
    """Settings that may come as a file."""
    source = (ROOT / "portal/settings.py").read_text()
    found = re.search(r"with_secret_files\(\s*os\.environ,\s*(.+?),?\s*\)\n", source, re.DOTALL)
    assert found
    return re.findall(r'"([A-Z_]+)"', found[1])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name_of(page)} links to {link}"
        assert not anchor or anchor in anchors(target), f"{name_of(page)} links to {link}; there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_is_named_exists(page):
    missing = {path for path in code_paths(page) if not (ROOT / path).exists()}
    assert not missing, f"{name_of(page)} names {missing}"


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name_of)
def test_every_command_that_is_named_exists_with_its_options(page):
    for command in commands(page):
        name, *options = shlex.split(command.strip(" .,:*"))
        if options:
            check_command(["python", "manage.py", name, *options])
        else:  # prose may leave out what the command needs
            assert name in get_commands()


def test_every_setting_is_documented_and_nothing_else():
    assert documented().keys() == settings_names() | {"DATABASE_URL"}
    assert all(f"`{name}`" in OPERATIONS.read_text() for name in COMPOSE_ONLY)


def test_documented_defaults_are_those_of_the_example():
    example = dict(re.findall(r"^#([A-Z][A-Z0-9_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    told = {name: default.strip("`") for name, default in documented().items() if name not in TEXT_DEFAULTS}
    assert told == {name: example[name] for name in told}


def test_each_test_by_which_a_page_proves_something_exists():
    defined = {
        name
        for app in ("chargers", "sessions", "smartcharging", "gateway", "portal")
        for path in (ROOT / app).rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", path.read_text())
    }
    for page in PAGES:
        named = set(re.findall(r"`(test_\w+)`", page.read_text()))
        assert not named - defined, f"{name_of(page)} names tests that do not exist: {sorted(named - defined)}"


def test_every_secret_that_may_come_as_a_file_is_named():
    for name in secrets():
        assert f"`{name}_FILE`" in OPERATIONS.read_text()
        assert f"{name}_FILE" in (ROOT / ".env.example").read_text()


def test_settings_that_pages_name_exist():
    known = example_names() | {f"{name}_{how}" for name in secrets() for how in ("FILE", "ARN")}
    prefixes = {name.split("_")[0] for name in settings_names()}
    for page in PAGES:
        named = set(re.findall(r"`([A-Z]+(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", page.read_text()))
        wrong = {name for name in named if name.split("_")[0] in prefixes} - known
        assert not wrong, f"{name_of(page)} names {wrong}"
