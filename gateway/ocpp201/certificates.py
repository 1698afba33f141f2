"""Certificates: signing requests of stations, roots they hold, and those of cars. OCPP 2.0.1 part 2, A02–A03 and M."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chargers import certificates, revocation
from chargers.certificates import Hashes, Kind
from chargers.models import Charger, Command
from gateway import iso15118
from gateway.call import Aside, Call
from gateway.certificates import hashes, hashes_in_words
from gateway.dialect import Answer, Payload
from gateway.ocpp201.dialect import dialect
from gateway.wire import dicts, need, one_of, said, text

KIND = {
    "csms_root": "CSMSRootCertificate",
    "manufacturer_root": "ManufacturerRootCertificate",
    "v2g_root": "V2GRootCertificate",
    "mo_root": "MORootCertificate",
    "v2g_chain": "V2GCertificateChain",
}
KIND_SINCE_21 = {"oem_root": "OEMRootCertificate"}
OUR_KIND = {theirs: Kind(ours) for ours, theirs in (KIND | KIND_SINCE_21).items()}
INSTALLABLE = {ours: theirs for ours, theirs in KIND.items() if ours != "v2g_chain"}
FAILED = {"status": "Failed"}
OCSP_RESULT_LENGTH = 5500
USE = {"ChargingStationCertificate": "station", "V2GCertificate": "v2g", "": "both"}
FOR_V2G = {"V2GCertificate", "V2G20Certificate"}


# -- keys of stations ------------------------------------------------------------------------------------------------


@dialect.handles("SignCertificate")
def sign_certificate(call: Call) -> Answer:
    """A02: the certificate follows in a command. Ours is no authority of ISO 15118: V2G ones come from the provider."""
    use, csr = text(call.payload.get("certificateType")), text(call.payload.get("csr"))
    if use in FOR_V2G and iso15118.is_there():
        return Aside({"csr": csr, "use": use})
    call.books.changed_chargers.add(call.charger.pk)
    return _signed(call.charger, csr, use, issue=_nobody if use in FOR_V2G else None, at=call.at)


@dialect.asks("SignCertificate")
def ask_for_signature(charger: Charger, told: Payload, at: datetime) -> Callable[[], Payload]:
    """The provider is asked once for each request; what it says is kept and ordered with our answer."""
    csr = told["csr"]
    chain = iso15118.station_certificate(csr) if certificates.lacks_signature(charger, csr, at=at) else None
    return lambda: _signed(charger, csr, told["use"], issue=lambda _: chain, at=at)


def _signed(
    charger: Charger, csr: str, use: str, *, issue: Callable[[str], str | None] | None, at: datetime
) -> Payload:
    is_signed = certificates.sign(charger, csr, use=USE.get(use, use), issue=issue, at=at)
    return {"status": "Accepted" if is_signed else "Rejected"}


def _nobody(csr: str) -> None:
    return None


@dialect.sends("certificate_signed")
def certificate_signed(command: Command) -> tuple[str, Payload]:
    """A request that named no use is for both, and so is its certificate (A02.FR.10)."""
    uses = {ours: theirs for theirs, ours in USE.items()}
    use = command.arguments.get("use", "station")
    return "CertificateSigned", said(
        certificateChain=need(command, "chain"), certificateType=uses.get(use, use) or None
    )


@dialect.answers("CertificateSigned")
def certificate_answered(command: Command, answer: Payload, call: Call) -> None:
    certificates.answered(command, is_taken=answer.get("status") == "Accepted")
    call.books.changed_chargers.add(call.charger.pk)


# -- roots that a station trusts ---------------------------------------------------------------------------------------


@dialect.sends("install_certificate")
def install_certificate(command: Command) -> tuple[str, Payload]:
    """M05."""
    kind = one_of(command, "kind", INSTALLABLE, command.arguments.get("kind", "csms_root"))
    return "InstallCertificate", {"certificateType": kind, "certificate": need(command, "certificate")}


@dialect.answers("InstallCertificate")
def certificate_installed(command: Command, answer: Payload, call: Call) -> None:
    kind = OUR_KIND.get(text(command.payload.get("certificateType")))
    if answer.get("status") == "Accepted" and kind is not None:
        certificates.installed(call.charger, kind, text(command.payload.get("certificate")), at=call.at)
        call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("list_certificates")
def list_certificates(command: Command) -> tuple[str, Payload]:
    """M03: of one ``kind`` or several ``kinds``; none means all of them."""
    kinds = command.arguments.get("kinds") or [command.arguments.get("kind")]
    wanted = [one_of(command, "kind", KIND, kind) for kind in kinds if kind]
    return "GetInstalledCertificateIds", said(certificateType=wanted or None)


@dialect.answers("GetInstalledCertificateIds")
def certificates_listed(command: Command, answer: Payload, call: Call) -> None:
    """NotFound means that it has none of those asked for."""
    asked = command.payload.get("certificateType") or []
    chains = dicts(answer.get("certificateHashDataChain"))
    held = [(OUR_KIND[text(chain.get("certificateType"))], each) for chain in chains for each in _members(chain)]
    certificates.told(call.charger, held, of_kinds=[OUR_KIND[kind] for kind in asked if kind in OUR_KIND], at=call.at)
    call.books.changed_chargers.add(call.charger.pk)


def _members(chain: dict[str, Any]) -> list[Hashes]:
    """The certificate of a chain and those below it."""
    own = dicts([chain.get("certificateHashData")])
    return [hashes(each) for each in own + dicts(chain.get("childCertificateHashData"))]


@dialect.sends("delete_certificate")
def delete_certificate(command: Command) -> tuple[str, Payload]:
    """M04."""
    return "DeleteCertificate", {"certificateHashData": hashes_in_words(command)}


@dialect.answers("DeleteCertificate")
def certificate_deleted(command: Command, answer: Payload, call: Call) -> None:
    if answer.get("status") in ("Accepted", "NotFound"):
        for told in dicts([command.payload.get("certificateHashData")]):
            certificates.gone(call.charger, hashes(told))
        call.books.changed_chargers.add(call.charger.pk)


# -- certificates of cars ----------------------------------------------------------------------------------------------


@dialect.handles("Get15118EVCertificate")
def get_15118_ev_certificate(call: Call) -> Answer:
    """M01, M02."""
    return Aside(call.payload) if iso15118.is_there() else {**FAILED, "exiResponse": ""}


@dialect.asks("Get15118EVCertificate")
def ask_for_ev_certificate(charger: Charger, told: Payload, at: datetime) -> Payload:
    response = iso15118.ev_certificate(
        schema_version=text(told.get("iso15118SchemaVersion")),
        action=text(told.get("action")),
        exi_request=text(told.get("exiRequest")),
    )
    return {"status": "Accepted", "exiResponse": response} if response else {**FAILED, "exiResponse": ""}


@dialect.handles("GetCertificateStatus")
def get_certificate_status(call: Call) -> Answer:
    """M06: by the provider or, where hosts of responders are allowed, by the one that the charger names."""
    return Aside(call.payload["ocspRequestData"]) if iso15118.is_there() or revocation.may_ask() else dict(FAILED)


@dialect.asks("GetCertificateStatus")
def ask_for_certificate_status(charger: Charger, asked: Payload, at: datetime) -> Payload:
    return certificate_status(asked, at, longest=OCSP_RESULT_LENGTH)


def certificate_status(asked: Payload, at: datetime, *, longest: int) -> Payload:
    """The response as the responder signed it: station and car check that themselves. ``longest``: in characters."""
    result = iso15118.certificate_status(ocsp_request=asked)
    if not result and revocation.may_ask():
        said = revocation.ask(hashes(asked), text(asked.get("responderURL")), at=at)
        result = base64.b64encode(said.response).decode()
    return {"status": "Accepted", "ocspResult": result} if result and len(result) <= longest else dict(FAILED)
