"""The load itself: what it says, in which shares, and how its times are counted."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import schemas
from portal.bench import account, report
from portal.bench.crew import shares
from portal.bench.histogram import Histogram
from portal.bench.mix import Station


def answer(station: Station) -> None:
    station.hear(f'[3,"{station.pending}",{{"transactionId":7,"idTagInfo":{{"status":"Accepted"}}}}]')


def said(station: Station, calls: int) -> list[tuple[str, dict]]:
    spoken = []
    for _ in range(calls):
        _, _, action, payload = json.loads(station.next_call())
        spoken.append((action, payload))
        answer(station)
    return spoken


def test_the_mix_has_the_shares_that_the_table_promises():
    counts = Counter(action for action, _ in said(Station(1), 4000))
    assert counts["MeterValues"] / 4000 == pytest.approx(0.60, abs=0.03)
    assert counts["Heartbeat"] / 4000 == pytest.approx(0.25, abs=0.03)
    assert counts["StartTransaction"] == pytest.approx(counts["StopTransaction"], abs=1)


def test_every_message_is_what_the_specification_says():
    station = Station(2)
    messages = schemas.load("v16")
    spoken = [tuple(json.loads(frame)[2:]) for frame in station.arrival()] + said(station, 200)
    assert {action for action, _ in spoken} > {"BootNotification", "StatusNotification", "StopTransaction"}
    assert [messages.objections(action, payload) for action, payload in spoken] == [[]] * len(spoken)


def test_meter_values_and_the_stop_name_the_number_that_the_start_was_given():
    station = Station(3)
    list(station.opening())
    answer(station)
    named = {payload.get("transactionId") for action, payload in said(station, 50) if action == "StopTransaction"}
    assert named == {7}


def test_a_start_that_was_never_answered_is_said_again():
    station = Station(4)
    assert json.loads(station.next_of_session())[2] == "StartTransaction"
    station.forget()
    assert json.loads(station.next_of_session())[2] == "StartTransaction"


def test_an_answer_to_another_call_is_an_error_of_the_yard():
    station = Station(5)
    station.heartbeat()
    with pytest.raises(ValueError, match="BENCH-000005"):
        station.hear('[3,"other",{}]')


@given(st.lists(st.floats(1e-5, 1e3), min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_exact_to_two_percent(seconds, share):
    histogram = Histogram()
    for each in seconds:
        histogram.add(each)
    exact = sorted(seconds)[max(0, -int(-share * len(seconds) // 1) - 1)]
    assert histogram.quantile(share) == pytest.approx(exact, rel=0.02)


def test_histograms_of_several_processes_add_up():
    one, other = Histogram(), Histogram()
    one.add(0.001)
    other.add(0.1)
    both = one + Histogram.load(json.loads(json.dumps(other.dump())))
    assert both.count == 2
    assert both.quantile(0.5) == pytest.approx(0.001, rel=0.02)
    assert both.quantile(1.0) == pytest.approx(0.1, rel=0.02)
    assert Histogram().quantile(0.5) is None


def test_chargers_are_shared_out_without_a_gap():
    assert shares(10, 3) == [(0, 3), (3, 7), (7, 10)]


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("python manage.py serve --host 127.0.0.1 --port 8000", "gateway"),
        ("python -m celery -A portal.celery worker --concurrency 2", "worker"),
        ("python -m celery -A portal.bench.plain worker -Q plain", "plain worker"),
        ("postgres: chargeyard postgres 127.0.0.1(4711) COMMIT", "database"),
        ("vim manage.py", None),
    ],
)
def test_a_part_is_known_by_its_command_line(command, part):
    assert account.part_of(command) == part


@pytest.mark.parametrize(
    ("environment", "part"),
    [({"ROLE": "gateway"}, "gateway"), ({"ROLE": "portal"}, "portal"), ({"MQTT_PREFIX": "plain/"}, "plain gateway")],
)
def test_what_serves_is_told_apart_by_whom_it_serves(environment, part):
    assert account.part_of("python manage.py serve --port 8001", lambda: environment) == part


def test_a_generator_that_was_busy_says_so():
    load = {
        "answered_per_s": 9, "call_ms": dict.fromkeys(("p50", "p95", "p99", "max"), 1.0), "unanswered": 0, "errors": 0,
        "cpu_us_per_call_all": 500, "cpu_us_per_call": {"worker": 500}, "yard_cores": 1.0, "generator_cores": 0.95,
    }  # fmt: skip
    assert "MAY BE THE LIMIT" in "\n".join(report.lines({"peak": load}))
    assert "not the limit" in "\n".join(report.lines({"peak": load | {"generator_cores": 0.2}}))
