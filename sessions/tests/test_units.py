from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sessions.units import as_number, normalise, sample


@pytest.mark.parametrize(
    ("raw", "unit", "expected"),
    [
        ("12.3", "kWh", (12300, "Wh")),
        ("12300", "Wh", (12300, "Wh")),
        (7.4, "kW", (7400, "W")),
        ("1.5", "kvarh", (1500, "varh")),
        ("32", "A", (32, "A")),
        ("64", "Percent", (64, "%")),
        ("21", "Celcius", (21, "°C")),
        ("21", "Celsius", (21, "°C")),
        ("70", "Fahrenheit", (21.111111, "°C")),
        ("294.15", "K", (21, "°C")),
        ("12,5", "KWH", (12500, "Wh")),
        ("-3", "kW", (-3000, "W")),
        ("5", "furlong", (5, "furlong")),
    ],
)
def test_values_come_out_in_our_units(raw, unit, expected):
    assert normalise(raw, unit) == expected


@pytest.mark.parametrize("raw", ["", "n/a", "NaN", "inf", "-Infinity", "1e999", "1_000", True, None, [1], "9" * 41])
def test_what_is_no_number_has_no_value_and_keeps_its_text(raw):
    found = sample(raw)
    assert found["value"] is None
    assert found["raw"] == (raw if isinstance(raw, str) else repr(raw))


@pytest.mark.parametrize(
    ("measurand", "unit"),
    [
        ("", "Wh"),
        ("Power.Active.Import", "W"),
        ("Current.Import", "A"),
        ("Voltage", "V"),
        ("SoC", "%"),
        ("Temperature", "°C"),
        ("Energy.Reactive.Import.Register", "varh"),
        ("Power.Factor", ""),
    ],
)
def test_a_sample_without_unit_is_in_the_one_of_its_measurand(measurand, unit):
    assert sample("5", measurand=measurand)["unit"] == unit


@given(st.floats(-1e9, 1e9), st.integers(-3, 6))
def test_a_multiplier_is_a_power_of_ten(number, power):
    value, unit = normalise(number, "Wh", power)
    assert unit == "Wh"
    assert value is not None
    assert math.isclose(value, number * 10.0**power, rel_tol=1e-9, abs_tol=1e-6)


@example(Decimal("8524221.981"))
@given(st.decimals(-10_000_000, 10_000_000, places=3))
def test_kilo_is_a_thousand_whatever_the_number(number):
    assert normalise(str(number), "kWh")[0] == float(number * 1000)


@given(st.one_of(st.text(max_size=60), st.floats(), st.integers(), st.booleans(), st.none()))
def test_nothing_a_charger_sends_breaks_the_reader(raw):
    value = as_number(raw)
    assert value is None or math.isfinite(value)
    stored, _ = normalise(raw, "kWh", 3)
    assert stored is None or abs(stored) <= 1e15
