"""Signed images: what a charger would refuse is not taken."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.utils import timezone

from chargers import images, storage

pytestmark = pytest.mark.django_db
FILE = [b"firm", b"ware"]
WHOLE = b"firmware"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.MEDIA_ROOT, settings.FILES_BUCKET = tmp_path, ""


def certificate(key) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme firmware")])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at)
        .not_valid_after(at + timedelta(days=999))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
SIGNED = {
    "ecdsa": (EC, EC.sign(WHOLE, ec.ECDSA(hashes.SHA256()))),
    "rsa-pss": (RSA, RSA.sign(WHOLE, PSS, hashes.SHA256())),
    "rsa": (RSA, RSA.sign(WHOLE, padding.PKCS1v15(), hashes.SHA256())),
}


def add(signature: bytes, pem: str):
    label = images.Label("Acme", "W", "2.0", signature=base64.b64encode(signature).decode(), certificate=pem)
    return images.add(label, "w.bin", FILE, by=None, at=timezone.now())


@pytest.mark.parametrize("way", SIGNED)
def test_a_signature_of_the_file_is_taken_and_goes_with_the_order(way):
    key, signature = SIGNED[way]
    image = add(signature, certificate(key))
    order = images.arguments(image, at=timezone.now())
    assert order["signature"] == image.signature and "BEGIN CERTIFICATE" in str(order["certificate"])
    assert order["image"] == image.pk


@pytest.mark.parametrize("way", SIGNED)
def test_a_signature_of_another_file_or_by_another_key_is_refused(way, settings):
    key, signature = SIGNED[way]
    other = ec.generate_private_key(ec.SECP256R1())
    for made, pem in ((signature[:-1] + b"x", certificate(key)), (signature, certificate(other))):
        with pytest.raises(images.Unfit, match="not of this file by this certificate"):
            add(made, pem)
    assert not [file for file in settings.MEDIA_ROOT.rglob("*") if file.is_file()]


def test_an_empty_or_too_large_image_is_refused(settings):
    label = images.Label("Acme", "W", "2.0")
    with pytest.raises(images.Unfit, match="empty"):
        images.add(label, "w.bin", [], by=None, at=timezone.now())
    settings.UPLOAD_LIMIT_BYTES = 5
    with pytest.raises(storage.TooLarge):
        images.add(label, "w.bin", FILE, by=None, at=timezone.now())


@pytest.mark.parametrize(
    ("pattern", "fitting"), [("W*", {"CP-1", "CP-2"}), ("w 1", {"CP-1"}), ("*", {"CP-1", "CP-2", "CP-3"}), ("X", set())]
)
def test_a_pattern_says_for_which_models_it_is(make_charger, pattern, fitting):
    for identity, vendor, model in (
        ("CP-1", "ACME", "W 1"), ("CP-2", "acme", "W 2"), ("CP-3", "Acme", "Z"), ("CP-4", "Other", "W 1"),
    ):  # fmt: skip
        make_charger(identity, vendor=vendor, model=model)
    image = images.add(images.Label("Acme", pattern, "2.0"), "w.bin", FILE, by=None, at=timezone.now())
    assert set(images.chargers_of(image).values_list("identity", flat=True)) == fitting
