"""Certificates: signing requests of charge points, and roots they hold. OCPP 1.6 security whitepaper §3–4, §6."""

from __future__ import annotations

from chargers import certificates
from chargers.certificates import Kind
from chargers.models import Command
from gateway.call import Call
from gateway.certificates import hashes, hashes_in_words
from gateway.dialect import Payload
from gateway.ocpp16.dialect import dialect
from gateway.wire import dicts, need, one_of, text

KIND = {"csms_root": "CentralSystemRootCertificate", "manufacturer_root": "ManufacturerRootCertificate"}
OUR_KIND = {theirs: Kind(ours) for ours, theirs in KIND.items()}


@dialect.handles("SignCertificate")
def sign_certificate(call: Call) -> Payload:
    """The certificate follows in a command."""
    is_signed = certificates.sign(call.charger, text(call.payload.get("csr")), at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
    return {"status": "Accepted" if is_signed else "Rejected"}


@dialect.sends("certificate_signed")
def certificate_signed(command: Command) -> tuple[str, Payload]:
    return "CertificateSigned", {"certificateChain": need(command, "chain")}


@dialect.answers("CertificateSigned")
def certificate_answered(command: Command, answer: Payload, call: Call) -> None:
    certificates.answered(command, is_taken=answer.get("status") == "Accepted")
    call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("install_certificate")
def install_certificate(command: Command) -> tuple[str, Payload]:
    kind = one_of(command, "kind", KIND, command.arguments.get("kind", "csms_root"))
    return "InstallCertificate", {"certificateType": kind, "certificate": need(command, "certificate")}


@dialect.answers("InstallCertificate")
def certificate_installed(command: Command, answer: Payload, call: Call) -> None:
    kind = OUR_KIND.get(text(command.payload.get("certificateType")))
    if answer.get("status") == "Accepted" and kind is not None:
        certificates.installed(call.charger, kind, text(command.payload.get("certificate")), at=call.at)
        call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("list_certificates")
def list_certificates(command: Command) -> tuple[str, Payload]:
    """1.6 lists one kind at a time."""
    kind = one_of(command, "kind", KIND, command.arguments.get("kind") or "csms_root")
    return "GetInstalledCertificateIds", {"certificateType": kind}


@dialect.answers("GetInstalledCertificateIds")
def certificates_listed(command: Command, answer: Payload, call: Call) -> None:
    """NotFound means that it has none of this kind."""
    kind = OUR_KIND.get(text(command.payload.get("certificateType")))
    if kind is not None:
        held = [(kind, hashes(told)) for told in dicts(answer.get("certificateHashData"))]
        certificates.told(call.charger, held, of_kinds=[kind], at=call.at)
        call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("delete_certificate")
def delete_certificate(command: Command) -> tuple[str, Payload]:
    return "DeleteCertificate", {"certificateHashData": hashes_in_words(command)}


@dialect.answers("DeleteCertificate")
def certificate_deleted(command: Command, answer: Payload, call: Call) -> None:
    if answer.get("status") in ("Accepted", "NotFound"):
        for told in dicts([command.payload.get("certificateHashData")]):
            certificates.gone(call.charger, hashes(told))
        call.books.changed_chargers.add(call.charger.pk)
