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


HASHES = [
    {
        "hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "c1",
        "responderURL": "http://ocsp.example",
    }
]  # fmt: skip


class Hub:
    def contract_status(self, *, emaid, hashes, certificate):
        return "CertificateRevoked" if certificate else "Accepted"


class Broken:
    def contract_status(self, **asked):
        raise OSError("The hub is not there.")


def shown(two, **contract):
    return two.call("Authorize", idToken={"idToken": "04A2B3C4", "type": "eMAID"}, **contract)


def test_a_contract_is_judged_by_the_provider(two, card, settings):
    settings.ISO15118_PROVIDER = f"{__name__}.Hub"
    good = shown(two, iso15118CertificateHashData=HASHES)
    assert (good["idTokenInfo"]["status"], good["certificateStatus"]) == ("Accepted", "Accepted")
    bad = shown(two, certificate="PEM")
    assert (bad["idTokenInfo"]["status"], bad["certificateStatus"]) == ("Invalid", "CertificateRevoked")
    assert "certificateStatus" not in shown(two)


@pytest.mark.parametrize("provider", ["", f"{__name__}.Broken"], ids=["none", "one that fails"])
def test_without_a_provider_the_token_alone_is_judged(two, card, settings, provider):
    settings.ISO15118_PROVIDER = provider
    answer = shown(two, certificate="PEM")
    assert answer["idTokenInfo"]["status"] == "Accepted" and "certificateStatus" not in answer
