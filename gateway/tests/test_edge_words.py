"""The edge speaks as the worker does, to the letter, and needs none of its tables."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from chargers.models import Command
from gateway import schemas
from gateway.edge import bridge, standin, words
from gateway.registry import DIALECTS
from sessions.models import ChargingSession
from smartcharging import leading

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 11, 2, 13, 45, tzinfo=UTC)
VERSIONS = ["1.6", "2.0.1", "2.1"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", leading.KINDS)
def test_a_limit_is_worded_as_the_worker_words_it(version: str, kind: str, make_charger: Any) -> None:
    charger = make_charger("CP-1", f"ocpp{version}")
    session = ChargingSession.objects.create(
        charger=charger, evse_id=1, transaction_id="77", started_at=AT, started_received_at=AT
    )
    until = AT + timedelta(seconds=300) if kind == "lease" else None
    profile = leading.profile(kind, 1, 13.0, at=AT, until=until, watts_per_a=None)
    of_session = {} if kind == "default" else {"session_id": session.pk}
    command = Command(charger=charger, verb="set_profile", arguments={"evse_id": 1, "profile": profile | of_session})
    dialect = DIALECTS[f"ocpp{version}"]
    transaction_id = "" if kind == "default" else "77"
    said = words.set_profile(version, profile, evse_id=1, transaction_id=transaction_id)
    assert said == dialect.word(command)
    assert schemas.load(dialect.schemas).objections(*said) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_an_emergency_stop_is_valid(version: str) -> None:
    assert schemas.load(DIALECTS[f"ocpp{version}"].schemas).objections(*words.stop(version, "77")) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_edge_confirms_may_be_confirmed_with_nothing(version: str) -> None:
    messages = schemas.load(DIALECTS[f"ocpp{version}"].schemas)
    known = [action for action in {*standin.REPORTS, "TransactionEvent"} if messages.knows(action)]
    assert len(known) >= 6
    for action in known:
        assert messages.read_answer(action, {}) == ({}, [])


def test_currents_are_read_in_the_words_of_each_version() -> None:
    old = {
        "connectorId": 1, "transactionId": 7,
        "meterValue": [{"timestamp": "2026-11-02T13:45:00Z", "sampledValue": [
            {"measurand": "Current.Import", "phase": "L1", "value": "9.5"},
            {"measurand": "Current.Import", "phase": "L2", "value": "10.5", "unit": "A"},
            {"measurand": "Current.Import", "phase": "N", "value": "30"},
        ]}],
    }  # fmt: skip
    assert list(words.news("MeterValues", old)) == [words.Begun(1, "7"), words.Metered(1, "7", 10.5, None)]
    new = {
        "eventType": "Updated", "evse": {"id": 2}, "transactionInfo": {"transactionId": "t"},
        "meterValue": [{"timestamp": "2026-11-02T13:45:00Z", "sampledValue": [
            {"measurand": "Power.Active.Import", "value": 6.9, "unitOfMeasure": {"unit": "kW"}},
        ]}],
    }  # fmt: skip
    assert list(words.news("TransactionEvent", new)) == [words.Begun(2, "t"), words.Metered(2, "t", None, 6900.0)]


def test_a_session_ends_with_its_last_event_or_when_no_car_is_there() -> None:
    ended = {"eventType": "Ended", "evse": {"id": 2}, "transactionInfo": {"transactionId": "t"}}
    assert list(words.news("TransactionEvent", ended)) == [words.Ended("t")]
    assert list(words.news("StopTransaction", {"transactionId": 7})) == [words.Ended("7")]
    assert list(words.news("StatusNotification", {"connectorId": 1, "status": "Available"})) == [words.Ended(evse_id=1)]
    assert list(words.news("StatusNotification", {"connectorId": 0, "status": "Available"})) == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=6,
)
FIELDS = st.sampled_from([
    "transactionInfo", "evse", "meterValue", "eventType", "transactionId", "connectorId", "evseId", "status",
])  # fmt: skip


@given(
    action=st.sampled_from(["TransactionEvent", "MeterValues", "StatusNotification", "StopTransaction"]),
    payload=st.dictionaries(FIELDS, ANYTHING | st.lists(st.fixed_dictionaries({"sampledValue": ANYTHING}), max_size=2)),
)
def test_whatever_a_charger_says_is_heard_without_harm(action: str, payload: dict[str, Any]) -> None:
    list(words.news(action, payload))
    words.may_raise("SetChargingProfile", payload)


@pytest.mark.parametrize(
    ("action", "payload", "may_raise"),
    [
        ("SetChargingProfile", {"csChargingProfiles": {"chargingProfilePurpose": "TxProfile"}}, True),
        ("SetChargingProfile", {"chargingProfile": {"chargingProfilePurpose": "ChargingStationMaxProfile"}}, False),
        ("RequestStartTransaction", {"chargingProfile": {}}, True),
        ("RequestStartTransaction", {}, False),
        ("UpdateDynamicSchedule", {"chargingProfileId": 5, "scheduleUpdate": {"limit": 32}}, True),
        ("Reset", {}, False),
    ],
)
def test_an_order_of_somebody_else_counts_where_it_may_allow_more(action, payload, may_raise):
    assert words.may_raise(action, payload) is may_raise


def test_the_edge_loads_no_orm_and_little_else() -> None:
    look = (
        "import re, sys, gateway.edge.__main__\n"
        "found = [name for name in sys.modules if name.startswith(('django.db', 'scipy', 'celery', 'chargers.'))]\n"
        "print(found, int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)"
    )
    told = subprocess.run(
        [sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    found, megabytes = told.stdout.rsplit(maxsplit=1)
    assert found == "['chargers.sentences']"  # words for people, and no table
    assert int(megabytes) < 100


def test_an_edge_without_its_settings_says_which() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "gateway.edge"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={},
    )
    assert told.returncode == 2
    assert "EDGE_SITE" in told.stderr


def test_the_bridge_names_each_charger_and_brings_no_order_late() -> None:
    lines = bridge.bridge(7, ["CP-2", "CP-1"], address="broker:8883", prefix="yard/").splitlines()
    assert "cleansession false" in lines
    assert [line for line in lines if "CP-1" in line] == ["topic yard/CP-1/in out 1", "topic yard/CP-1/out in 0"]
    rights = bridge.rights(7, ["CP-1"], user="site-7").splitlines()
    assert rights[:3] == ["user site-7", "topic write CP-1/in", "topic read CP-1/out"]
    assert not any("+/in" in line or "#" in line for line in rights)


def test_the_recipe_for_greengrass_has_the_shape_of_one() -> None:
    recipe = yaml.safe_load((ROOT / "deploy/edge/greengrass.yaml").read_text())
    assert recipe["RecipeFormatVersion"] == "2020-01-25"
    (manifest,) = recipe["Manifests"]
    assert manifest["Platform"] == {"os": "linux"}
    run, settings = manifest["Lifecycle"]["Run"], recipe["ComponentConfiguration"]["DefaultConfiguration"]
    assert "-m gateway.edge" in run["Script"]
    wanted = {
        value[len("{configuration:/") : -1] for value in run["Setenv"].values() if value.startswith("{configuration")
    }
    assert wanted == set(settings)
    (artifact,) = manifest["Artifacts"]
    assert artifact["URI"].startswith("s3://") and artifact["URI"].endswith(
        f"/{recipe['ComponentVersion']}/chargeyard.zip"
    )
    assert artifact["Unarchive"] == "ZIP"
    assert "ComponentDependencies" not in recipe, "its broker is the Mosquitto of the site"
    install = manifest["Lifecycle"]["Install"]["Script"]
    assert "--require-hashes -r {artifacts:decompressedPath}/chargeyard/requirements.txt" in install


def test_what_the_recipe_for_greengrass_runs_is_an_edge(tmp_path: Path) -> None:
    """As a core device would: its variables replaced, the archive unpacked, the environment made by its first step."""
    recipe = yaml.safe_load((ROOT / "deploy/edge/greengrass.yaml").read_text())
    (manifest,) = recipe["Manifests"]
    (tmp_path / "venv").symlink_to(sys.prefix)
    (tmp_path / "unpacked").mkdir()
    (tmp_path / "unpacked/chargeyard").symlink_to(ROOT)
    means = {"{work:path}": str(tmp_path), "{artifacts:decompressedPath}": str(tmp_path / "unpacked")}
    settings = recipe["ComponentConfiguration"]["DefaultConfiguration"]
    means |= {f"{{configuration:/{name}}}": value for name, value in settings.items()}

    def replaced(text: str) -> str:
        for variable, value in means.items():
            text = text.replace(variable, value)
        return text

    run = manifest["Lifecycle"]["Run"]
    env = {name: replaced(value) for name, value in run["Setenv"].items()} | {"PATH": os.defpath}
    assert not [text for text in (*env.values(), replaced(run["Script"])) if "{" in text], "a variable without a value"
    edge = subprocess.Popen(["/bin/sh", "-c", replaced(run["Script"])], cwd=tmp_path, env=env, stderr=subprocess.PIPE)
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "edge.sqlite3").exists() and edge.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        assert (tmp_path / "edge.sqlite3").exists(), edge.communicate(timeout=30)[1].decode()
    finally:
        edge.kill()
        edge.communicate(timeout=30)


def test_the_unit_starts_what_there_is() -> None:
    unit = (ROOT / "deploy/edge/chargeyard-edge.service").read_text()
    assert "-m gateway.edge" in unit
    assert "EDGE_JOURNAL=/var/lib/chargeyard-edge/" in unit
