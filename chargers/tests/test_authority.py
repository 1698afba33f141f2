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
from chargers.authority import BadRequest, load, names_in, read_request


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
    issued = ca.sign(read_request(signing_request("CP-1")), name="CP-1", at=at)
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
    issued = ca.sign(read_request(signing_request("CP-1")), name="CP-1", at=at)
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


@pytest.mark.parametrize("names", [["CP-1"], [], ["CP-1", "CP-2"]])
def test_all_names_of_a_request_are_read(names):
    assert names_in(read_request(signing_request(*names))) == names


@pytest.mark.parametrize("key", [None, rsa.generate_private_key(65537, 2048)], ids=["EC", "RSA"])
def test_a_certificate_is_signed_by_sha_256_and_says_what_we_say_not_what_the_request_says(ca, key):
    request = read_request(signing_request("Somebody", key=key))
    issued = ca.sign(request, name="CP-1", organization="Yard & Sons", at=timezone.now())
    certificate = x509.load_pem_x509_certificate(issued.chain.encode())
    assert certificate.subject.rfc4514_string() == "CN=CP-1,O=Yard & Sons"
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)


def test_a_server_certificate_is_for_its_names_and_no_charger_can_use_one(ca):
    key = rsa.generate_private_key(65537, 2048).public_key()
    issued = ca.sign_server(key, ["csms.example", "192.0.2.1"], organization="", at=timezone.now())
    certificate = x509.load_pem_x509_certificate(issued.chain.encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["csms.example"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1"]
    uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.SERVER_AUTH]
