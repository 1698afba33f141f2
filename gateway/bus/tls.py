"""Our end of TLS to the broker: what we show (`MQTT_CLIENT_PEM`), whom we trust (`MQTT_CA_FILE`), and, when it fails,
a sentence that names what is wrong. Knows no MQTT.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# AWS IoT Core listens on 443 as well, for networks that let nothing else out, and tells MQTT from HTTPS by this.
ALPN_OF_PORT = {443: "x-amzn-mqtt-ca"}


def context(port: int) -> ssl.SSLContext:
    """What a connection to the broker's ``port`` needs; made once. Raises ImproperlyConfigured naming the setting."""
    return _context(settings.MQTT_CLIENT_PEM, str(settings.MQTT_CA_FILE or ""), ALPN_OF_PORT.get(port))


def flaw(at: datetime | None = None) -> str:
    """What is wrong with the certificate that we show, in words; empty if nothing, or if we show none."""
    if not settings.MQTT_CLIENT_PEM:
        return ""
    at = at or datetime.now(UTC)
    certificate = x509.load_pem_x509_certificate(settings.MQTT_CLIENT_PEM.encode())
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if begins <= at <= ends:
        return ""
    which = f"The certificate in MQTT_CLIENT_PEM ({_name(certificate)})"
    clock = f"This machine's clock says {at:%Y-%m-%d %H:%M} UTC"
    if at > ends:
        return f"{which} has expired at {ends:%Y-%m-%d %H:%M} UTC. {clock}; if that is right, put a new one there."
    return f"{which} is not valid before {begins:%Y-%m-%d %H:%M} UTC. {clock}; set it right."


def explain(error: BaseException, host: str) -> str:
    """Why a connection to the broker failed, and the way out."""
    match error:
        case socket.gaierror():
            return (
                f"MQTT_URL names {host!r}, which no name server knows. For AWS IoT Core it is what `manage.py aws "
                "doctor` prints; its region has to be the one of your certificate."
            )
        case ssl.SSLCertVerificationError(verify_message=message):
            clock = f"this machine's clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            return f"The certificate of {host!r} is not trusted: {message}; {clock}. MQTT_CA_FILE names whom we trust."
        case ssl.SSLError():
            return flaw() or f"{host!r} does not take our TLS: {error}. Is the certificate in MQTT_CLIENT_PEM its own?"
    return str(error)


@cache
def _context(pem: str, ca_file: str, alpn: str | None) -> ssl.SSLContext:
    try:
        made = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise ImproperlyConfigured(f"MQTT_CA_FILE names {ca_file!r}, which cannot be read: {error}.") from error
    if pem:
        _show(made, pem)
    if alpn:
        made.set_alpn_protocols([alpn])
    return made


def _show(made: ssl.SSLContext, pem: str) -> None:
    # OpenSSL's Python face reads keys from files only.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # only we may read it
        file.write(pem)
        file.flush()
        try:
            made.load_cert_chain(file.name)
        except ssl.SSLError as error:
            raise ImproperlyConfigured(
                f"MQTT_CLIENT_PEM holds {_contents(pem)}, which do not go together ({error.reason or error}). "
                "It needs a certificate and its private key, both in PEM, one after the other."
            ) from error


def _contents(pem: str) -> str:
    """What a PEM text holds, without showing it."""
    kinds = [line.strip("- \n").removeprefix("BEGIN ") for line in pem.splitlines() if line.startswith("-----BEGIN ")]
    return " and ".join(kinds).lower() or "nothing in PEM"


def _name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string() or f"{certificate.serial_number:x}"
