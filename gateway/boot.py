"""What all OCPP versions say alike to a charger that starts: whether it may go on, and how often it is to report."""

from __future__ import annotations

from chargers import client_certificates
from chargers.boots import Nameplate
from chargers.models import SecurityProfile
from chargers.security import record_event
from gateway.call import Call
from gateway.dialect import Payload
from gateway.wire import wire_time


def answer_boot(call: Call, nameplate: Nameplate, *, reason: str = "") -> Payload:
    """Record a boot. Whose serial number is not that of its certificate is rejected, and its connection ends."""
    charger = call.charger
    has_certificate = charger.security_profile == SecurityProfile.CERTIFICATE
    wrong = client_certificates.contradicts(charger, nameplate.serial_number) if has_certificate else ""
    boot = call.books.boots.add(charger, nameplate, reason=reason, is_impostor=bool(wrong), at=call.at)
    call.books.changed_chargers.add(charger.pk)
    if wrong:
        record_event(charger, "SerialNumberMismatch", detail=wrong, is_ours=True, at=call.at)
        call.event("security", kind="SerialNumberMismatch", detail=wrong)
        call.hang_up(wrong)
    facts = {"vendor": boot.vendor, "model": boot.model, "firmware_version": boot.firmware_version}
    call.event("boot", **facts, verdict=boot.verdict.lower())
    return {"status": boot.verdict, "interval": boot.interval_s, "currentTime": wire_time(call.at)}
