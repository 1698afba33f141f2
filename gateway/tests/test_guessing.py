"""Cards tried one after the other at one charger."""

from __future__ import annotations

import pytest

from chargers.models import SecurityEvent
from gateway.guessing import ALARM, PER_MINUTE
from gateway.tests.post import frame, post

VERSIONS = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])


def shown(charger, card, number):
    """The verdict on a card."""
    told = {"idTag": card} if charger.subprotocol == "ocpp1.6" else {"idToken": {"idToken": card, "type": "Central"}}
    (answer,) = post(charger, frame("Authorize", told, message_id=f"a{number}")).answers
    return next(iter(answer[2].values()))["status"]


@VERSIONS
def test_too_many_in_a_minute_raise_one_alarm_and_find_no_card_good(make_charger, version, card):
    charger, neighbour = make_charger("CP-1", version), make_charger("CP-2", version)
    assert shown(charger, card.value, "before") == "Accepted"
    for number in range(PER_MINUTE):
        assert shown(charger, f"GUESS-{number}", number) == "Invalid"
    assert [shown(charger, card.value, f"after{n}") for n in range(3)] == ["Invalid"] * 3
    assert shown(neighbour, card.value, "else") == "Accepted"
    assert set(SecurityEvent.objects.values_list("charger", "kind", "is_ours")) == {(charger.pk, ALARM, True)}


def test_a_start_is_no_guess(make_charger, card):
    charger = make_charger("CP-1")
    for number in range(PER_MINUTE + 2):
        shown(charger, f"GUESS-{number}", number)
    start = {"connectorId": 1, "idTag": card.value, "meterStart": 0, "timestamp": "2026-03-01T12:00:00Z"}
    (answer,) = post(charger, frame("StartTransaction", start, message_id="s")).answers
    assert answer[2]["idTagInfo"]["status"] == "Accepted"
