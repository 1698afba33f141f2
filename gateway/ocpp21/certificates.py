"""Certificates: those of car makers besides, and whole chains checked at once. OCPP 2.1 part 2, M."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import monotonic

from chargers import revocation
from chargers.models import Charger, Command
from gateway.call import Aside, Call
from gateway.certificates import hashes
from gateway.dialect import Answer, Payload
from gateway.ocpp21.dialect import dialect
from gateway.ocpp201 import certificates as older
from gateway.wire import dicts, need, text, wire_time

OCSP_RESULT_LENGTH = 18_000
ASK_AGAIN = timedelta(days=1)
PATIENCE_S = 12.0  # for all certificates of a request
# What names a certificate. A field besides, which some invent, is not for us to say.
HASHES = ("hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber")
STATUS = {
    revocation.Status.GOOD: "Good",
    revocation.Status.REVOKED: "Revoked",
    revocation.Status.UNKNOWN: "Unknown",
    revocation.Status.FAILED: "Failed",
}


@dialect.asks("GetCertificateStatus")
def ask_for_certificate_status(charger: Charger, asked: Payload, at: datetime) -> Payload:
    """M06."""
    return older.certificate_status(asked, at, longest=OCSP_RESULT_LENGTH)


@dialect.handles("GetCertificateChainStatus")
def get_certificate_chain_status(call: Call) -> Answer:
    """M06 ff: is a certificate revoked? Without hosts that may be asked each request failed; never "Good"."""
    requests = dicts(call.payload.get("certificateStatusRequests"))
    if revocation.may_ask():
        return Aside({"requests": requests})
    return {"certificateStatus": [_standing(request, "Failed", call.at + ASK_AGAIN) for request in requests]}


@dialect.asks("GetCertificateChainStatus")
def ask_for_certificate_chain_status(charger: Charger, asked: Payload, at: datetime) -> Payload:
    ends_at = monotonic() + PATIENCE_S
    return {"certificateStatus": [_judged(request, at, ends_at) for request in asked["requests"]]}


def _judged(request: Payload, at: datetime, ends_at: float) -> Payload:
    """By the first of its responders who says something. We read no CRL.

    Here the station believes us, so what is said of a certificate must be proven to come from its issuer.
    """
    failed_until = at + ASK_AGAIN
    for url in request["urls"] if request["source"] == "OCSP" else ():
        within_s = min(revocation.PATIENCE_S, ends_at - monotonic())
        if within_s < 1:
            return _standing(request, "Failed", at + revocation.FAILURE_LASTS)
        said = revocation.ask(hashes(request["certificateHashData"]), text(url), at=at, within_s=within_s)
        if said.is_proven:
            return _standing(request, STATUS[said.status], said.ends_at)
        failed_until = said.ends_at
    return _standing(request, "Failed", failed_until)


def _standing(request: Payload, status: str, next_update: datetime) -> Payload:
    return {
        "certificateHashData": {name: request["certificateHashData"][name] for name in HASHES},
        "source": request["source"],
        "status": status,
        "nextUpdate": wire_time(next_update),
    }


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
