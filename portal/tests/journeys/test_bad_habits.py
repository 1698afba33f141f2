"""What chargers, people and programs do that they should not, on the running stack."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from portal.certify.keys import Key, root
from portal.tests.journeys.browser import desk
from portal.tests.journeys.stack import Stack, until
from portal.tests.journeys.test_bad_facts import sessions, start, stop
from portal.tests.journeys.wire import Wire, booted, dial, now

pytestmark = pytest.mark.timeout(180)


async def settled(stack: Stack, charger: Wire, verb: str, arguments: dict[str, Any]) -> Any:
    """An order that must be closed without the charger's help."""
    path = f"/api/v1/chargers/{charger.identity}/commands/"
    answer = await asyncio.to_thread(stack.rest.post, path, json={"verb": verb, "arguments": arguments})
    assert answer.status_code == 202, answer.text
    return await asyncio.to_thread(stack.settled, answer.json()["id"])


async def test_a_clock_that_jumps_back_makes_no_negative_session(stack: Stack) -> None:
    async with booted(stack) as charger:
        number = (await start(charger, timestamp="2026-11-20T12:00:00Z"))["transactionId"]
        await stop(charger, number, timestamp="2026-11-20T11:00:00Z")
        [session] = await sessions(stack, charger)
    assert session["stopped_at"] >= session["started_at"] and session["energy_wh"] == 2000
    assert session["stopped_device_time"] == "2026-11-20T11:00:00Z"


async def test_an_update_of_an_unknown_session_begins_it(stack: Stack) -> None:
    event = {
        "eventType": "Updated", "timestamp": now(), "seqNo": 4, "triggerReason": "MeterValuePeriodic",
        "evse": {"id": 1}, "transactionInfo": {"transactionId": "in-the-middle", "chargingState": "Charging"},
    }  # fmt: skip
    async with booted(stack, "ocpp2.0.1") as charger:
        await charger.told("TransactionEvent", event)
        [session] = await sessions(stack, charger)
    assert session["transaction_id"] == "in-the-middle" and session["is_incomplete"] and session["is_open"]


@pytest.mark.parametrize("card", ["' OR 1=1--", "<script>alert(1)</script>"[:20], "😀" * 10, "MiXeD-cAsE-2026"])
async def test_a_card_is_a_text_and_its_case_does_not_count(stack: Stack, card: str) -> None:
    async with booted(stack) as charger:
        unknown = await charger.told("Authorize", {"idTag": card.swapcase()})
        assert unknown["idTagInfo"]["status"] in {"Invalid", "Accepted"}  # known from the run on the other parts
        answer = await asyncio.to_thread(stack.rest.post, "/api/v1/id-tokens/", json={"value": card})
        assert answer.status_code in {201, 400}, answer.text
        for spelling in (card, card.swapcase()):
            known = await charger.told("Authorize", {"idTag": spelling})
            assert known["idTagInfo"]["status"] == "Accepted"
        await start(charger, idTag=card)
        [session] = await sessions(stack, charger)
    assert session["token_value"] == card


async def test_cards_tried_in_sequence_are_noticed_and_no_longer_helped(stack: Stack) -> None:
    good = f"GOOD-{uuid.uuid4().hex[:8]}"
    stack.rest.post("/api/v1/id-tokens/", json={"value": good}).raise_for_status()
    async with booted(stack) as charger:
        assert (await charger.told("Authorize", {"idTag": good}))["idTagInfo"]["status"] == "Accepted"
        for number in range(32):
            answer = await charger.told("Authorize", {"idTag": f"GUESS-{number}"})
            assert answer["idTagInfo"]["status"] == "Invalid"
        assert (await charger.told("Authorize", {"idTag": good}))["idTagInfo"]["status"] == "Invalid"
        async with booted(stack) as neighbour:
            assert (await neighbour.told("Authorize", {"idTag": good}))["idTagInfo"]["status"] == "Accepted"
        async with desk(stack) as page:
            await page.goto(f"{stack.url}/chargers/{charger.identity}/security/")
            assert "TokensTriedInSequence" in await page.locator("body").inner_text()


@pytest.mark.parametrize("path", ["chargers/", "sessions/", "commands/", "id-tokens/"])
async def test_no_list_is_given_out_as_a_table_that_could_hold_formulas(stack: Stack, path: str) -> None:
    for kind in ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"):
        answer = await asyncio.to_thread(stack.rest.get, f"/api/v1/{path}", headers={"Accept": kind})
        assert answer.status_code == 406


async def test_what_a_charger_says_cannot_write_lines_into_the_log(stack: Stack) -> None:
    mark = uuid.uuid4().hex
    evil = f"{mark}\r\nERROR forged\x1b[31m${{jndi:ldap://x}}"
    async with booted(stack) as charger:
        await charger.told("BootNotification", {"chargePointVendor": "A", "chargePointModel": "M"})
        await charger.call(evil, {})
        await charger.told("DataTransfer", {"vendorId": evil, "data": evil})
    for log in stack.home.rglob("*.log"):
        text = log.read_text(errors="replace")
        assert not any(line.startswith("ERROR forged") for line in text.splitlines()), log
        assert f"{mark}\r" not in text and "\x1b[31m$" not in text, log


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "javascript:alert(1)", "http://169.254.169.254/latest", "//host/x", "http://", "x"]
)
async def test_a_file_is_fetched_from_nowhere_that_is_no_server(stack: Stack, url: str) -> None:
    async with booted(stack) as charger:
        orders: list[tuple[str, dict[str, Any]]] = [
            ("update_firmware", {"url": url, "retrieve_at": "2026-12-01T00:00:00Z"}),
            ("fetch_logs", {"url": url}),
        ]
        for verb, arguments in orders:
            command = await settled(stack, charger, verb, arguments)
            assert command["status"] == "failed" and "url" in command["explanation"]
        assert await charger.is_alive()


async def test_nothing_can_be_uploaded(stack: Stack) -> None:
    files = {"file": ("../../x.py", b"x" * 1000)}
    for path in ("/api/v1/chargers/", "/api/v1/", "/static/x", "/media/x", "/"):
        answer = await asyncio.to_thread(stack.rest.post, path, files=files)
        assert answer.status_code in {403, 404, 405, 415}, (path, answer.status_code)


async def test_the_api_gives_no_more_than_it_should(stack: Stack) -> None:
    def ask(path: str) -> httpx.Response:
        return stack.rest.get(f"/api/v1/{path}")

    for path in ("sessions/999999999/", f"commands/{uuid.uuid4()}/", "chargers/SOMEBODY-ELSES/", "id-tokens/999999/"):
        assert (await asyncio.to_thread(ask, path)).status_code == 404
    for path in ("chargers/?ordering=password_hash", "id-tokens/?ordering=pin", "sessions/?ordering=charger__password"):
        assert (await asyncio.to_thread(ask, path)).status_code == 400
    page = (await asyncio.to_thread(ask, "chargers/?page_size=1000000000")).json()
    assert len(page["results"]) <= 500
    identity = f"CP-{uuid.uuid4().hex[:10]}"
    body = {"identity": identity, "is_online": True, "is_booted": True, "epoch": 99, "password_hash": "x", "id": 1}
    answer = await asyncio.to_thread(stack.rest.post, "/api/v1/chargers/", json=body)
    made = answer.json()
    assert answer.status_code == 201 and not made["is_online"] and not made["is_booted"] and "password_hash" not in made


async def test_a_session_of_the_portal_dies_with_its_rights(stack: Stack) -> None:
    def come_and_go() -> None:
        with httpx.Client(base_url=stack.url, follow_redirects=False) as person:
            assert person.post("/login/", data={"username": "admin", "password": stack.password}).status_code == 403
            person.get("/login/").raise_for_status()
            form = {"username": "admin", "password": stack.password, "csrfmiddlewaretoken": person.cookies["csrftoken"]}
            assert person.post("/login/", data={**form, "password": "guessed"}).status_code == 200
            assert person.post("/login/", data=form).status_code == 302
            assert person.get("/chargers/").status_code == 200
            stolen = dict(person.cookies)
            assert person.post("/api/v1/chargers/", json={"identity": "CSRF-1"}).status_code == 403
            token = person.cookies["csrftoken"]
            assert person.post("/logout/", data={"csrfmiddlewaretoken": token}).status_code in {200, 302}
        with httpx.Client(base_url=stack.url, cookies=stolen, follow_redirects=False) as thief:
            assert thief.get("/chargers/").status_code == 302

    await asyncio.to_thread(come_and_go)


async def test_a_double_click_orders_once(stack: Stack) -> None:
    async with booted(stack) as charger:
        order = {"verb": "remote_start", "arguments": {"token": "T", "evse_id": 1}}

        def click() -> Any:
            path = f"/api/v1/chargers/{charger.identity}/commands/"
            return stack.rest.post(path, json=order, headers={"Idempotency-Key": "one click"}).json()["id"]

        first, second = await asyncio.gather(asyncio.to_thread(click), asyncio.to_thread(click))
        assert first == second
        _, message_id, action, _ = await charger.receive()
        assert (message_id, action) == (first, "RemoteStartTransaction")
        await charger.send([3, message_id, {"status": "Accepted"}])
        await asyncio.to_thread(stack.settled, first)
        assert await charger.is_alive(), "nothing else came before this answer"


async def test_an_order_is_never_sent_twice_and_expires_while_nobody_is_there(stack: Stack) -> None:
    password = await asyncio.to_thread(stack.register, identity := f"CP-{uuid.uuid4().hex[:10]}")
    async with dial(stack, identity, password, boot=True) as charger:
        sent = await asyncio.to_thread(stack.command, identity, "UnlockConnector", {"connectorId": 1})
        assert (await charger.receive())[1] == sent["id"]
        await charger.socket.close()  # and never answers
    await asyncio.to_thread(until, lambda: not stack.get(f"chargers/{identity}/")["is_online"])
    late = await asyncio.to_thread(
        stack.rest.post,
        f"/api/v1/chargers/{identity}/commands/",
        json={"action": "ClearCache", "payload": {}, "ttl_s": 1},
    )
    expired = await asyncio.to_thread(stack.settled, late.json()["id"], 60)
    assert expired["status"] == "expired"
    async with dial(stack, identity, password) as charger:
        assert await charger.is_alive() and await charger.is_alive()  # nothing else comes: no blind repeat
        unsettled = await asyncio.to_thread(stack.get, f"commands/{sent['id']}/")
    assert unsettled["status"] in {"sent", "timeout"}


async def test_a_certificate_that_is_not_right_is_neither_signed_nor_sent(stack: Stack) -> None:
    async with booted(stack, "ocpp2.0.1") as charger:
        for csr in (Key().request("SOMEBODY-ELSE"), "-----BEGIN NONSENSE-----"):
            told = {"csr": csr, "certificateType": "ChargingStationCertificate"}
            assert await charger.told("SignCertificate", told) == {"status": "Rejected"}
        chain = root("endless") * 120
        assert len(chain) > 50_000
        command = await settled(stack, charger, "install_certificate", {"kind": "csms_root", "certificate": chain})
        assert command["status"] == "failed" and "certificate" in command["explanation"]
        assert await charger.is_alive()
        async with desk(stack) as page:
            await page.goto(f"{stack.url}/chargers/{charger.identity}/security/")
            assert "CertificateRequestRefused" in await page.locator("body").inner_text()
