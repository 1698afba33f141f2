"""`bench` from end to end, as small as it goes: each phase once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PHASES = ("idle", "mix", "pages", "flood", "storm", "leave", "peak")


@pytest.mark.timeout(420)
def test_bench_measures_a_yard_of_its_own_and_leaves_nothing_behind(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", "--chargers", "20", "--rate", "20", "--seconds", "3",
         *(word for phase in PHASES for word in ("--only", phase)), "--json", str(tmp_path / "bench.json")],
        cwd=ROOT, env={**os.environ, "CHARGEYARD_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((tmp_path / "bench.json").read_text())
    results = told["results"]
    assert results["arrival"]["connected"] == 20
    for load in ("mix", "peak", "pages"):
        assert results[load]["answered"] >= 40
        assert (results[load]["errors"], results[load]["unanswered"], results[load]["lost"]) == (0, 0, 0)
        assert results[load]["cpu_us_per_call"]["worker"] > 0
    assert results["idle"]["lost"] == 0
    assert results["idle"]["kib_per_charger"] > 100  # a process for twenty
    assert set(results["mix"]["standing"]) == {"worker", "broker_or_hand"}
    assert (results["pages"]["visits"] > 0, results["pages"]["failures"], results["pages"]["unheard"]) == (True, 0, 0)
    assert results["flood"]["flooder_sent"] > results["flood"]["flooder_heard"] > 0
    for ordeal in ("storm", "leave"):
        assert results[ordeal]["missing"] == 0
        assert set(results[ordeal]["refusals"]) <= {"429", "503"}
    judged = {target["figure"].partition(":")[0] for target in told["targets"]}
    assert judged == {*PHASES} - {"peak"}  # of which nothing is asked on embedded parts
    assert "load generator" in done.stdout
    assert "asked on two cores" in done.stdout
    assert not list(tmp_path.glob("chargeyard*"))
