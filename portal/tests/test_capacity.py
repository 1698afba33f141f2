"""The plan is arithmetic that one can follow, keeps its promises, and is what the documents print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from portal.capacity import figures as f
from portal.capacity import report
from portal.capacity.plan import SIZES, Load, plan
from portal.tests.aws.templates import FOLDER

DOCS = Path(__file__).resolve().parents[2] / "docs"
BUSY: dict[str, Any] = {"connectors": 2, "sample_s": 60}  # as the simulator's wallbox is by itself
HABITS = [
    ("one connector, a meter value every 300 s", {}),
    ("two connectors, a meter value every 60 s (the simulator's wallbox)", BUSY),
]
COSTS = (  # chargers, zones, broker if not the set's
    (500, 1, ""), (5_000, 1, ""), (5_000, 2, ""), (15_000, 2, ""), (50_000, 2, ""), (50_000, 2, "apart"),
)  # fmt: skip
SCALES = (500, 5_000, 15_000, 50_000, 100_000, 1_000_000)


def test_a_charger_says_what_its_day_holds() -> None:
    # 48 heartbeats, 1.75 sessions with 35.6 meter values and 7.2 CALLs around them
    assert Load.of(1).calls_per_s * 86_400 == pytest.approx(48 + 1.75 * (35.6 + 7.2))
    busy = Load.of(1, connectors=2, sample_s=60)
    assert busy.calls_per_s * 86_400 == pytest.approx(48 + 2 * 1.75 * (178 + 7.2))


def test_500_chargers_cost_less_than_90_dollars() -> None:
    assert plan(500).total_usd < 90 < report.sample_usd(500)
    assert plan(500, **BUSY).total_usd < 90


@pytest.mark.parametrize(("zones", "most"), [(1, 10_000), (2, 17_000)])
def test_twice_as_many_chargers_cost_less_than_half_as_much_again(zones: int, most: int) -> None:
    """Beyond that with IoT Core they do not: what is paid for each message doubles, and becomes the largest part."""
    steps = {size.chargers + more for size in SIZES for more in (0, 1)} | {size.chargers // 2 + 1 for size in SIZES}
    for chargers in {*range(1, most, 97), *steps}:
        if chargers <= most:
            assert plan(chargers * 2, zones=zones).total_usd < 1.5 * plan(chargers, zones=zones).total_usd, chargers
    assert plan(50_000).total_usd * 1.8 > plan(100_000).total_usd
    assert plan(5_000, zones=1, **BUSY).total_usd < 1.5 * plan(2_500, zones=1, **BUSY).total_usd


def test_with_a_broker_apart_they_do_to_50_000() -> None:
    few, many = plan(50_000, broker="apart"), plan(100_000, broker="apart")
    assert many.total_usd < 1.5 * few.total_usd
    assert few.costs["broker"] < 1 and few.total_usd < plan(50_000).total_usd / 2
    # Beside beat it costs a task less, but goes with each deploy.
    task = (0.25 * f.FARGATE_VCPU_H + 0.5 * f.FARGATE_GB_H + f.PUBLIC_IPV4_H) * f.HOURS
    assert few.total_usd == pytest.approx(plan(50_000, broker="own").total_usd + task)
    assert few.first_limit.share < 0.6 and not few.size.is_by_queue


def test_a_database_that_has_too_much_to_do_is_of_the_next_class() -> None:
    assert [plan(count).size.database for count in (50_000, 1_000_000)] == ["db.t4g.large", "db.m7g.xlarge"]


def test_what_chargers_say_costs_with_iot_core_and_hardly_with_a_broker_of_our_own() -> None:
    quiet, busy = plan(500, broker="iot-core"), plan(500, broker="iot-core", **BUSY)
    # 500 chargers, 696 CALLs a day, five metered messages each, a dollar a million; and the workers' signs of life
    assert busy.costs["broker"] == pytest.approx(500 * 696.2 * 730 / 24 * 5 / 1e6 + 2 * 730 * 3600 / 1e6, abs=0.2)
    assert busy.total_usd > quiet.total_usd + 40
    assert plan(500, **BUSY).total_usd < plan(500).total_usd + 2


def test_a_disk_holds_what_is_kept_for_as_long_as_it_is_kept() -> None:
    made = plan(1000, **BUSY)
    log = 1000 * 696.2 * 760 * (14 + 31)
    values = 1000 * 2 * 1.75 * 178 * 600 * (90 + 31)
    assert made.database_gb == pytest.approx((log + values) / 1e9 + 3, abs=1)
    assert plan(1000, broker="iot-core", **BUSY).costs["database"] == made.costs["database"]


@given(st.integers(1, 2_000_000))
def test_no_plan_asks_more_of_its_own_parts_than_they_bear(chargers: int) -> None:
    made = plan(chargers)
    ours = [limit for limit in made.limits if not limit.name.startswith(("CPU of the database", "IoT Core, publishes"))]
    assert all(limit.share <= 1 for limit in ours)
    assert chargers <= made.gateways * f.CHARGERS_PER_GATEWAY


@given(st.integers(1, 500_000), st.integers(1, 500_000))
def test_more_chargers_never_cost_less(one: int, other: int) -> None:
    few, many = sorted((one, other))
    for zones in (1, 2):
        assert plan(few, zones=zones).total_usd <= plan(many, zones=zones).total_usd + 1e-6


@pytest.mark.parametrize(
    ("chargers", "size"), [(500, "small"), (5_000, "medium"), (15_000, "standard"), (50_000, "large")]
)
def test_the_plan_is_of_the_parameter_sets_that_are_deployed(chargers: int, size: str) -> None:
    chosen = plan(chargers).size
    given_ = dict(entry.split("=", 1) for entry in json.loads((FOLDER / f"{size}.json").read_text()))
    assert chosen.name == size
    assert chosen.gateway == (int(given_["GatewayCpu"]) / 1024, int(given_["GatewayMemory"]) / 1024)
    assert chosen.worker == (int(given_["WorkerCpu"]) / 1024, int(given_["WorkerMemory"]) / 1024)
    assert (chosen.gateways, chosen.workers) == (int(given_["GatewayMin"]), int(given_["WorkerMin"]))
    assert (chosen.database, chosen.database_gb) == (given_["DatabaseClass"], int(given_["DatabaseStorageGb"]))
    assert int(given_["DatabaseStorageMostGb"]) > plan(chargers).database_gb
    kept = (int(given_.get("JournalDays", 90)), int(given_.get("MeterValueDays", 730)))
    assert (chosen.journal_days, chosen.meter_value_days) == kept
    assert (chosen.broker, str(chosen.is_by_queue).lower()) == (
        given_.get("Broker", "iot-core"),
        given_.get("IngestByQueue", "false"),
    )
    assert (chosen.cache, str(chosen.is_doubled).lower()) == (given_["CacheNodeType"], given_["DatabaseMultiAz"])
    assert int(given_["HeartbeatIntervalS"]) == f.HEARTBEAT_INTERVAL_S


def test_the_documents_print_what_the_command_computes() -> None:
    assert report.cost_table(COSTS) in (DOCS / "aws.md").read_text()
    assert report.driver_table(500, HABITS) in (DOCS / "aws.md").read_text()
    assert report.scale_table(SCALES) in (DOCS / "scaling.md").read_text()


def test_the_command_speaks_to_people_and_to_machines(capsys: Any) -> None:
    call_command("capacity", "--chargers", "5000")
    assert "First to end:" in capsys.readouterr().out
    call_command("capacity", "--chargers", "5000", "--json")
    assert json.loads(capsys.readouterr().out)["size"] == "medium"
    call_command("capacity", "--chargers", "5000", "--zones", "2", "--json")
    assert json.loads(capsys.readouterr().out)["size"] == "standard"
    call_command("capacity", "--chargers", "500", "--broker", "iot-core", "--json")
    assert json.loads(capsys.readouterr().out)["broker"] == "iot-core"
    with pytest.raises(CommandError, match="chargers"):
        call_command("capacity", "--chargers", "0")
