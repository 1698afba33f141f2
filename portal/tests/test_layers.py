"""Who may import whom: chargers < sessions < smartcharging < {gateway, portal}; the two shells never meet."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BELOW: dict[str, set[str]] = {
    "chargers": set(),
    "sessions": {"chargers"},
    "smartcharging": {"chargers", "sessions"},
    "gateway": {"chargers", "sessions", "smartcharging"},
    "portal": {"chargers", "sessions", "smartcharging"},
}
# Where the house is put together, and the tests that walk through all of it.
COMPOSITION_ROOT = (
    "portal/settings.py",
    "portal/asgi.py",
    "portal/urls.py",
    "portal/machine_urls.py",
    "portal/celery.py",
    "portal/management/commands/",
    "portal/supervisor/",
    "portal/chaos/",
    "portal/bench/",
    "portal/tests/",
)


def imported_rooms(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names & BELOW.keys()


@pytest.mark.parametrize("room", BELOW)
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    checked = 0
    for path in sorted((ROOT / room).rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if place.startswith(COMPOSITION_ROOT):
            continue
        above = imported_rooms(path) - BELOW[room] - {room}
        assert not above, f"{place} reaches up to {sorted(above)}"
        checked += 1
    assert checked > 3


def test_issues_know_no_page_and_no_request_of_the_portal_around_them() -> None:
    for path in sorted((ROOT / "portal/issues").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            assert not module.startswith("portal.") or module.startswith("portal.issues"), f"{path.name}: {module}"
