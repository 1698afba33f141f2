"""N: logs, and what a station holds about a customer."""

from __future__ import annotations

from typing import Any

from portal.certify.keys import hash_data, in_order, root
from portal.certify.ocpp201.lists import CARD, OTHER, sends
from portal.certify.orders import ASKED, NOW, Order, prove
from portal.certify.registry import proves
from portal.certify.station import NO, OK
from portal.certify.station201 import Station201, token
from portal.certify.wire import Payload

URL = "ftp://files.example/in"


def uploads(*steps: str) -> tuple[tuple[str, Payload], ...]:
    return tuple(("LogStatusNotification", {"status": step, "requestId": ASKED}) for step in steps)


def fetches(kind: str, word: str) -> tuple[str, Payload, str, Payload]:
    order = {"kind": kind, "url": URL, "since": "2026-03-01T00:00:00.000Z", "until": "2026-03-02T00:00:00.000Z"}
    log = {
        "remoteLocation": URL,
        "oldestTimestamp": "2026-03-01T00:00:00.000Z",
        "latestTimestamp": "2026-03-02T00:00:00.000Z",
    }
    return "fetch_logs", order, "GetLog", {"logType": word, "log": log}


DIAGNOSTICS, SECURITY = fetches("diagnostics", "DiagnosticsLog"), fetches("security", "SecurityLog")
FILE = {**OK, "filename": "log.zip"}
prove("TC_N_25", Order(*DIAGNOSTICS, FILE, then=uploads("Uploading", "Uploaded")))
prove("TC_N_34", Order(*DIAGNOSTICS, NO, "rejected"))
prove("TC_N_35", Order(*SECURITY, FILE, then=uploads("Uploading", "Uploaded")))


@proves("TC_N_36")
async def a_second_log_in_place_of_the_first(s: Station201) -> None:
    first = await s.ordered(*DIAGNOSTICS, FILE)
    await s.says("LogStatusNotification", {"status": "Uploading", "requestId": first["requestId"]})
    second = await s.ordered(*DIAGNOSTICS, {"status": "AcceptedCanceled", "filename": "log2.zip"})
    await s.says("LogStatusNotification", {"status": "AcceptedCanceled", "requestId": first["requestId"]})
    for step in ("Uploading", "Uploaded"):
        await s.says("LogStatusNotification", {"status": step, "requestId": second["requestId"]})


# -- customers ---------------------------------------------------------------------------------------------------------

BY_CARD: tuple[Payload, Payload] = (
    {"token": CARD["value"]},
    {"idToken": token("accepted"), "customerIdentifier": None, "customerCertificate": None},
)
BY_NAME: tuple[Payload, Payload] = (
    {"customer": "Dana"},
    {"customerIdentifier": "Dana", "idToken": None, "customerCertificate": None},
)
BY_CERTIFICATE: tuple[Payload, Payload] = (
    in_order(root("contract")),
    {"customerCertificate": hash_data(root("contract")), "idToken": None, "customerIdentifier": None},
)


def asks(who: tuple[Payload, Payload], *, report: bool, clear: bool) -> tuple[str, Payload, str, Payload]:
    does = {"report": report, "clear": clear}
    return "customer_information", who[0] | does, "CustomerInformation", who[1] | does


def told(*parts: str) -> tuple[tuple[str, Any], ...]:
    stamp = {"requestId": ASKED, "generatedAt": NOW}
    last = len(parts) - 1
    return tuple(
        ("NotifyCustomerInformation", {**stamp, "seqNo": number, "tbc": number < last, "data": data})
        for number, data in enumerate(parts)
    )


DANA = told("Dana, ", "card C0FFEE01")
prove("TC_N_27", Order(*asks(BY_CARD, report=True, clear=False), OK, then=DANA))
prove("TC_N_28", Order(*asks(BY_CARD, report=True, clear=False), OK, then=told("")))
prove("TC_N_29", Order(*asks(BY_CARD, report=True, clear=False), NO, "rejected"))
prove("TC_N_30", Order(*asks(BY_CARD, report=True, clear=True), OK, then=DANA))
prove("TC_N_31", Order(*asks(BY_CARD, report=True, clear=True), OK, then=told("")))
prove("TC_N_32", Order(*asks(BY_CARD, report=False, clear=True), OK))
prove("TC_N_62", Order(*asks(BY_NAME, report=True, clear=True), OK, then=DANA))
prove("TC_N_63", Order(*asks(BY_CERTIFICATE, report=True, clear=True), OK, then=DANA))


@proves("TC_N_46")
async def a_forgotten_customer_leaves_the_list(s: Station201) -> None:
    await s.ordered(*sends(1, "full", [CARD, OTHER]), OK)
    heard = await s.ordered(*asks(BY_CARD, report=True, clear=True), OK)
    for action, payload in told("Dana"):
        await s.says(action, {**payload, "requestId": heard["requestId"], "generatedAt": "2026-03-01T00:00:00Z"})
    await s.ordered(*sends(2, "differential", [{**CARD, "status": "removed"}]), OK)
    await s.sees_charger(local_list_version=2)
