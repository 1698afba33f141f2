"""What all OCPP versions say alike about certificates: how they name them."""

from __future__ import annotations

from typing import Any

from chargers.certificates import Hashes
from chargers.models import Command
from gateway.dialect import Payload
from gateway.wire import need, text


def hashes(told: dict[str, Any]) -> Hashes:
    """CertificateHashDataType."""
    return Hashes(
        hash_algorithm=text(told.get("hashAlgorithm")),
        issuer_name_hash=text(told.get("issuerNameHash")),
        issuer_key_hash=text(told.get("issuerKeyHash")),
        serial_number=text(told.get("serialNumber")),
    )


def hashes_in_words(command: Command) -> Payload:
    """CertificateHashDataType from the arguments of a command. Raises Unspeakable."""
    return {
        "hashAlgorithm": command.arguments.get("hash_algorithm") or "SHA256",
        "issuerNameHash": need(command, "issuer_name_hash"),
        "issuerKeyHash": need(command, "issuer_key_hash"),
        "serialNumber": need(command, "serial_number"),
    }
