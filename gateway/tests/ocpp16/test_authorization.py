from __future__ import annotations

from datetime import timedelta

import pytest

from sessions.models import IdToken


def verdict(one, tag):
    return one.call("Authorize", idTag=tag)["idTagInfo"]


def test_a_card_is_known_whatever_its_case(one, card):
    assert verdict(one, "04a2b3c4") == {"status": "Accepted", "parentIdTag": "fleet-7"}


@pytest.mark.parametrize("tag", ["", "' OR 1=1--", "<script>", "🚗" * 20])
def test_an_unknown_card_is_invalid(one, card, tag):
    assert verdict(one, tag) == {"status": "Invalid"}


def test_a_blocked_card_is_blocked(one, card):
    IdToken.objects.update(status=IdToken.Status.BLOCKED)
    assert verdict(one, card.value)["status"] == "Blocked"


def test_an_expired_card_says_when_it_expired(one, card):
    IdToken.objects.update(expires_at=one.at - timedelta(days=1))
    info = verdict(one, card.value)
    assert info["status"] == "Expired"
    assert info["expiryDate"].endswith("Z")
