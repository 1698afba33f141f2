"""Firmware images: added with their checks, matched with chargers, given out by links. Knows no campaign."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import PurePath

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError, Q, QuerySet

from chargers.models import Charger, FirmwareImage
from chargers.sentences import phrase
from chargers.signals import files_changed
from chargers.storage import charger_link, new_name, storage

# What manufacturers pack firmware in. A page or a script is none, and would be somebody's mistake.
ENDINGS = frozenset(
    (
        "7z", "bin", "bz2", "dat", "deb", "enc", "fw", "gz", "hex", "img", "ipk", "mot", "pkg", "raucb",
        "s19", "sig", "signed", "swu", "tar", "tgz", "upd", "upg", "upgrade", "xz", "zip", "zst",
    )
)  # fmt: skip

# Told to people, see chargers/sentences.py.
NO_FIRMWARE = phrase("{name!r} is no firmware by its ending; it may be .{endings}.")
IMAGE_IS_THERE = phrase("There is an image of version {version} for {vendor} {model} already.")
IMAGE_IS_USED = phrase("{image} is in a campaign, which would not be understood without it.")
OTHER_SHA = phrase("The file has SHA-256 {sha}, not {expected}: it was damaged on its way, or is another one.")


class Unfit(ValueError):
    """An image that we do not take; the text says why, and what would be right. ``field``: what of it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class Label:
    """What is told of an image. ``model``: a pattern, as file names have; ``sha256``: if the maker tells it."""

    vendor: str
    model: str
    version: str
    sha256: str = ""
    signature: str = ""
    certificate: str = ""
    notes: str = ""


def add(
    label: Label, file_name: str, chunks: Iterable[bytes], *, by: AbstractBaseUser | None, at: datetime
) -> FirmwareImage:
    """Keep an image, whole or not at all. Raises Unfit, and TooLarge."""
    suffix = PurePath(file_name).suffix.lstrip(".").lower()
    if suffix not in ENDINGS:
        raise Unfit("file", NO_FIRMWARE.format(name=file_name[:80], endings=", .".join(sorted(ENDINGS))))
    certificate = _certificate(label)
    name, digest = new_name("firmware", f"x.{suffix}"), hashlib.sha256()
    size = storage().keep(name, _digested(chunks, digest))
    try:
        _check(label, size, digest.digest(), certificate)
        with transaction.atomic():
            image = FirmwareImage.objects.create(
                vendor=label.vendor.strip(),
                model=label.model.strip(),
                version=label.version.strip(),
                file_name=PurePath(file_name).name[-120:],
                name=name,
                size_bytes=size,
                sha256=digest.hexdigest(),
                signature="".join(label.signature.split()),
                certificate=label.certificate.strip(),
                notes=label.notes,
                added_by=by,  # type: ignore[misc]
                added_at=at,
            )
    except IntegrityError as error:
        storage().delete(name)
        raise Unfit(
            "version", IMAGE_IS_THERE.format(version=label.version, vendor=label.vendor, model=label.model)
        ) from error
    except Unfit:
        storage().delete(name)
        raise
    _announce()
    return image


def delete(image: FirmwareImage) -> None:
    """Raises Unfit while campaigns tell of it."""
    try:
        image.delete()
    except ProtectedError as error:
        raise Unfit("file", IMAGE_IS_USED.format(image=image)) from error
    storage().delete(image.name)
    _announce()


def link(image: FirmwareImage, *, base_url: str = "") -> str:
    """By which chargers fetch it for `FIRMWARE_LINK_S`. Raises NoAddress."""
    return charger_link(image.name, "get", for_s=settings.FIRMWARE_LINK_S, base_url=base_url, called=image.file_name)


def chargers_of(image: FirmwareImage) -> QuerySet[Charger]:
    """Those of its vendor and model, ignoring case, whatever they run."""
    pattern = image.model.casefold()
    kinds = Charger.objects.order_by().filter(vendor__iexact=image.vendor).values_list("vendor", "model").distinct()
    fitting = Q(pk=None)
    for vendor, model in kinds:
        if fnmatchcase(model.casefold(), pattern):
            fitting |= Q(vendor=vendor, model=model)
    return Charger.objects.filter(fitting)


def arguments(image: FirmwareImage, *, at: datetime, base_url: str = "") -> dict[str, object]:
    """Of the order ``update_firmware``."""
    signed = {"signature": image.signature, "certificate": image.certificate} if image.signature else {}
    return {"image": image.pk, "base_url": base_url, "retrieve_at": at.isoformat(), **signed}


def _digested(chunks: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def _certificate(label: Label) -> x509.Certificate | None:
    if bool(label.signature.strip()) != bool(label.certificate.strip()):
        raise Unfit("signature", phrase("Signature and signing certificate go together; give both or neither."))
    if not label.certificate.strip():
        return None
    try:
        return x509.load_pem_x509_certificate(label.certificate.strip().encode())
    except ValueError as error:
        raise Unfit("certificate", phrase("This is no certificate in PEM (-----BEGIN CERTIFICATE-----).")) from error


def _check(label: Label, size_bytes: int, digest: bytes, certificate: x509.Certificate | None) -> None:
    if size_bytes == 0:
        raise Unfit("file", phrase("The file is empty."))
    expected = label.sha256.strip().lower().replace(":", "")
    if expected and expected != digest.hex():
        raise Unfit(
            "sha256",
            OTHER_SHA.format(sha=digest.hex(), expected=expected[:80]),
        )
    if certificate is None:
        return
    try:
        signature = base64.b64decode("".join(label.signature.split()), validate=True)
    except binascii.Error as error:
        raise Unfit("signature", phrase("The signature is not in base64.")) from error
    if not _is_signed(certificate, signature, digest):
        raise Unfit(
            "signature", phrase("The signature is not of this file by this certificate; no charger would take it.")
        )


def _is_signed(certificate: x509.Certificate, signature: bytes, digest: bytes) -> bool:
    """By SHA-256 and ECDSA, RSA-PSS or RSA as before it (security whitepaper §5; 2.0.1 L01)."""
    key, hashed = certificate.public_key(), Prehashed(hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePublicKey):
        tries = [lambda: key.verify(signature, digest, ec.ECDSA(hashed))]
    elif isinstance(key, rsa.RSAPublicKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        tries = [
            lambda: key.verify(signature, digest, pss, hashed),
            lambda: key.verify(signature, digest, padding.PKCS1v15(), hashed),
        ]
    else:
        return False
    return any(_holds(verify) for verify in tries)


def _holds(verify: Callable[[], None]) -> bool:
    try:
        verify()
    except InvalidSignature:
        return False
    return True


def _announce() -> None:
    transaction.on_commit(lambda: files_changed.send_robust(sender=FirmwareImage, charger_ids=set()))
