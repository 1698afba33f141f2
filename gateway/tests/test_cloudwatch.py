"""What CloudWatch reads out of our log."""

from __future__ import annotations

import json
from typing import Any

from gateway import metrics
from gateway.cloudwatch import Meter, Reporter, line


def test_a_line_describes_each_of_its_figures() -> None:
    told = json.loads(line("Yard", {"Connections": (12, "Count"), "ReplySecondsP99": (0.1, "Seconds")}, part="gateway",
                           at_ms=1_790_000_000_000))  # fmt: skip
    (described,) = told["_aws"]["CloudWatchMetrics"]
    assert (described["Namespace"], described["Dimensions"]) == ("Yard", [["Part"]])
    assert {metric["Name"]: metric["Unit"] for metric in described["Metrics"]} == {
        "Connections": "Count",
        "ReplySecondsP99": "Seconds",
    }
    assert (told["Part"], told["Connections"], told["ReplySecondsP99"]) == ("gateway", 12, 0.1)
    assert told["_aws"]["Timestamp"] == 1_790_000_000_000


def test_counters_tell_what_was_added_and_gauges_what_is() -> None:
    metrics.CONNECTIONS.set_function(lambda: 7)
    meter = Meter()
    metrics.FRAMES_UP.inc(3)
    assert (meter.read()["FramesUp"][0], meter.read()["FramesUp"][0]) == (3, 0)
    assert meter.read()["Connections"] == (7, "Count")


def test_the_slowest_hundredth_is_told_by_its_bucket_and_only_if_there_was_any() -> None:
    meter = Meter()
    for _ in range(99):
        metrics.REPLY_SECONDS.observe(0.015)
    metrics.REPLY_SECONDS.observe(4)
    assert meter.read()["ReplySecondsP99"] == (0.02, "Seconds")
    metrics.REPLY_SECONDS.observe(99)
    assert meter.read()["ReplySecondsP99"] == (30.0, "Seconds")
    assert "ReplySecondsP99" not in meter.read()


def test_a_report_is_one_line(capsysbinary: Any) -> None:
    Reporter("Yard", "worker").report()
    (written,) = capsysbinary.readouterr().out.splitlines()
    assert json.loads(written)["Part"] == "worker"
