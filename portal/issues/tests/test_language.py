"""Fault codes in plain words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.issues import language


@pytest.mark.parametrize(
    ("codes", "cause", "is_dangerous"),
    [
        (("GroundFailure", "", ""), language.GROUND.cause, True),
        (("groundfailure", "", ""), language.GROUND.cause, True),
        (("OtherError", "CX008", ""), language.EMERGENCY.cause, True),
        (("OtherError", "CX20", ""), language.PLUG.cause, False),
        (("", "", "MREC CX011 isolation"), language.CABLE_CHECK.cause, True),
        (("InternalError", "RCD_TRIP", ""), language.GROUND.cause, True),
        (("OtherError", "0x12", "Relay weld detected"), language.CONTACTOR.cause, True),
        (("OtherError", "E-STOP", ""), language.EMERGENCY.cause, True),
        (("WeakSignal", "", "residual current 7 mA"), language.GROUND.cause, True),
        (("ReaderFailure", "meter", ""), language.READER.cause, False),
        (("EVCommunicationError", "", ""), language.EV_TALK.cause, False),
        (("OtherError", "4711", ""), language.UNKNOWN.cause, False),
        (("", "", ""), language.UNKNOWN.cause, False),
    ],
)
def test_codes_are_read_from_the_most_exact_to_the_vaguest(codes, cause, is_dangerous):
    fault = language.read(*codes)
    assert (fault.cause, fault.is_dangerous) == (cause, is_dangerous)
    assert fault.first_step.endswith(".") and fault.who


def test_nothing_that_may_hurt_somebody_is_to_be_restarted_from_afar():
    tables = [*language.OCPP.values(), *language.CHARGEX.values(), *(fault for _, fault in language.WORDS)]
    for fault in tables:
        if fault.is_dangerous:
            assert not fault.first_step.startswith("Restart"), fault.cause


def test_every_error_code_of_the_specification_has_words():
    from ocpp.v16.enums import ChargePointErrorCode

    told = {code.value.casefold() for code in ChargePointErrorCode} - {"noerror", "othererror"}
    assert told <= language.OCPP.keys()


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=255))
def test_whatever_a_charger_says_there_is_a_sentence(error_code, vendor_code, text):
    assert language.read(error_code, vendor_code, text).cause
