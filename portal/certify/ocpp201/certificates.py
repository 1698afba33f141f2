"""M: roots that a station trusts, and certificates of cars."""

from __future__ import annotations

from typing import Any

from portal.certify.keys import hash_data, in_order, root
from portal.certify.orders import Order, prove
from portal.certify.provider import EXI, OCSP
from portal.certify.registry import proves
from portal.certify.station import OK
from portal.certify.station201 import Station201
from portal.certify.wire import Payload

KINDS = {
    "csms_root": "CSMSRootCertificate",
    "manufacturer_root": "ManufacturerRootCertificate",
    "v2g_root": "V2GRootCertificate",
    "mo_root": "MORootCertificate",
    "v2g_chain": "V2GCertificateChain",
}


def installs(kind: str) -> tuple[str, Payload, str, Payload]:
    order = {"kind": kind, "certificate": root(kind)}
    wanted = {"certificateType": KINDS[kind], "certificate": root(kind)}
    return "install_certificate", order, "InstallCertificate", wanted


def lists(*kinds: str) -> tuple[str, Payload, str, Payload]:
    wanted = {"certificateType": [KINDS[kind] for kind in kinds] or None}
    return "list_certificates", {"kinds": list(kinds)}, "GetInstalledCertificateIds", wanted


def held(*kinds: str) -> dict[str, Any]:
    chains = [{"certificateType": KINDS[kind], "certificateHashData": hash_data(root(kind))} for kind in kinds]
    return {**OK, "certificateHashDataChain": chains}


def deletes(kind: str) -> tuple[str, Payload, str, Payload]:
    wanted = {"certificateHashData": hash_data(root(kind))}
    return "delete_certificate", in_order(root(kind)), "DeleteCertificate", wanted


for _case, _kind in (
    ("TC_M_01", "csms_root"), ("TC_M_02", "manufacturer_root"), ("TC_M_03", "v2g_root"), ("TC_M_04", "mo_root"),
):  # fmt: skip
    prove(_case, Order(*installs(_kind), OK), Order(*lists(_kind), held(_kind)))
prove("TC_M_05", Order(*installs("csms_root"), {"status": "Failed"}, "rejected"))

for _case, _kinds in (
    ("TC_M_12", ("csms_root",)),
    ("TC_M_13", ("manufacturer_root",)),
    ("TC_M_14", ("v2g_root",)),
    ("TC_M_15", ("v2g_chain",)),
    ("TC_M_16", ("mo_root",)),
    ("TC_M_17", ("csms_root", "manufacturer_root")),
):
    prove(_case, Order(*lists(*_kinds), held(*_kinds)))
prove("TC_M_18", Order(*lists(), held(*KINDS)))
prove("TC_M_19", Order(*lists("csms_root"), {"status": "NotFound"}, "rejected"))
prove(
    "TC_M_20",
    Order(*installs("csms_root"), OK),
    Order(*lists("csms_root"), held("csms_root")),
    Order(*deletes("csms_root"), OK),
    Order(*lists("csms_root"), {"status": "NotFound"}, "rejected"),
)
prove(
    "TC_M_21",
    Order(*lists("csms_root"), held("csms_root")),
    Order(*deletes("csms_root"), {"status": "Failed"}, "rejected"),
)


@proves("TC_M_24")
async def the_status_of_a_certificate(s: Station201) -> None:
    told = {**hash_data(root("v2g_root")), "responderURL": "https://ocsp.example"}
    await s.says("GetCertificateStatus", {"ocspRequestData": told}, {"status": "Accepted", "ocspResult": OCSP})


@proves("TC_M_26")
async def a_contract_for_a_car(s: Station201) -> None:
    await asks_for_a_contract(s, "Install")


@proves("TC_M_28")
async def a_newer_contract_for_a_car(s: Station201) -> None:
    await asks_for_a_contract(s, "Update")


async def asks_for_a_contract(s: Station201, action: str) -> None:
    told = {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": action, "exiRequest": "ZXhp"}
    await s.says("Get15118EVCertificate", told, {"status": "Accepted", "exiResponse": EXI})
