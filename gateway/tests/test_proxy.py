"""What a TLS proxy says about a caller, and who is not believed."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.handshake import Refusal, read
from gateway.testing import keys
from gateway.testing.keys import Held

PROXY, OUTSIDE = "10.0.0.7", "192.0.2.7"
OFFER = (b"sec-websocket-protocol", b"ocpp1.6")
HEADER = b"x-client-cert"


@pytest.fixture
def ca(settings: Any, tmp_path: Any) -> Held:
    made = keys.authority()
    (tmp_path / "ca.pem").write_bytes(made.certificate.public_bytes(Encoding.PEM))
    settings.TLS_CLIENT_CA = [str(tmp_path / "ca.pem")]
    settings.PROXY_ADDRESSES = ["10.0.0.0/8"]
    settings.PROXY_CERTIFICATE_HEADER = "X-Client-Cert"
    return made


def escaped(held: Held, *, safe: str = "") -> bytes:
    return quote(held.certificate.public_bytes(Encoding.PEM), safe=safe).encode()


def call(*headers: tuple[bytes, bytes], peer: str = PROXY, **more: Any) -> Any:
    scope = {"raw_path": b"/CP-1", "path": "/CP-1", "headers": [OFFER, *headers], "client": (peer, 4711), **more}
    return read(scope)


def test_a_certificate_counts_from_the_proxys_address_in_the_forms_that_proxies_write(ca):
    own = ca.client("CP-1")
    der = b":" + base64.b64encode(own.certificate.public_bytes(Encoding.DER)) + b":"
    # nginx and Envoy; AWS ALB, which leaves + = / as they are; RFC 9440
    for written in (escaped(own), escaped(own, safe="+=/"), der):
        certificate = call((HEADER, written)).certificate
        assert certificate is not None and certificate.name == "CP-1"


@pytest.mark.parametrize("peer", [OUTSIDE, "", "unix:", "11.0.0.1", "::1"])
def test_from_anybody_else_the_header_is_passed_over(ca, peer):
    assert call((HEADER, escaped(ca.client("CP-1"))), peer=peer).certificate is None


def test_a_proxy_that_is_reached_by_ipv6_is_the_same_proxy(ca):
    assert call((HEADER, escaped(ca.client("CP-1"))), peer=f"::ffff:{PROXY}").certificate is not None


def test_without_addresses_or_without_a_header_name_nobody_is_believed(ca, settings):
    written = (HEADER, escaped(ca.client("CP-1")))
    settings.PROXY_CERTIFICATE_HEADER = ""
    assert call(written).certificate is None
    settings.PROXY_CERTIFICATE_HEADER, settings.PROXY_ADDRESSES = "X-Client-Cert", []
    assert call(written).certificate is None


def test_an_empty_header_is_no_certificate(ca):
    assert call((HEADER, b"")).certificate is None


BAD = {
    "foreign": lambda ca: escaped(keys.authority().client("CP-1")),
    "expired": lambda ca: escaped(ca.expired("CP-1")),
    "for a server": lambda ca: escaped(ca.client("CP-1", purpose=ExtendedKeyUsageOID.SERVER_AUTH)),
    "signed by a charger": lambda ca: escaped(ca.client("CP-2").client("CP-1")),
    "rubbish": lambda ca: b"rubbish",
    "broken base64": lambda ca: b":!:",
    "broken DER": lambda ca: b":AAAA:",
}


@pytest.mark.parametrize("bad", BAD)
def test_a_certificate_that_is_not_good_is_refused_whatever_the_proxy_thought_of_it(ca, bad):
    with pytest.raises(Refusal, match="client certificate is refused") as refused:
        call((HEADER, BAD[bad](ca)))
    assert refused.value.status == 403


def test_one_that_was_revoked_is_refused(ca, settings):
    own = ca.client("CP-1")
    with open(settings.TLS_CLIENT_CA[0], "a") as file:  # noqa: PTH123 - appended as an operator would
        file.write(ca.revocations(own))
    with pytest.raises(Refusal, match="revoked"):
        call((HEADER, escaped(own)))
    assert call((HEADER, escaped(ca.client("CP-2")))).certificate is not None


def test_a_forged_certificate_of_an_authority_without_a_list_is_refused_where_another_has_one(ca, settings, tmp_path):
    other = keys.authority("Another authority")
    path = tmp_path / "other.pem"
    path.write_bytes(other.certificate.public_bytes(Encoding.PEM) + other.revocations().encode())
    settings.TLS_CLIENT_CA = [*settings.TLS_CLIENT_CA, str(path)]
    forged = Held(ca.certificate, keys.authority().key).client("CP-1")
    with pytest.raises(Refusal, match="signature"):
        call((HEADER, escaped(forged)))


def test_a_revocation_list_that_its_authority_has_not_signed_is_not_believed(ca, settings):
    forger = Held(ca.certificate, keys.authority().key)
    with open(settings.TLS_CLIENT_CA[0], "a") as file:  # noqa: PTH123 - appended as an operator would
        file.write(forger.revocations())
    with pytest.raises(Refusal, match="not signed by it"):
        call((HEADER, escaped(ca.client("CP-1"))))


def test_one_that_has_expired_lately_passes_where_that_is_allowed(ca, settings):
    settings.EXPIRED_CERTIFICATE_DAYS = 3
    assert call((HEADER, escaped(ca.expired("CP-1", days_ago=2)))).certificate is not None
    with pytest.raises(Refusal):
        call((HEADER, escaped(ca.expired("CP-1", days_ago=4))))


def test_our_own_handshake_wins_over_any_header(ca):
    seen = {"tls": {"client_cert_chain": [ca.client("CP-9").certificate.public_bytes(Encoding.PEM).decode()]}}
    caller = call((HEADER, escaped(ca.client("CP-1"))), extensions=seen, scheme="wss")
    assert caller.certificate.name == "CP-9" and caller.is_secure
    nobody: Any = {"tls": {"client_cert_chain": []}}
    assert call((HEADER, escaped(ca.client("CP-1"))), extensions=nobody).certificate is None


def test_with_proxy_addresses_other_peoples_forwarded_headers_do_not_count(settings):
    settings.TRUSTED_PROXIES, settings.PROXY_ADDRESSES = 1, [PROXY]
    forwarded = ((b"x-forwarded-for", b"198.51.100.4"), (b"x-forwarded-proto", b"https"))
    told, claimed = call(*forwarded), call(*forwarded, peer=OUTSIDE)
    assert (told.address, told.is_secure) == ("198.51.100.4", True)
    assert (claimed.address, claimed.is_secure) == (OUTSIDE, False)
