from __future__ import annotations

import pytest

from chargers.models import Connector, StatusChange
from gateway.errors import PropertyConstraintViolation


def say(one, status="Charging", connector=1, **more):
    one.call("StatusNotification", connectorId=connector, status=status, errorCode="NoError", **more)


def test_an_unknown_connector_is_created_by_its_first_status(one):
    say(one, "Preparing", connector=2)
    connector = Connector.objects.get()
    assert (connector.evse_id, connector.connector_id, connector.status) == (2, 1, "preparing")
    assert connector.status_at == one.at


def test_connector_0_is_the_charger(one):
    say(one, "Available", connector=0)
    connector = Connector.objects.get()
    assert (connector.evse_id, connector.connector_id) == (0, 0)


def test_a_repeated_status_is_no_change(one):
    say(one)
    since = one.at
    one.later(minutes=5)
    say(one)
    assert StatusChange.objects.count() == 1
    assert Connector.objects.get().status_at == since


def test_a_fault_keeps_the_words_of_the_vendor(one):
    one.call(
        "StatusNotification",
        connectorId=1,
        status="Faulted",
        errorCode="GroundFailure",
        info="RCD tripped",
        vendorErrorCode="0x0107",
        timestamp=one.clock(),
    )
    change = StatusChange.objects.get()
    assert (change.error_code, change.info, change.vendor_error_code) == ("GroundFailure", "RCD tripped", "0x0107")
    assert change.device_time == one.clock()
    assert one.events[0][1]["error_code"] == "GroundFailure"


@pytest.mark.parametrize("number", [-1, 5000, 2**40])
def test_a_connector_that_no_charger_has_is_refused(one, number):
    with pytest.raises(PropertyConstraintViolation, match=str(number)):
        say(one, connector=number)
    assert not Connector.objects.exists()


def test_a_clock_that_is_an_hour_ahead_is_found(one):
    say(one, timestamp=one.clock(hours=1))
    one.charger.refresh_from_db()
    assert one.charger.clock_offset_s == 3600
    assert one.findings == ["Its clock is 3,600 s ahead of ours."]


def test_a_status_without_a_readable_time_is_taken_all_the_same(one):
    say(one, timestamp="222222017-30-30")
    assert Connector.objects.get().status == "charging"
    assert "cannot be read" in one.findings[0]
