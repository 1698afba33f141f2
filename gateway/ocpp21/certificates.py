"""Certificates: those of car makers besides, and whole chains checked at once. OCPP 2.1 part 2, M."""

from __future__ import annotations

from datetime import timedelta

from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload
from gateway.ocpp21.dialect import dialect
from gateway.ocpp201 import certificates as older
from gateway.wire import dicts, need, wire_time

ASK_AGAIN = timedelta(days=1)
# What names a certificate. A field besides, which some invent, is not for us to say.
HASHES = ("hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber")


@dialect.handles("GetCertificateChainStatus")
def get_certificate_chain_status(call: Call) -> Payload:
    """M06 ff: is a certificate revoked? We ask no CRL or OCSP responder, so each request failed; never "Good"."""
    answers = [
        {
            "certificateHashData": {name: asked["certificateHashData"][name] for name in HASHES},
            "source": asked["source"],
            "status": "Failed",
            "nextUpdate": wire_time(call.at + ASK_AGAIN),
        }
        for asked in dicts(call.payload.get("certificateStatusRequests"))
    ]
    return {"certificateStatus": answers}


@dialect.sends("install_certificate")
def install_certificate(command: Command) -> tuple[str, Payload]:
    """M05."""
    theirs = older.KIND_SINCE_21.get(str(command.arguments.get("kind")))
    if theirs is None:
        return older.install_certificate(command)
    return "InstallCertificate", {"certificateType": theirs, "certificate": need(command, "certificate")}


@dialect.sends("list_certificates")
def list_certificates(command: Command) -> tuple[str, Payload]:
    """M03."""
    theirs = older.KIND_SINCE_21.get(str(command.arguments.get("kind")))
    if theirs is None:
        return older.list_certificates(command)
    return "GetInstalledCertificateIds", {"certificateType": [theirs]}
