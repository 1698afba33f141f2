"""A: credentials, certificates of the station, security profiles."""

from __future__ import annotations

from portal.certify import door
from portal.certify.expect import expect, same
from portal.certify.keys import Key
from portal.certify.ocpp201.configuration import result, writes
from portal.certify.registry import add, proves
from portal.certify.station import NO, OK
from portal.certify.station201 import Station201
from portal.certify.wire import Payload

NEW = "a-new-Password_2026"

add("TC_A_01", door.valid_credentials, is_booted=False)
add("TC_A_02", door.user_is_not_the_identity, is_booted=False)
add("TC_A_03", door.wrong_password, is_booted=False)
add("TC_A_04", door.server_certificate, is_booted=False, needs_tls=True)
add("TC_A_06", door.tls_is_too_old, is_booted=False, needs_tls=True)
add("TC_A_08", door.foreign_certificate, is_booted=False, needs_tls=True)
PASSWORD = ("SecurityCtrlr", "BasicAuthPassword")


@proves("TC_A_09")
async def a_new_password(s: Station201) -> None:
    await s.ordered(*writes((*PASSWORD, NEW)), {"setVariableResult": [result(*PASSWORD, attributeStatus="Accepted")]})
    await s.reconnects(NEW)
    await s.is_left_alone()
    await s.leaves()
    same(await door.is_turned_away(s, s.identity, s.password), 401, "The refusal of the old password")
    await s.connects(NEW)


@proves("TC_A_10")
async def a_new_password_that_the_station_refuses(s: Station201) -> None:
    answer = {"setVariableResult": [result(*PASSWORD, attributeStatus="Rejected")]}
    await s.ordered(*writes((*PASSWORD, NEW)), answer, "rejected")
    await s.leaves()
    same(await door.is_turned_away(s, s.identity, NEW), 401, "The refusal of the new password")
    await s.connects()


async def asks_for_a_certificate(
    trigger: str, kind: str, answer: Payload, outcome: str, s: Station201
) -> tuple[Key, str]:
    """Triggered, signed, sent: the key and its chain."""
    await s.ordered("trigger", {"message": trigger}, "TriggerMessage", {"requestedMessage": trigger}, OK)
    key = Key()
    await s.says("SignCertificate", {"csr": key.request(s.identity), "certificateType": kind}, OK)
    wanted = {"certificateChain": key.fits, "certificateType": kind}
    chain = (await s.hears("CertificateSigned", wanted, answer))["certificateChain"]
    await s.sees_newest("CertificateSigned", outcome)
    return key, chain


STATION = ("SignChargingStationCertificate", "ChargingStationCertificate")


@proves("TC_A_11")
async def a_certificate_for_the_station(s: Station201) -> None:
    await asks_for_a_certificate(*STATION, OK, "accepted", s)


@proves("TC_A_12")
async def a_certificate_for_cars(s: Station201) -> None:
    await asks_for_a_certificate("SignV2GCertificate", "V2GCertificate", OK, "accepted", s)


@proves("TC_A_13")
async def a_certificate_for_both(s: Station201) -> None:
    await s.ordered(
        "trigger", {"message": "SignCombinedCertificate"}, "TriggerMessage",
        {"requestedMessage": "SignCombinedCertificate"}, OK,
    )  # fmt: skip
    key = Key()
    await s.says("SignCertificate", {"csr": key.request(s.identity)}, OK)  # no type: for both uses, A02.FR.10
    await s.hears("CertificateSigned", {"certificateChain": key.fits, "certificateType": None}, OK)
    await s.sees_newest("CertificateSigned", "accepted")


@proves("TC_A_14")
async def a_certificate_that_the_station_refuses(s: Station201) -> None:
    await asks_for_a_certificate(*STATION, NO, "rejected", s)
    told = {"type": "InvalidChargingStationCertificate", "timestamp": "2026-03-01T00:00:00Z"}
    await s.says("SecurityEventNotification", told)


@proves("TC_A_07", needs_tls=True)
async def a_client_certificate(s: Station201) -> None:
    key, chain = await asks_for_a_certificate(*STATION, OK, "accepted", s)
    await s.desk.patch(f"chargers/{s.identity}/", {"security_profile": 3})
    await s.leaves()
    await door.connects_by_tls(s, door.with_certificate(s, key, chain), with_password=False)
    await s.boots(chargingStation={"vendorName": "Acme", "model": "Street 50", "serialNumber": s.identity})


@proves("TC_A_19", needs_tls=True)
async def a_higher_security_profile(s: Station201) -> None:
    assert s.tls is not None
    network = {"slot": 1, "url": s.tls.url, "security_profile": 2}
    wanted = {"configurationSlot": 1, "connectionData": {"securityProfile": 2, "ocppCsmsUrl": s.tls.url}}
    await s.ordered("set_network_profile", network, "SetNetworkProfile", wanted, OK)
    slot = ("OCPPCommCtrlr", "NetworkConfigurationPriority")
    answer = {"setVariableResult": [result(*slot, attributeStatus="RebootRequired")]}
    await s.ordered(*writes((*slot, "1")), answer)
    await s.ordered("reset", {"kind": "soft"}, "Reset", {"type": "OnIdle"}, OK)
    await s.leaves()
    await door.server_certificate(s)
    await s.leaves()
    expect(await door.is_turned_away(s, s.identity, s.password) in (401, 403), "The way down is open")
