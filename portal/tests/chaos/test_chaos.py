"""`chaos` from end to end, as short as it goes: processes killed, lines cut, and a table that says what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def chaos(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "chaos", *words],
        cwd=ROOT, env={**os.environ, "CHARGEYARD_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip


@pytest.mark.timeout(300)
def test_what_is_killed_and_cut_comes_back_and_every_promise_holds(tmp_path):
    told = tmp_path / "chaos.json"
    faults = "kill:gateway,kill:child,cut:charger-gateway,kill:broker,slices:gateway-broker@3"
    done = chaos(tmp_path, "--seed", "20", "--chargers", "12", "--rate", "12", "--faults", faults, "--json", str(told))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 20" in done.stdout
    assert "Every promise held." in done.stdout
    outcome = json.loads(told.read_text())
    assert [act["fault"] for act in outcome["acts"]] == faults.split(",")
    assert all(act["caught_up_s"] is not None and act["before_ms"]["p50"] > 0 for act in outcome["acts"])
    assert outcome["figures"]["acknowledged"] == outcome["figures"]["attempted"] > 100
    assert outcome["counts"] == {}
    assert not list(tmp_path.glob("chargeyard*"))


def test_a_fault_that_there_is_not_is_named_with_those_that_there_are(tmp_path):
    done = chaos(tmp_path, "--faults", "kill:gatway")
    assert done.returncode == 1
    assert "kill:gatway" in done.stderr
    assert "kill:gateway" in done.stderr


def test_the_faults_can_be_listed(tmp_path):
    done = chaos(tmp_path, "--list", "--parts", "production")
    assert done.returncode == 0
    assert {"kill:database", "away:database", "clock:-10y", "deaf:worker-database"} <= set(done.stdout.split())
