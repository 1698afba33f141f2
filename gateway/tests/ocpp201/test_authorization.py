from __future__ import annotations

import pytest


def verdict(two, value, kind="ISO14443"):
    return two.call("Authorize", idToken={"idToken": value, "type": kind})["idTokenInfo"]


def test_a_card_is_known_whatever_its_case(two, card):
    assert verdict(two, "04a2B3c4") == {
        "status": "Accepted",
        "groupIdToken": {"idToken": "fleet-7", "type": "Central"},
    }


@pytest.mark.parametrize("value", ["", "04FFFFFF"])
def test_an_unknown_card_is_invalid(two, card, value):
    assert verdict(two, value)["status"] == "Invalid"


def test_where_no_card_is_needed_none_is_asked_for(two):
    assert verdict(two, "", "NoAuthorization")["status"] == "Accepted"
