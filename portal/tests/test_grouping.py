"""Tests that share a yard run in one process of pytest-xdist, or each process would start its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from portal.tests.grouping import group_of, longest_first

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("journeys/test_field.py::test_row_01_text_that_is_no_utf_8[production]", "journeys on production parts"),
        ("journeys/test_bad_frames.py::test_row_02[embedded-an object-ocpp2.1]", "journeys on embedded parts"),
        ("journeys/test_tls.py::test_pages_are_served_by_tls_as_well", "portal/tests/journeys/test_tls.py"),
        ("test_worker.py::test_integrators_hear_events[embedded]", "portal/tests/test_worker.py"),
        ("certification/test_cases.py::test_the_yard_passes[TC_001]", "portal/tests/certification/test_cases.py"),
    ],
)
def test_journeys_go_by_their_stack_and_others_by_their_module(name, group):
    assert group_of(f"portal/tests/{name}") == group


def test_the_group_with_the_longest_time_limit_begins():
    limits_s = [("a.py::x", 0), ("b.py::x", 180), ("b.py::y", 0), ("c.py::x", 400)]
    assert longest_first(limits_s) == ["c.py", "b.py", "a.py"]


def test_xdist_keeps_to_it(tmp_path):
    """As it is installed here: with a newer one everything may be another."""
    log = tmp_path / "log"
    (tmp_path / "conftest.py").write_text(
        "import os, pathlib\n"
        "from portal.tests.grouping import ByGroup\n"
        "def pytest_xdist_make_scheduler(config, log): return ByGroup(config, log)\n"
        "def pytest_runtest_call(item):\n"
        f"    with pathlib.Path({str(log)!r}).open('a') as file:\n"
        "        print(item.path.name, os.environ['PYTEST_XDIST_WORKER'], file=file)\n"
    )
    for module in "abcd":
        (tmp_path / f"test_{module}.py").write_text(
            "import pytest\n@pytest.mark.parametrize('n', range(8))\ndef test_it(n): pass\n"
        )
    options = ["-n", "2", "-p", "no:django", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    where = {tuple(line.split()) for line in log.read_text().splitlines()}
    assert len(where) == 4, where
