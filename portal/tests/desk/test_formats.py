from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from portal.templatetags import times
from portal.views import formats


@pytest.mark.parametrize(
    ("watts", "text"),
    [(None, ("–", "")), (0, ("0", "W")), (999, ("999", "W")), (7400, ("7.4", "kW")), (2_900_000, ("2.90", "MW"))],
)
def test_a_power_is_told_in_the_unit_people_say(watts, text):
    assert formats.power(watts) == text


@pytest.mark.parametrize(
    ("watt_hours", "text"),
    [
        (None, ("–", "")),
        (5, ("0.01", "kWh")),
        (18_400, ("18.40", "kWh")),
        (427_000, ("427", "kWh")),
        (2.9e6, ("2.90", "MWh")),
    ],
)
def test_an_energy_is_told_in_kilowatt_hours(watt_hours, text):
    assert formats.energy(watt_hours) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (7300, "2 h ago"),
        (90_000, "1 d ago"),
        (-90, "in 1 min"),
    ],
)
def test_relative_times_use_their_largest_unit(seconds, text):
    now = timezone.now()
    assert formats.ago(now - timedelta(seconds=seconds), now) == text


@pytest.mark.parametrize(("seconds", "text"), [(-5, "0 s"), (61, "1 min"), (7500, "2 h 05 min"), (100_000, "1 d 3 h")])
def test_a_duration_has_at_most_two_units(seconds, text):
    assert formats.duration(timedelta(seconds=seconds)) == text


def test_who_hovers_over_a_time_sees_it_in_utc_too():
    at = datetime(2026, 11, 19, 23, 30, 5, tzinfo=UTC)
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert 'title="2026-11-20 00:30:05 CET, 2026-11-19 23:30:05 UTC"' in times.ago(at)
        assert 'title="2026-11-20 01:30:05 EET, 2026-11-19 23:30:05 UTC"' in times.at(at, "Europe/Helsinki")
    assert 'title="2026-11-19 23:30:05 UTC"' in times.ago(at)
