"""D: cards that a station knows by itself."""

from __future__ import annotations

from typing import Any

from portal.certify.orders import Order, prove
from portal.certify.registry import proves
from portal.certify.station import OK
from portal.certify.station201 import Station201, token
from portal.certify.wire import Payload

WORDS = {"accepted": "Accepted", "blocked": "Blocked"}
CARD = {"value": token("accepted")["idToken"], "kind": "ISO14443", "status": "accepted"}
OTHER = {"value": token("vicinity")["idToken"], "kind": "ISO15693", "status": "accepted"}
VERSION: tuple[str, Payload, str, Payload] = ("local_list_version", {}, "GetLocalListVersion", {})


def entry(card: dict[str, Any]) -> Payload:
    named = {"idToken": {"idToken": card["value"], "type": card["kind"]}}
    if card["status"] == "removed":
        return {**named, "idTokenInfo": None}
    return {**named, "idTokenInfo": {"status": WORDS[card["status"]]}}


def sends(version: int, mode: str, cards: list[dict[str, Any]]) -> tuple[str, Payload, str, Payload]:
    order = {"version": version, "mode": mode, "tokens": cards}
    wanted = {
        "versionNumber": version,
        "updateType": mode.capitalize(),
        "localAuthorizationList": [entry(card) for card in cards] or None,
    }
    return "send_local_list", order, "SendLocalList", wanted


@proves("TC_D_01")
async def a_full_list(s: Station201) -> None:
    await s.ordered(*sends(1, "full", [CARD, OTHER]), OK)
    await s.ordered(*VERSION, {"versionNumber": 1})
    await s.sees_charger(local_list_version=1)


@proves("TC_D_02")
async def a_differential_list(s: Station201) -> None:
    await s.ordered(*sends(1, "full", [CARD]), OK)
    await s.ordered(*sends(2, "differential", [OTHER]), OK)
    await s.ordered(*VERSION, {"versionNumber": 2})
    await s.sees_charger(local_list_version=2)


@proves("TC_D_03")
async def a_card_is_taken_off(s: Station201) -> None:
    await s.ordered(*sends(1, "full", [CARD, OTHER]), OK)
    await s.ordered(*sends(2, "differential", [{**CARD, "status": "removed"}]), OK)
    await s.sees_charger(local_list_version=2)


@proves("TC_D_04")
async def an_empty_list(s: Station201) -> None:
    await s.ordered(*sends(1, "full", [CARD]), OK)
    await s.ordered(*sends(2, "full", []), OK)
    await s.sees_charger(local_list_version=2)


prove("TC_D_08", Order(*sends(4, "full", [CARD]), OK), Order(*VERSION, {"versionNumber": 4}))
prove("TC_D_09", Order(*VERSION, {"versionNumber": 0}))
