"""Passwords, certificates, security events, signed firmware. Security whitepaper ed. 3."""

from __future__ import annotations

from portal.certify import door
from portal.certify.expect import expect, same
from portal.certify.keys import Key, hash_data, in_order, root
from portal.certify.orders import ASKED, NOW, Order, prove
from portal.certify.registry import add, proves
from portal.certify.station import NO, OK
from portal.certify.station16 import Station16
from portal.certify.wire import Payload, now

URL, WHEN = "https://files.example/firmware.bin", "2026-03-01T00:00:00.000Z"
KINDS = {"csms_root": "CentralSystemRootCertificate", "manufacturer_root": "ManufacturerRootCertificate"}

add("TC_085", door.valid_credentials, is_booted=False)
add("TC_088", door.subprotocols, is_booted=False)
add("TC_086", door.server_certificate, is_booted=False, needs_tls=True)


@proves("TC_073")
async def a_new_password(s: Station16) -> None:
    key = "A9b8C7d6E5f4G3h2I1j0"
    order = {"settings": [{"name": "AuthorizationKey", "value": key.encode().hex()}]}
    wanted = {"key": "AuthorizationKey", "value": key.encode().hex()}
    await s.ordered("write_settings", order, "ChangeConfiguration", wanted, OK)
    await s.reconnects(key)
    await s.is_left_alone()
    await s.leaves()
    same(await door.is_turned_away(s, s.identity, s.password), 401, "The refusal of the old password")
    await s.connects(key)


async def asks_for_a_certificate(s: Station16, answer: Payload, outcome: str) -> tuple[Key, str]:
    """Triggered, signed, sent: the key and its chain."""
    message = {"requestedMessage": "SignChargePointCertificate"}
    await s.ordered("trigger", {"message": "SignCertificate"}, "ExtendedTriggerMessage", message, OK)
    key = Key()
    await s.says("SignCertificate", {"csr": key.request(s.identity)}, OK)
    chain = (await s.hears("CertificateSigned", {"certificateChain": key.fits}, answer))["certificateChain"]
    await s.sees_newest("CertificateSigned", outcome)
    return key, chain


@proves("TC_074")
async def a_new_certificate(s: Station16) -> None:
    await asks_for_a_certificate(s, OK, "accepted")


@proves("TC_077")
async def the_certificate_is_not_good(s: Station16) -> None:
    await asks_for_a_certificate(s, NO, "rejected")
    await s.says("SecurityEventNotification", {"type": "InvalidChargePointCertificate", "timestamp": now()})


@proves("TC_087", needs_tls=True)
async def a_client_certificate(s: Station16) -> None:
    key, chain = await asks_for_a_certificate(s, OK, "accepted")
    await s.desk.patch(f"chargers/{s.identity}/", {"security_profile": 3})
    await s.leaves()
    await door.connects_by_tls(s, door.with_certificate(s, key, chain), with_password=False)
    await s.boots(chargePointSerialNumber=s.identity)


@proves("TC_083", needs_tls=True)
async def a_higher_security_profile(s: Station16) -> None:
    order = {"settings": [{"name": "SecurityProfile", "value": "2"}]}
    await s.ordered("write_settings", order, "ChangeConfiguration", {"key": "SecurityProfile", "value": "2"}, OK)
    await s.leaves()
    await door.server_certificate(s)
    await s.leaves()
    expect(await door.is_turned_away(s, s.identity, s.password) in (401, 403), "The way down is open")


def installs(kind: str) -> tuple[str, Payload, str, Payload]:
    pem = root(kind)
    order = {"kind": kind, "certificate": pem}
    return "install_certificate", order, "InstallCertificate", {"certificateType": KINDS[kind], "certificate": pem}


def lists(kind: str) -> tuple[str, Payload, str, Payload]:
    return "list_certificates", {"kind": kind}, "GetInstalledCertificateIds", {"certificateType": KINDS[kind]}


for _case, _kind in (("TC_075_1", "manufacturer_root"), ("TC_075_2", "csms_root")):
    prove(
        _case,
        Order(*installs(_kind), OK),
        Order(*lists(_kind), {**OK, "certificateHashData": [hash_data(root(_kind))]}),
    )

prove(
    "TC_076",
    Order(*installs("csms_root"), OK),
    Order(*lists("csms_root"), {**OK, "certificateHashData": [hash_data(root("csms_root"))]}),
    Order(
        "delete_certificate", in_order(root("csms_root")), "DeleteCertificate",
        {"certificateHashData": hash_data(root("csms_root"))}, OK,
    ),
    Order(*lists("csms_root"), {"status": "NotFound"}, "rejected"),
)  # fmt: skip
prove(
    "TC_078",
    Order(
        *installs("csms_root"), NO, "rejected",
        then=(("SecurityEventNotification", {"type": "InvalidCentralSystemCertificate", "timestamp": NOW}),),
    ),
)  # fmt: skip
UPLOAD = ("Uploading", "Uploaded")
prove(
    "TC_079",
    Order(
        "fetch_logs", {"kind": "security", "url": "ftp://files.example/in"}, "GetLog",
        {"logType": "SecurityLog", "log": {"remoteLocation": "ftp://files.example/in"}},
        {**OK, "filename": "security.log"},
        then=tuple(("LogStatusNotification", {"status": each, "requestId": ASKED}) for each in UPLOAD),
    ),
)  # fmt: skip

SIGNED = {"url": URL, "retrieve_at": WHEN, "certificate": root("firmware"), "signature": "c2lnbmF0dXJl"}
FIRMWARE = {
    "location": URL, "retrieveDateTime": WHEN, "signingCertificate": root("firmware"), "signature": "c2lnbmF0dXJl",
}  # fmt: skip


async def progress(s: Station16, request_id: int, *steps: str) -> None:
    for step in steps:
        await s.says("SignedFirmwareStatusNotification", {"status": step, "requestId": request_id})
        await s.sees_charger(firmware_status=step)


@proves("TC_080")
async def signed_firmware(s: Station16) -> None:
    heard = await s.ordered("update_firmware", SIGNED, "SignedUpdateFirmware", {"firmware": FIRMWARE}, OK)
    await progress(s, heard["requestId"], "Downloading", "Downloaded", "SignatureVerified", "Installing")
    await progress(s, heard["requestId"], "InstallRebooting")
    await s.leaves()
    await s.connects()
    await s.boots(firmwareVersion="1.1.0")
    await s.shows("Available")
    await progress(s, heard["requestId"], "Installed")
    await s.says("SecurityEventNotification", {"type": "FirmwareUpdated", "timestamp": now()})
    await s.sees_charger(firmware_version="1.1.0")


@proves("TC_081")
async def a_bad_signature(s: Station16) -> None:
    heard = await s.ordered("update_firmware", SIGNED, "SignedUpdateFirmware", {"firmware": FIRMWARE}, OK)
    await progress(s, heard["requestId"], "Downloading", "Downloaded", "InvalidSignature")
    await s.says("SecurityEventNotification", {"type": "InvalidFirmwareSignature", "timestamp": now()})
