"""The points where a process can be made to die. That the yard heals from each: `portal/tests/chaos`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from gateway import crash

ROOT = Path(__file__).resolve().parents[2]


def reach(home: Path, told: str, times: int) -> int:
    """How a process ended that came ``times`` times to worker.after_commit."""
    program = f"from gateway import crash\nfor _ in range({times}): crash.at('worker.after_commit')"
    env = {**os.environ, crash.VARIABLE: told, "CHARGEYARD_HOME": str(home)}
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=env, check=False).returncode


def test_every_point_that_is_listed_stands_in_the_code_once_and_no_other_does():
    code = "\n".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py") if "tests" not in path.parts)
    placed = Counter(re.findall(r'^ +crash\.at\("([\w.]+)"\)', code, re.MULTILINE))
    assert placed == dict.fromkeys(crash.POINTS, 1)


def test_a_process_dies_at_the_point_at_the_time_that_was_told(tmp_path):
    assert reach(tmp_path, "worker.after_commit:3", times=2) == 0
    assert reach(tmp_path, "gateway.after_claim,worker.after_commit:3", times=3) == -signal.SIGKILL


def test_whoever_comes_after_it_lives(tmp_path):
    assert reach(tmp_path, "worker.after_commit", times=1) == -signal.SIGKILL
    assert crash.trace(tmp_path, "worker.after_commit").exists()
    assert reach(tmp_path, "worker.after_commit", times=1) == 0


def test_other_points_and_no_order_leave_it_alive(tmp_path):
    assert reach(tmp_path, "gateway.before_publish", times=1) == 0
    assert reach(tmp_path, "", times=1) == 0


@pytest.mark.parametrize("told", ["worker.after_comit", "worker.after_commit:soon"])
def test_a_point_that_there_is_not_stops_the_start_with_a_sentence(told, tmp_path):
    with pytest.raises(SystemExit, match=r"worker\.after_commit, worker\.before_reply"):
        crash.armed(told, tmp_path)
