"""C: cards, groups, the cache, master passes, contract certificates."""

from __future__ import annotations

from functools import partial
from typing import Any

from portal.certify.expect import same
from portal.certify.keys import hash_data, root
from portal.certify.ocpp201.lists import sends
from portal.certify.orders import Order, prove
from portal.certify.registry import add, proves
from portal.certify.station import NO, OK
from portal.certify.station201 import Station201, token

FLEET: Any = {"groupIdToken": {"idToken": "FLEET-7", "type": "Central"}}
MASTER: Any = {"groupIdToken": {"idToken": "MASTERPASS", "type": "Central"}}


async def refused(name: str, status: set[str], s: Station201) -> None:
    await s.shows("Occupied")
    await s.authorizes(name, status)
    await s.shows("Available")
    same(await s.sessions(), [], "The sessions")


add("TC_C_02", partial(refused, "unknown", {"Invalid", "Unknown"}))
add("TC_C_06", partial(refused, "blocked", {"Blocked"}))
add("TC_C_07", partial(refused, "expired", {"Expired"}))


@proves("TC_C_08")
async def known_to_the_cache(s: Station201) -> None:
    await s.is_plugged_in()
    await s.tells("Authorized", "EVConnected", name="accepted")  # no Authorize: the cache says that it may
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, token_verdict="accepted")  # noqa: S106


@proves("TC_C_20")
async def refused_by_the_cache_only(s: Station201) -> None:
    await s.is_plugged_in()
    await s.is_authorized()
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, token_verdict="accepted")  # noqa: S106


prove("TC_C_37", Order("clear_cache", {}, "ClearCache", {}, OK))
prove("TC_C_38", Order("clear_cache", {}, "ClearCache", {}, NO, "rejected"))


@proves("TC_C_39")
async def stopped_by_a_card_of_the_group(s: Station201) -> None:
    await s.authorizes("accepted", **FLEET)
    await s.charges()
    await s.authorizes("sibling", **FLEET)
    await s.is_told_to_stop("sibling")
    await s.is_unplugged()


LISTED = [
    {"value": token("accepted")["idToken"], "kind": "ISO14443", "status": "accepted", "group": "FLEET-7"},
    {"value": token("sibling")["idToken"], "kind": "ISO14443", "status": "accepted", "group": "FLEET-7"},
]


@proves("TC_C_40")
async def stopped_by_a_listed_card_of_the_group(s: Station201) -> None:
    heard = await s.ordered(*sends(1, "full", LISTED), OK)
    groups = [entry["idTokenInfo"]["groupIdToken"]["idToken"] for entry in heard["localAuthorizationList"]]
    same(groups, ["FLEET-7", "FLEET-7"], "The groups on the list")
    await s.charges()
    await s.is_told_to_stop("sibling")  # no Authorize: the list says that it may
    await s.is_unplugged()


@proves("TC_C_43")
async def not_stopped_by_a_bad_card_of_the_group(s: Station201) -> None:
    bad = {"value": token("blocked")["idToken"], "kind": "ISO14443", "status": "blocked", "group": "FLEET-7"}
    await s.ordered(*sends(1, "full", [LISTED[0], bad]), OK)
    await s.charges()
    await s.authorizes("blocked", "Blocked")
    await s.session(is_open=True)


# -- master passes -----------------------------------------------------------------------------------------------------


async def all_stopped_by_a_master_pass(s: Station201) -> None:
    await s.charges()
    await s.authorizes("master", **MASTER)
    await s.tells("StopAuthorized", "EVConnected", name="master")
    await s.ends("StopAuthorized", "MasterPass", name="master")
    await s.shows("Available")


for _case in ("TC_C_47", "TC_C_48"):
    add(_case, all_stopped_by_a_master_pass)


@proves("TC_C_49")
async def stopped_by_a_master_pass_without_display(s: Station201) -> None:
    await s.charges()
    await s.authorizes("master", **MASTER)
    await s.ends("StopAuthorized", "MasterPass", name="master", state="EVConnected")
    await s.session(stopped_by_token=token("master")["idToken"])
    await s.shows("Available")


# -- contract certificates (ISO 15118) ---------------------------------------------------------------------------------


async def with_contract(s: Station201, name: str, wanted: dict[str, Any], **certificate: Any) -> None:
    told = {"idToken": token("emaid") | ({"idToken": name} if name else {}), **certificate}
    await s.says("Authorize", told, wanted)


HASHES = [{**hash_data(root("contract")), "responderURL": "https://ocsp.example"}]


@proves("TC_C_50")
async def a_contract_that_the_station_checked(s: Station201) -> None:
    wanted = {"idTokenInfo": {"status": "Accepted"}, "certificateStatus": "Accepted"}
    await with_contract(s, "", wanted, iso15118CertificateHashData=HASHES)
    await s.tells("Authorized", "Idle", name="emaid")
    await s.is_plugged_in()
    await s.tells("ChargingStateChanged", "Charging")


@proves("TC_C_51")
async def a_contract_that_is_revoked(s: Station201) -> None:
    revoked = [{**HASHES[0], "serialNumber": "dead"}]
    wanted = {"idTokenInfo": {"status": {"Invalid", "Blocked"}}, "certificateStatus": "CertificateRevoked"}
    await with_contract(s, "", wanted, iso15118CertificateHashData=revoked)


@proves("TC_C_52")
async def a_contract_that_we_check(s: Station201) -> None:
    wanted = {"idTokenInfo": {"status": "Accepted"}, "certificateStatus": "Accepted"}
    await with_contract(s, "", wanted, certificate=root("contract"))
    await s.tells("Authorized", "Idle", name="emaid")
