"""Certificates for our own TLS door, signed by our own authority: for whoever has none of a public one.

Chargers believe them once they trust that authority (an order installs it, or the charger's own pages do).
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

from chargers import authority

# RSA for chargers that know nothing else; 2048 is what OCPP asks for, and each handshake costs us a signature.
RSA_BITS = 2048


def make(folder: Path, names: list[str], *, at: datetime, ca_file: Path | None = None) -> list[Path]:
    """Write ``tls-ecdsa.pem`` and ``tls-rsa.pem``, each with its key; a server that runs takes them within seconds.

    ``ca_file``: the authority, if it is not the yard's own.
    """
    signer = authority.load(ca_file or settings.CHARGER_CA_FILE)
    ecdsa = ec.generate_private_key(ec.SECP256R1())
    plain = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    made: dict[Path, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey] = {
        folder / "tls-ecdsa.pem": ecdsa,
        folder / "tls-rsa.pem": plain,
    }
    for path, key in made.items():
        issued = signer.sign_server(key.public_key(), names, organization=settings.CPO_NAME, at=at)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        _write(path, issued.chain + secret)
    return list(made)


def _write(path: Path, pem: str) -> None:
    """All of it or nothing, and for its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(pem)
    draft.replace(path)
