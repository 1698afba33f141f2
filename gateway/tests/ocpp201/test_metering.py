from __future__ import annotations

from sessions.models import ChargingSession, MeterValue


def say(two, *sampled, evse=1):
    value = {"timestamp": two.clock(), "sampledValue": list(sampled)}
    assert two.call("MeterValues", evseId=evse, meterValue=[value]) == {}
    return MeterValue.objects.get()


def test_multiplier_and_unit_are_applied(two):
    row = say(two, {"value": 7.5, "unitOfMeasure": {"unit": "Wh", "multiplier": 3}})
    assert (row.energy_wh, row.samples[0]["raw"]) == (7500, "7.5")


def test_a_signature_is_kept_beside_its_value(two):
    signed = {"signedMeterData": "T0NNRg==", "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
    row = say(two, {"value": 7500, "signedMeterValue": signed})
    assert (row.energy_wh, row.samples[0]["signed"]) == (7500, signed)


def test_a_reading_during_a_session_is_its_reading(two):
    two.call(
        "TransactionEvent",
        eventType="Started",
        timestamp=two.clock(),
        triggerReason="CablePluggedIn",
        seqNo=0,
        transactionInfo={"transactionId": "tx-1"},
        evse={"id": 1},
    )
    assert say(two, {"value": 7500}).session == ChargingSession.objects.get()


def test_the_main_meter_belongs_to_no_session(two):
    row = say(two, {"value": 7500, "location": "Inlet"}, evse=0)
    assert (row.evse_id, row.session, row.energy_wh) == (0, None, None)
