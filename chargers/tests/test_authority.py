from __future__ import annotations

import stat
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.utils import timezone

from chargers import authority
from chargers.authority import BadRequest, common_name, load, read_request


def signing_request(*names: str, key=None) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    key = key or ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


@pytest.fixture
def ca(tmp_path):
    return load(tmp_path / "ca.pem")


def test_a_signed_certificate_is_the_authoritys_and_good_for_a_client_only(ca):
    at = timezone.now()
    issued = ca.sign(read_request(signing_request("CP-1")), at=at)
    (certificate,) = x509.load_pem_x509_certificates(issued.chain.encode())
    certificate.verify_directly_issued_by(ca.certificate)
    uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert certificate.not_valid_before_utc < at < certificate.not_valid_after_utc
    assert issued.fingerprint == certificate.fingerprint(hashes.SHA256()).hex()


def test_the_authority_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    file = tmp_path / "new" / "ca.pem"
    made = load(file)
    load.cache_clear()
    assert load(file).certificate == made.certificate
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["ca.pem"]


def test_of_two_processes_that_make_one_the_first_stands(tmp_path):
    file = tmp_path / "ca.pem"
    authority._make(file)
    first = file.read_bytes()
    authority._make(file)
    assert file.read_bytes() == first


def test_no_certificate_outlives_its_authority(ca):
    at = ca.certificate.not_valid_after_utc - timedelta(days=3)
    issued = ca.sign(read_request(signing_request("CP-1")), at=at)
    assert issued.expires_at == ca.certificate.not_valid_after_utc


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        ("", "cannot be read"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "cannot be read"),
        (signing_request("CP-1", key=rsa.generate_private_key(65537, 1024)), "2048 bits"),
        (signing_request("CP-1", key=ec.generate_private_key(ec.SECP192R1())), "224"),
    ],
    ids=["empty", "broken", "short RSA key", "short EC key"],
)
def test_a_request_that_is_not_good_enough_is_refused_with_its_reason(pem, why):
    with pytest.raises(BadRequest, match=why):
        read_request(pem)


@pytest.mark.parametrize(("names", "name"), [(["CP-1"], "CP-1"), ([], ""), (["CP-1", "CP-2"], "")])
def test_a_request_has_one_name_or_none(names, name):
    assert common_name(read_request(signing_request(*names))) == name
