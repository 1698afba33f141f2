"""`bench` from end to end, as small as it goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.timeout(180)
def test_bench_measures_a_yard_of_its_own_and_leaves_nothing_behind(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "--chargers", "20", "--rate", "20", "--seconds", "3",
         "--only", "mix", "--only", "peak", "--json", str(tmp_path / "bench.json")],
        cwd=ROOT, env={**os.environ, "CHARGEYARD_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "bench.json").read_text())["results"]
    assert results["arrival"]["connected"] == 20
    for load in ("mix", "peak"):
        assert results[load]["answered"] >= 40
        assert (results[load]["errors"], results[load]["unanswered"], results[load]["lost"]) == (0, 0, 0)
        assert results[load]["cpu_us_per_call"]["worker"] > 0
    assert "load generator" in done.stdout
    assert not list(tmp_path.glob("chargeyard*"))
