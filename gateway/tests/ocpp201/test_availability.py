from __future__ import annotations

import pytest

from chargers.models import Connector, StatusChange
from gateway.errors import PropertyConstraintViolation


def say(two, status, evse=1, connector=1):
    two.call("StatusNotification", evseId=evse, connectorId=connector, connectorStatus=status, timestamp=two.clock())


def test_connectors_come_into_being_by_their_status(two):
    say(two, "Available", evse=2, connector=1)
    say(two, "Faulted", evse=2, connector=2)
    assert set(Connector.objects.values_list("evse_id", "connector_id", "status")) == {
        (2, 1, "available"),
        (2, 2, "faulted"),
    }


def test_occupied_takes_back_nothing_that_a_session_told(two, card):
    say(two, "Available")
    two.call(
        "TransactionEvent",
        eventType="Started",
        timestamp=two.clock(),
        triggerReason="CablePluggedIn",
        seqNo=0,
        transactionInfo={"transactionId": "tx-1", "chargingState": "Charging"},
        evse={"id": 1, "connectorId": 1},
    )
    say(two, "Occupied")
    assert Connector.objects.get().status == "charging"


def test_available_is_believed_whatever_was_before(two):
    Connector.objects.create(charger=two.charger, evse_id=1, status="charging")
    say(two, "Available")
    assert Connector.objects.get().status == "available"
    assert StatusChange.objects.get().status == "available"


def test_a_plug_that_no_station_has_is_refused(two):
    with pytest.raises(PropertyConstraintViolation):
        say(two, "Available", evse=-3)
