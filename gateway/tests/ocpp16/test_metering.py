from __future__ import annotations

import pytest

from chargers.models import Connector
from sessions import readings
from sessions.models import ChargingSession, MeterValue


@pytest.fixture
def charging(one, card):
    one.call("StatusNotification", connectorId=1, status="Charging", errorCode="NoError")
    answer = one.call("StartTransaction", connectorId=1, idTag=card.value, meterStart=1000, timestamp=one.clock())
    return ChargingSession.objects.get(pk=answer["transactionId"])


def say(one, *sampled, at=None, connector=1, **more):
    value = {"timestamp": at or one.clock(), "sampledValue": list(sampled)}
    assert one.call("MeterValues", connectorId=connector, meterValue=[value], **more) == {}


def test_a_reading_is_stored_normalised_and_as_sent(one, charging):
    say(
        one,
        {"value": "7.5", "unit": "kWh", "measurand": "Energy.Active.Import.Register"},
        {"value": "11.04", "unit": "kW", "measurand": "Power.Active.Import"},
        {"value": "16.1", "measurand": "Current.Import", "phase": "L1"},
        {"value": "15.9", "measurand": "Current.Import", "phase": "L2"},
        {"value": "231.5", "measurand": "Voltage", "phase": "L1-N"},
        {"value": "64", "unit": "Percent", "measurand": "SoC", "location": "EV"},
        transactionId=charging.pk,
    )
    row = MeterValue.objects.get()
    assert (row.energy_wh, row.power_w, row.current_a, row.voltage_v, row.soc_percent) == (7500, 11040, 16.1, 231.5, 64)
    assert row.samples[0]["raw"] == "7.5"
    assert row.session == charging


def test_the_session_and_the_connector_follow_the_reading(one, charging):
    at = one.later(minutes=10)
    say(one, {"value": "3500"}, {"value": "7200", "measurand": "Power.Active.Import"}, transactionId=charging.pk, at=at)
    charging.refresh_from_db()
    assert (charging.energy_wh, charging.meter_last_wh, charging.power_w) == (2500, 3500, 7200)
    assert charging.metered_at == one.at
    assert Connector.objects.get().power_w == 7200


def test_an_older_reading_does_not_take_the_meter_back(one, charging):
    early, late = one.later(minutes=5), one.later(minutes=5)
    say(one, {"value": "3500"}, transactionId=charging.pk, at=late)
    say(one, {"value": "2000"}, transactionId=charging.pk, at=early)
    charging.refresh_from_db()
    assert (charging.meter_last_wh, charging.metered_at) == (3500, one.at)


def test_a_repeated_reading_is_stored_once(one, charging):
    for _ in range(3):
        say(one, {"value": "3500"}, transactionId=charging.pk)
    assert MeterValue.objects.count() == 1


def test_the_same_reading_with_another_value_is_kept_as_suspect(one, charging):
    say(one, {"value": "3500"}, transactionId=charging.pk)
    say(one, {"value": "3600"}, transactionId=charging.pk)
    charging.refresh_from_db()
    assert list(MeterValue.objects.order_by("pk").values_list("energy_wh", "is_suspect")) == [
        (3500, False),
        (3600, True),
    ]
    assert (charging.meter_last_wh, charging.needs_review) == (3500, True)


@pytest.mark.parametrize("number", [None, 0, -1, 999])
def test_without_its_number_a_reading_finds_the_session_on_its_connector(one, charging, number):
    say(one, {"value": "3500"}, **({} if number is None else {"transactionId": number}))
    assert MeterValue.objects.get().session == charging


def test_a_reading_of_an_idle_connector_belongs_to_no_session(one, charging):
    say(one, {"value": "3500"}, connector=2)
    assert MeterValue.objects.get().session is None


def test_a_reading_that_comes_after_the_stop_finds_its_session_by_time(one, charging):
    at = one.later(minutes=10)
    one.later(minutes=10)
    one.call("StopTransaction", transactionId=charging.pk, meterStop=5000, timestamp=one.clock())
    say(one, {"value": "3500"}, {"value": "7200", "measurand": "Power.Active.Import"}, at=at)
    charging.refresh_from_db()
    assert MeterValue.objects.get().session == charging
    assert (charging.energy_wh, charging.power_w) == (4000, None)


def test_a_late_reading_is_compared_with_the_last_sessions_of_its_charger_only(one, charging, monkeypatch):
    monkeypatch.setattr(readings, "MOST_ENDED", 1)
    first_at = one.later(minutes=10)
    one.call("StopTransaction", transactionId=charging.pk, meterStop=2000, timestamp=one.later(minutes=10))
    start = {"connectorId": 1, "idTag": "04A2B3C4", "meterStart": 2000, "timestamp": one.later(minutes=10)}
    second = one.call("StartTransaction", **start)["transactionId"]
    second_at = one.later(minutes=10)
    one.call("StopTransaction", transactionId=second, meterStop=5000, timestamp=one.later(minutes=10))
    late = [{"timestamp": at, "sampledValue": [{"value": wh}]} for at, wh in ((first_at, "1500"), (second_at, "3500"))]
    one.call("MeterValues", connectorId=1, meterValue=late)
    told = MeterValue.objects.order_by("measured_at").values_list("session", "energy_wh")
    assert list(told) == [(None, 1500), (second, 3500)]


def test_an_implausible_reading_is_kept_and_does_not_count(one, charging):
    one.later(minutes=1)
    say(one, {"value": "1000000000"}, transactionId=charging.pk)
    charging.refresh_from_db()
    assert MeterValue.objects.get().is_suspect
    assert (charging.energy_wh, charging.needs_review) == (None, True)


def test_phases_that_the_charger_did_not_sum_are_summed_and_marked(one, charging):
    one.later(minutes=10)
    phases = [{"value": "500", "phase": phase} for phase in ("L1", "L2", "L3")]
    say(one, *phases, transactionId=charging.pk)
    row = MeterValue.objects.get()
    assert row.energy_wh == 1500
    assert row.samples[-1]["derived"] == "sum of L1, L2, L3"


def test_two_contexts_at_one_time_are_two_readings(one, charging):
    say(
        one,
        {"value": "1000", "context": "Transaction.Begin"},
        {"value": "1000", "context": "Sample.Clock"},
        transactionId=charging.pk,
    )
    assert set(MeterValue.objects.values_list("context", flat=True)) == {"Transaction.Begin", "Sample.Clock"}


def test_signed_data_is_kept_as_text(one, charging):
    say(one, {"value": "3045022100", "format": "SignedData"}, transactionId=charging.pk)
    row = MeterValue.objects.get()
    assert (row.energy_wh, row.samples[0]["raw"]) == (None, "3045022100")


@pytest.mark.parametrize(
    "payload", [{}, {"connectorId": "x"}, {"connectorId": 1, "meterValue": [{}]}, {"meterValue": 7}]
)
def test_readings_that_make_no_sense_are_confirmed(one, charging, payload):
    assert one.call("MeterValues", **payload) == {}


def test_a_hundred_readings_cost_no_more_statements_than_one(one, charging, django_assert_max_num_queries):
    at = [one.later(seconds=10) for _ in range(100)]
    values = [{"timestamp": moment, "sampledValue": [{"value": str(1000 + n)}]} for n, moment in enumerate(at)]
    with django_assert_max_num_queries(12):
        one.call("MeterValues", connectorId=1, transactionId=charging.pk, meterValue=values)
    assert MeterValue.objects.count() == 100
