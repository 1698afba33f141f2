"""Certificates for tests, and a Mosquitto that wants one of everybody, as AWS IoT Core does."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from portal.bench import servers
from portal.supervisor import ports
from portal.supervisor.children import Program
from portal.tests.parts import _or_skip

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class Authority:
    """Signs for the tests. ``certificate``: its own, in PEM."""

    def __init__(self, name: str = "Test authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signed = self._sign(self._name, self._key, NOW - DAY, NOW + 30 * DAY, is_authority=True)
        self.certificate = _pem(signed)

    def issue(self, name: str, *, begins: datetime = NOW - DAY, ends: datetime = NOW + DAY) -> str:
        """Certificate and key for ``name`` in one PEM text; good for a server on loopback as well."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _pem(self._sign(subject, key, begins, ends, is_authority=False)) + private.decode()

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        begins: datetime,
        ends: datetime,
        *,
        is_authority: bool,
    ) -> x509.Certificate:
        loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ports.LOOPBACK))])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(loopback, critical=False)
            .sign(self._key, hashes.SHA256())
        )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@contextlib.contextmanager
def _mosquitto(authority: Authority) -> Iterator[str]:
    port = ports.free()
    with servers._folder() as folder:
        (folder / "ca.pem").write_text(authority.certificate)
        (folder / "server.pem").write_text(authority.issue("broker"))
        config = folder / "mosquitto.conf"
        config.write_text(_config(folder, port))
        program = Program("mosquitto", (servers._program("mosquitto"), "-c", str(config)))
        missing = lambda: "" if ports.accepts(ports.LOOPBACK, port) else "no answer"  # noqa: E731
        with servers._running(program, folder, missing):
            yield f"mqtts://{ports.LOOPBACK}:{port}"


def _config(folder: Path, port: int) -> str:
    lines = servers.mosquitto_config(port).splitlines()
    lines += [f"cafile {folder}/ca.pem", f"certfile {folder}/server.pem", f"keyfile {folder}/server.pem"]
    lines += ["require_certificate true", "use_identity_as_username true"]
    if os.geteuid() == 0:
        lines.append("user root")  # or it could not read the folder of ours
    return "\n".join(lines) + "\n"


def mosquitto(authority: Authority) -> contextlib.AbstractContextManager[str]:
    """A Mosquitto with TLS that takes only clients with a certificate of ``authority``; yields its URL."""
    return _or_skip(lambda: _mosquitto(authority))()
