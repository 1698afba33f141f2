"""A charger that is certified is not helped: what it says wrong is refused, but for money."""

from __future__ import annotations

import pytest

from chargers.models import Exchange
from gateway.tests.post import frame, post

STATUS = {"connectorId": "1", "errorCode": "NoError", "status": "available"}


@pytest.mark.parametrize(("is_strict", "kind"), [(False, 3), (True, 4)])
def test_a_mistake_is_put_right_unless_the_charger_is_strict(make_charger, is_strict, kind):
    charger = make_charger("CP-1", is_strict=is_strict)
    assert post(charger, frame("StatusNotification", STATUS)).answers[0][0] == kind


def test_an_unknown_field_is_refused_with_the_right_code(make_charger):
    charger = make_charger("CP-1", is_strict=True)
    (answer,) = post(charger, frame("Heartbeat", {"now": "12:00"})).answers
    assert answer[2] == "FormationViolation"


@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
def test_an_unknown_field_of_2_x_is_kept_unless_the_charger_is_strict(make_charger, version):
    status = {"timestamp": "2026-03-01T12:00:00Z", "evseId": 1, "connectorId": 1, "connectorStatus": "Available"}
    for is_strict, answer in ((False, [3, "1", {}]), (True, [4, "1", "FormatViolation"])):
        charger = make_charger(f"CP-{is_strict}", version, is_strict=is_strict)
        (heard,) = post(charger, frame("StatusNotification", {**status, "vendorSpecial": {"a": 1}})).answers
        assert heard[:3] == answer
        assert "vendorSpecial" in Exchange.objects.get(charger=charger).request


def test_money_is_taken_from_a_strict_charger_too(make_charger):
    charger = make_charger("CP-1", is_strict=True)
    start = {"connectorId": "1", "idTag": "04A2", "meterStart": "5", "timestamp": "2026-03-01T12:00:00Z"}
    (answer,) = post(charger, frame("StartTransaction", start)).answers
    assert answer[2]["transactionId"] > 0
