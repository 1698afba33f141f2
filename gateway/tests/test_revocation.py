"""What an OCSP responder says of a certificate, and what chargers are told: asked for real, over HTTP, locally."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from chargers import revocation
from chargers.certificates import Hashes, key_bytes
from chargers.models import RevocationAnswer
from gateway.testing.keys import Held, authority
from gateway.testing.responder import Responder, serving

pytestmark = pytest.mark.django_db


def named(certificate: Held, issuer: Held, algorithm: str = "SHA256") -> Hashes:
    """As a charger names it on the wire."""
    digest = getattr(hashlib, algorithm.lower())
    return Hashes(
        algorithm,
        digest(issuer.certificate.subject.public_bytes()).hexdigest().upper(),
        digest(key_bytes(issuer.certificate)).hexdigest(),
        f"{certificate.certificate.serial_number:x}",
    )


@pytest.fixture
def issuer() -> Held:
    return authority("A V2G sub CA")


@pytest.fixture
def contract(issuer: Held) -> Held:
    return issuer.client("DE8AA001234567")


@pytest.fixture
def responder(issuer, settings) -> Iterator[Responder]:
    settings.OCSP_HOSTS = ["127.0.0.1"]
    with serving(Responder(issuer)) as made:
        yield made


def ask(hashes: Hashes, url: str, **more) -> revocation.Said:
    return revocation.ask(hashes, url, at=datetime.now(UTC), **more)


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
def test_a_good_and_a_revoked_certificate_are_told_apart(issuer, contract, responder, algorithm):
    stolen = issuer.client("DE8AA009999999")
    responder.revoked = {stolen.certificate.serial_number}
    assert ask(named(contract, issuer, algorithm), responder.url).status == "good"
    assert ask(named(stolen, issuer, algorithm), responder.url).status == "revoked"
    assert responder.asked == [contract.certificate.serial_number, stolen.certificate.serial_number]


def test_an_answer_holds_until_its_next_update_and_is_asked_for_once(issuer, contract, responder):
    responder.sends_along = [issuer]
    first = ask(named(contract, issuer), responder.url)
    assert ask(named(contract, issuer), responder.url) == first and len(responder.asked) == 1
    assert timedelta(hours=23) < first.ends_at - datetime.now(UTC) <= timedelta(days=1)
    revocation.ask(named(contract, issuer), responder.url, at=first.ends_at)
    assert len(responder.asked) == 2


def test_what_anybody_may_have_said_holds_for_an_hour_whatever_it_says_itself(issuer, contract, responder):
    responder.signer, responder.lasts = authority("Somebody on the way"), timedelta(days=3650)
    said = ask(named(contract, issuer), responder.url)
    assert not said.is_proven and said.ends_at - datetime.now(UTC) <= timedelta(hours=1)


def test_without_a_next_update_it_holds_for_minutes(issuer, contract, responder):
    responder.lasts = None
    said = ask(named(contract, issuer), responder.url)
    assert said.status == "good" and said.ends_at - datetime.now(UTC) <= revocation.UNTIL_TOLD


@pytest.mark.parametrize("vice", ["busy", "another", "stale", "html", "long", "elsewhere"])
def test_what_says_nothing_of_the_certificate_is_a_failure_for_a_minute(issuer, contract, responder, vice):
    responder.vices = {vice}
    for _ in range(2):
        said = ask(named(contract, issuer), responder.url)
        assert (said.status, said.response) == ("failed", b"")
    assert len(responder.asked) == 1
    assert said.ends_at - datetime.now(UTC) <= revocation.FAILURE_LASTS


@pytest.mark.parametrize("vice", ["dripping", "slow to begin"])
def test_a_responder_that_never_ends_is_left(issuer, contract, responder, vice):
    responder.vices = {vice}  # 50 ms a byte, some hundred bytes
    assert ask(named(contract, issuer), responder.url, within_s=0.5).status == "failed"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "file:///etc/passwd", "ldap://127.0.0.1/", "http://user:x@127.0.0.1/", "http://[", "", "x"],
)
def test_nobody_is_asked_who_is_no_server(issuer, contract, settings, url):
    settings.OCSP_HOSTS = ["127.0.0.1"]
    assert ask(named(contract, issuer), url).status == "failed"


@pytest.mark.parametrize("hosts", [["*"], ["ocsp.example"], []])
def test_a_private_address_that_nobody_named_is_not_asked(issuer, contract, responder, settings, hosts):
    settings.OCSP_HOSTS = hosts
    assert ask(named(contract, issuer), responder.url).status == "failed"
    assert responder.asked == []


@pytest.mark.parametrize(
    "hashes",
    [Hashes("SHA256", "xyz", "00", "1"), Hashes("MD5", "00", "00", "1"), Hashes("SHA256", "00", "00", "")],
)
def test_what_is_no_name_of_a_certificate_is_not_asked_about(responder, hashes):
    assert ask(hashes, responder.url).status == "failed"
    assert responder.asked == []


# -- whose word it is --------------------------------------------------------------------------------------------------


def test_an_answer_is_proven_by_the_issuer_itself_or_by_a_delegate_of_it(issuer, contract, responder):
    purpose = ExtendedKeyUsageOID.OCSP_SIGNING
    delegates = [
        issuer.client("An OCSP responder", purpose=purpose),
        issuer.client("One with an RSA key", purpose=purpose, key=rsa.generate_private_key(65537, 2048)),
    ]
    for signer in (issuer, *delegates):
        responder.signer, responder.sends_along = signer, [signer, issuer]
        RevocationAnswer.objects.all().delete()
        assert ask(named(contract, issuer), responder.url).is_proven


def test_an_issuer_that_does_not_come_along_is_found_in_the_file_of_issuers(
    issuer, contract, responder, settings, tmp_path
):
    assert not ask(named(contract, issuer), responder.url).is_proven
    settings.OCSP_ISSUERS = str(tmp_path / "issuers.pem")
    (tmp_path / "issuers.pem").write_bytes(issuer.certificate.public_bytes(Encoding.PEM))
    RevocationAnswer.objects.all().delete()
    assert ask(named(contract, issuer), responder.url).is_proven


def test_nobody_else_can_say_that_a_certificate_is_good(issuer, contract, responder):
    stranger = authority("A V2G sub CA")  # of the same name
    driver = issuer.client("DE8AA00")  # of the same issuer, but let to sign nothing
    past = issuer.client(
        "An old responder",
        purpose=ExtendedKeyUsageOID.OCSP_SIGNING,
        begins_at=datetime(2020, 1, 1, tzinfo=UTC),
        ends_at=datetime(2021, 1, 1, tzinfo=UTC),
    )
    for liar in (stranger, driver, past):
        responder.signer, responder.sends_along = liar, [liar, issuer]
        RevocationAnswer.objects.all().delete()
        said = ask(named(contract, issuer), responder.url)
        assert said.status == "good" and not said.is_proven


@given(at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_a_response_with_a_wrong_byte_proves_nothing_and_breaks_nothing(at, byte):
    whole, hashes = _response()
    text = bytearray(whole)
    text[at % len(text)] = byte
    try:
        said = revocation.read(bytes(text), hashes, at=datetime.now(UTC))
    except revocation.Unusable:
        return
    assert said.status == "good" or not said.is_proven


@cache
def _response() -> tuple[bytes, Hashes]:
    issuer = authority("A V2G sub CA")
    hashes = named(issuer.client("DE8AA001234567"), issuer)
    return Responder(issuer, sends_along=[issuer]).answer(revocation.question(hashes)), hashes


def test_what_has_ended_is_forgotten(issuer, contract, responder):
    said = ask(named(contract, issuer), responder.url)
    assert revocation.forget(before=said.ends_at) == 0
    assert revocation.forget(before=said.ends_at + timedelta(days=2)) == 1


# -- what chargers are told --------------------------------------------------------------------------------------------


def in_words(hashes: Hashes) -> dict[str, str]:
    return {
        "hashAlgorithm": hashes.hash_algorithm,
        "issuerNameHash": hashes.issuer_name_hash,
        "issuerKeyHash": hashes.issuer_key_hash,
        "serialNumber": hashes.serial_number,
    }


def test_a_station_gets_the_response_as_the_responder_signed_it(two, issuer, contract, responder):
    asked = {**in_words(named(contract, issuer)), "responderURL": responder.url}
    answer = two.call("GetCertificateStatus", ocspRequestData=asked)
    assert answer["status"] == "Accepted"
    told = ocsp.load_der_ocsp_response(base64.b64decode(answer["ocspResult"]))
    assert told.serial_number == contract.certificate.serial_number
    assert told.certificate_status is ocsp.OCSPCertStatus.GOOD


def test_a_response_that_does_not_fit_into_an_answer_of_2_0_1_fits_into_one_of_2_1(
    two, three, issuer, contract, responder
):
    responder.sends_along = [issuer] * 12  # some 4.5 kB
    asked = {**in_words(named(contract, issuer)), "responderURL": responder.url}
    assert two.call("GetCertificateStatus", ocspRequestData=asked) == {"status": "Failed"}
    assert three.call("GetCertificateStatus", ocspRequestData=asked)["status"] == "Accepted"


def test_without_hosts_that_may_be_asked_it_failed(two, three, issuer, contract, settings):
    settings.OCSP_HOSTS = []
    asked = {**in_words(named(contract, issuer)), "responderURL": "http://127.0.0.1:1/"}
    assert two.call("GetCertificateStatus", ocspRequestData=asked) == {"status": "Failed"}


def test_a_chain_is_judged_certificate_by_certificate_and_only_by_proof(three, issuer, contract, responder):
    stolen, foreign = issuer.client("DE8AA009999999"), authority("Another sub CA")
    responder.sends_along, responder.revoked = [issuer], {stolen.certificate.serial_number}
    asked = [
        request(contract, issuer, "OCSP", "http://127.0.0.1:1/", responder.url),
        request(stolen, issuer, "OCSP", responder.url),
        request(foreign.client("Somebody"), foreign, "OCSP", responder.url),  # signed, but not by its issuer
        request(contract, issuer, "CRL", "https://crl.example/"),
    ]
    answers = three.call("GetCertificateChainStatus", certificateStatusRequests=asked)["certificateStatus"]
    assert [answer["status"] for answer in answers] == ["Good", "Revoked", "Failed", "Failed"]
    assert [answer["source"] for answer in answers] == ["OCSP", "OCSP", "OCSP", "CRL"]
    assert [answer["certificateHashData"] for answer in answers] == [each["certificateHashData"] for each in asked]


def request(certificate: Held, by: Held, source: str, *urls: str) -> dict[str, Any]:
    return {"certificateHashData": in_words(named(certificate, by)), "source": source, "urls": list(urls)}
