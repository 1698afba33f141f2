"""Days played again, and the bench that prints them."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from smartcharging import replay
from smartcharging.replay import Rules


def month(tmp_path, sessions):
    """Two EVSEs between different phases on one transformer of a kW or so."""
    told = {
        "model": {"voltage": 208, "evse_max_A": 32, "ev_max_kW": 6.6},
        "network": {
            "evse": [{"id": "a", "phase_angle_deg": 30.0}, {"id": "b", "phase_angle_deg": -90.0}],
            "limits": [
                {"name": "line", "coefficients": {"a": 1.0, "b": -1.0}, "limit_A": "1000*cap_kW/3/120"},
                {"name": "pod", "coefficients": {"a": 1.0}, "limit_A": 80},
            ],
        },
        "sessions": sessions,
    }
    path = tmp_path / "month.json"
    path.write_text(json.dumps(told))
    return path


STAY = {"evse": "a", "arrival": 3, "departure": 15, "requested_kWh": 2.0}


def test_a_car_alone_gets_what_it_wants(tmp_path):
    played = replay.play(replay.from_file(month(tmp_path, [STAY]), 30), Rules())
    assert (played.met_percent, played.full_percent) == (pytest.approx(100), 100)


def test_a_limit_that_is_too_small_meets_less_and_is_never_broken(tmp_path):
    path = month(tmp_path, [STAY | {"requested_kWh": 6.0}, STAY | {"evse": "b", "requested_kWh": 6.0}])
    played = replay.play(replay.from_file(path, 5), Rules(is_whole=True))
    assert 20 < played.met_percent < 90
    assert played.worst_over_a <= 1e-5


def test_knowing_who_leaves_first_meets_more_on_full_days():
    days = replay.synthetic(40, days=2)
    known, unknown = (replay.play(days, Rules(knows=knows)).met_percent for knows in (True, False))
    assert known > unknown


def test_a_file_that_is_no_month_is_refused_in_words(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"network": {}}')
    with pytest.raises(ValueError, match="is no month of sessions"):
        replay.from_file(path, 30)
    with pytest.raises(CommandError, match="No such file"):
        call_command("bench_smart", month=tmp_path / "nothing.json", hours=0)
