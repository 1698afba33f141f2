from __future__ import annotations

from sessions.measurands import quantities, with_sum_of_phases
from sessions.units import sample


def test_the_register_is_the_one_at_the_outlet_without_phase():
    samples = [sample("900", location="Inlet"), sample("300", phase="L1"), sample("850", location="Outlet")]
    assert quantities(samples)["energy_wh"] == 850


def test_power_of_phases_is_summed():
    samples = [sample("3.6", measurand="Power.Active.Import", unit="kW", phase=phase) for phase in ("L1", "L2")]
    assert quantities(samples)["power_w"] == 7200


def test_the_largest_phase_is_the_current_and_neutral_is_none():
    samples = [sample(amps, measurand="Current.Import", phase=phase) for amps, phase in (("9", "L1"), ("30", "N"))]
    assert quantities(samples)["current_a"] == 9


def test_voltage_is_the_mean_to_neutral():
    samples = [sample(volts, measurand="Voltage", phase=f"L{n}-N") for n, volts in enumerate(("229", "231"), 1)]
    samples.append(sample("400", measurand="Voltage", phase="L1-L2"))
    assert quantities(samples)["voltage_v"] == 230


def test_two_phases_are_no_total_register():
    samples = [sample("500", phase="L1"), sample("500", phase="L2")]
    assert with_sum_of_phases(samples) == samples


def test_a_total_that_the_charger_gives_is_not_computed():
    samples = [sample("500", phase=phase) for phase in ("L1", "L2", "L3")] + [sample("1501")]
    assert with_sum_of_phases(samples) == samples
