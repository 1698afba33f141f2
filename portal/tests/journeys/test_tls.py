"""Security profiles on a running yard, by real TLS: how chargers come in, go up, and never down again."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from ocpp.v16 import call as call16
from ocpp.v21 import call as call21
from ocpp.v201 import call as call201

from chargers.tests.test_authority import signing_request
from gateway.testing import keys
from gateway.testing.keys import Held
from portal.tests.journeys.foreign import foreign
from portal.tests.journeys.stack import Stack, running_with_tls, until
from portal.tests.journeys.wire import BOOT, Wire, dial

pytestmark = pytest.mark.timeout(180)
CPO = "Yard & Sons"


@pytest.fixture(scope="session")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("tls")
    with running_with_tls(home, "--no-demo", EXPIRED_CERTIFICATE_DAYS="5", CPO_NAME=CPO) as stack:
        yield stack


def tls(yard: Stack, own: Held | None = None) -> ssl.SSLContext:
    return keys.context(yard.authority.certificate, own=own)


def held(yard: Stack, name: str, **more: Any) -> Held:
    return yard.authority.client(name, organization=CPO, **more)


async def refused(yard: Stack, identity: str, password: str = "", context: ssl.SSLContext | None = None) -> int:
    with pytest.raises(websockets.InvalidStatus) as caught:
        async with dial(yard, identity, password, tls=context):
            pass
    return caught.value.response.status_code


async def register(yard: Stack, identity: str, profile: int) -> str:
    return await asyncio.to_thread(yard.register, identity, security_profile=profile)


async def page(yard: Stack, identity: str) -> Any:
    return await asyncio.to_thread(yard.get, f"chargers/{identity}/")


async def hear(wire: Wire) -> tuple[str, str, Any]:
    """The next order: its id, action and payload."""
    kind, message_id, action, payload = await wire.receive(20)
    assert kind == 2
    return message_id, action, payload


# -- profile 2 ---------------------------------------------------------------------------------------------------------


STATION = {"charging_station": {"vendor_name": "Foreign", "model": "F2"}, "reason": "PowerUp"}
BOOTS: dict[str, Any] = {
    "ocpp1.6": (call16, {"charge_point_vendor": "Foreign", "charge_point_model": "F1"}),
    "ocpp2.0.1": (call201, STATION),
    "ocpp2.1": (call21, STATION),
}


@pytest.mark.parametrize("version", BOOTS)
async def test_a_foreign_charger_goes_from_its_password_to_its_certificate_and_never_back(
    yard: Stack, version: str
) -> None:
    """Profiles 2 and 3 by nothing but REST and a client that we did not write."""
    (call, boot), identity = BOOTS[version], f"TLS-{version}"
    password, private = await register(yard, identity, 2), ec.generate_private_key(ec.SECP256R1())
    async with foreign(yard.secure_ocpp_url, identity, password, version, tls=tls(yard)) as charger:
        assert (await charger.call(call.BootNotification(**boot))).status == "Accepted"
        request = call.SignCertificate(csr=signing_request(identity, key=private))
        assert (await charger.call(request)).status == "Accepted"
        chain = await asyncio.to_thread(until, lambda: charger.chain)
    own = Held(x509.load_pem_x509_certificate(chain.encode()), private)
    async with foreign(yard.secure_ocpp_url, identity, "", version, tls=tls(yard, own)) as charger:
        assert (await charger.call(call.BootNotification(**boot))).status == "Accepted"
    assert (await page(yard, identity))["security_profile"] == 3
    assert await refused(yard, identity, password, tls(yard)) == 403


async def test_who_needs_tls_is_refused_without_and_a_wrong_password_by_tls_too(yard: Stack) -> None:
    password = await register(yard, "TLS-ONLY", 2)
    assert await refused(yard, "TLS-ONLY", password) == 403
    assert await refused(yard, "TLS-ONLY", "wrong", tls(yard)) == 401
    assert await refused(yard, "NOBODY", "wrong", tls(yard)) == 404


async def test_who_has_come_by_tls_never_comes_in_without_again(yard: Stack) -> None:
    password = await register(yard, "TLS-UP", 1)
    async with dial(yard, "TLS-UP", password, boot=True):
        pass
    async with dial(yard, "TLS-UP", password, tls=tls(yard)) as wire:
        assert await wire.is_alive()
        assert (await page(yard, "TLS-UP"))["security_profile"] == 2
    assert await refused(yard, "TLS-UP", password) == 403


# -- profile 3 ---------------------------------------------------------------------------------------------------------


async def test_a_charger_comes_in_by_its_certificate_alone(yard: Stack) -> None:
    await register(yard, "TLS-CERT", 3)
    own = held(yard, "TLS-CERT")
    async with dial(yard, "TLS-CERT", "", "ocpp2.0.1", tls=tls(yard, own), boot=True) as wire:
        assert await wire.is_alive()
    assert await refused(yard, "TLS-CERT", "", tls(yard)) == 403
    assert await refused(yard, "TLS-CERT", "") == 403


@pytest.mark.parametrize("wrong", ["another's name", "no organization", "short key"])
async def test_a_certificate_that_is_not_quite_right_is_refused(yard: Stack, wrong: str) -> None:
    identity = f"TLS-{wrong.replace(' ', '-').upper()}"
    await register(yard, identity, 3)
    bad = {
        "another's name": lambda: held(yard, "TLS-ELSE"),
        "no organization": lambda: yard.authority.client(identity),
        "short key": lambda: held(yard, identity, key=rsa.generate_private_key(public_exponent=65537, key_size=1024)),
    }[wrong]()
    if wrong == "short key":  # it does not even come through the handshake
        with pytest.raises((ssl.SSLError, OSError, websockets.InvalidMessage)):
            async with dial(yard, identity, "", tls=tls(yard, bad)):
                pass
    else:
        assert await refused(yard, identity, "", tls(yard, bad)) == 403


async def test_a_boot_with_another_serial_number_than_the_certificates_ends_the_connection(yard: Stack) -> None:
    await register(yard, "TLS-SERIAL", 3)
    own = held(yard, "TLS-SERIAL")
    station = {"vendorName": "Acme", "model": "Street 50", "serialNumber": "SN-1"}
    async with dial(yard, "TLS-SERIAL", "", "ocpp2.0.1", tls=tls(yard, own)) as wire:
        boot = {"reason": "PowerUp", "chargingStation": station}
        assert (await wire.told("BootNotification", boot))["status"] == "Accepted"
    async with dial(yard, "TLS-SERIAL", "", "ocpp2.0.1", tls=tls(yard, held(yard, "SN-1"))) as wire:
        boot = {"reason": "PowerUp", "chargingStation": {**station, "serialNumber": "SN-2"}}
        assert (await wire.told("BootNotification", boot))["status"] == "Rejected"
        assert await wire.close_code() == 1008
    assert (await page(yard, "TLS-SERIAL"))["serial_number"] == "SN-1"


async def test_a_charger_gets_its_certificate_and_comes_back_with_it_until_that_is_revoked(yard: Stack) -> None:
    """A02, TC_074: asked for a request, it sends one, gets what we signed, and logs in by that."""
    password = await register(yard, "TLS-CSR", 2)
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    async with dial(yard, "TLS-CSR", password, tls=tls(yard), boot=True) as wire:
        order = {"verb": "trigger", "arguments": {"message": "SignCertificate"}}
        await asyncio.to_thread(yard.rest.post, "/api/v1/chargers/TLS-CSR/commands/", json=order)
        message_id, action, payload = await hear(wire)
        assert (action, payload) == ("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"})
        await wire.send([3, message_id, {"status": "Accepted"}])
        signed = await sign(wire, signing_request("TLS-CSR", key=private))
    own = Held(signed, private)
    async with dial(yard, "TLS-CSR", "", tls=tls(yard, own)) as wire:
        assert await wire.is_alive()
        assert (await page(yard, "TLS-CSR"))["security_profile"] == 3
        assert await refused(yard, "TLS-CSR", password, tls(yard)) == 403
        await asyncio.to_thread(revoke, yard, "TLS-CSR")
        assert await wire.close_code(30) == 1008
    assert await refused(yard, "TLS-CSR", "", tls(yard, own)) == 403


def revoke(yard: Stack, identity: str) -> None:
    """As `admin` does it on the charger's page: asked, then confirmed."""
    security = f"/chargers/{identity}/security/"
    with signed_in(yard) as browser:
        number = re.findall(r"\?revoke=(\d+)", browser.get(security).text)[0]
        assert "opens no door any more" in browser.get(f"{security}?revoke={number}").text
        sent = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        assert "Revoked: it opens no door" in browser.post(f"{security}revoke/{number}/", data=sent).text


async def sign(wire: Wire, request: str) -> Any:
    """Have a request signed; it comes again while its certificate is on the way, and leads to one only."""
    assert (await wire.told("SignCertificate", {"csr": request}))["status"] == "Accepted"
    message_id, action, payload = await hear(wire)
    assert action == "CertificateSigned"
    await wire.send([3, message_id, {"status": "Accepted"}])
    return x509.load_pem_x509_certificate(payload["certificateChain"].encode())


async def test_an_expired_certificate_lets_its_charger_renew_it_and_do_nothing_else(yard: Stack) -> None:
    await register(yard, "TLS-LATE", 3)
    now = datetime.now(UTC)
    old = held(yard, "TLS-LATE", begins_at=now - timedelta(days=400), ends_at=now - timedelta(days=2))
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    async with dial(yard, "TLS-LATE", "", "ocpp2.0.1", tls=tls(yard, old)) as wire:
        assert (await wire.told("BootNotification", BOOT["ocpp2.0.1"]))["status"] == "Pending"
        message_id, _, payload = await hear(wire)
        assert payload == {"requestedMessage": "SignChargingStationCertificate"}
        await wire.send([3, message_id, {"status": "Accepted"}])
        assert (await wire.call("Heartbeat", {}))[2] == "SecurityError"
        signed = await sign(wire, signing_request("TLS-LATE", key=private))
    async with dial(yard, "TLS-LATE", "", "ocpp2.0.1", tls=tls(yard, Held(signed, private)), boot=True) as wire:
        assert await wire.is_alive()
    older = held(yard, "TLS-LATE", begins_at=now - timedelta(days=400), ends_at=now - timedelta(days=6))
    with pytest.raises((ssl.SSLError, OSError, websockets.InvalidMessage)):
        async with dial(yard, "TLS-LATE", "", "ocpp2.0.1", tls=tls(yard, older)):
            pass
    look = "from chargers.models import SecurityEvent as E; print(*E.objects.values_list('kind', 'charger__identity'))"
    await asyncio.to_thread(
        until, lambda: "'CertificateRefused', 'TLS-LATE'" in yard.manage("shell", "-c", look), 30, 1
    )


# -- keys and profiles that change -------------------------------------------------------------------------------------


async def test_tc_a_09_a_rotated_password_is_the_only_one_once_it_is_taken(yard: Stack) -> None:
    old = await register(yard, "TLS-KEY", 2)
    async with dial(yard, "TLS-KEY", old, "ocpp2.0.1", tls=tls(yard), boot=True) as wire:
        order = await asyncio.to_thread(
            yard.rest.post, "/api/v1/chargers/TLS-KEY/commands/", json={"verb": "rotate_password", "arguments": {}}
        )
        message_id, action, payload = await hear(wire)
        [setting] = payload["setVariableData"]
        new = setting.pop("attributeValue")
        assert (action, len(new)) == ("SetVariables", 20)
        result = {"attributeStatus": "Accepted", "component": setting["component"], "variable": setting["variable"]}
        await wire.send([3, message_id, {"setVariableResult": [result]}])
        settled = await asyncio.to_thread(yard.settled, order.json()["id"])
        assert settled["status"] == "accepted" and new not in str(settled)
    assert await refused(yard, "TLS-KEY", old, tls(yard)) == 401
    async with dial(yard, "TLS-KEY", new, "ocpp2.0.1", tls=tls(yard)) as wire:
        assert await wire.is_alive()


async def test_no_order_leads_a_charger_down(yard: Stack) -> None:
    password = await register(yard, "TLS-DOWN", 2)
    async with dial(yard, "TLS-DOWN", password, tls=tls(yard), boot=True):
        order = {"key": "SecurityProfile", "value": "1"}
        command = await asyncio.to_thread(yard.command, "TLS-DOWN", "ChangeConfiguration", order)
        settled = await asyncio.to_thread(yard.settled, command["id"])
    assert settled["status"] == "failed" and "never done over OCPP" in settled["explanation"]


async def test_tc_a_19_a_charger_is_led_to_its_certificate_from_its_page(yard: Stack) -> None:
    password = await register(yard, "TLS-LED", 1)
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    said: list[str] = []
    async with dial(yard, "TLS-LED", password, "ocpp2.0.1", boot=True) as wire:
        url = f"wss://localhost:{yard.tls_port}/ocpp"
        root = yard.authority.certificate.public_bytes(Encoding.PEM).decode()
        form = {"to_profile": "3", "slot": "2", "url": url, "root": root}
        await asyncio.to_thread(press, yard, "/chargers/TLS-LED/security/raise/", form)
        certificate = None
        while "Reset" not in said:
            message_id, action, payload = await hear(wire)
            said.append(action)
            if action == "SetVariables":
                parts = [
                    {name: each[name] for name in ("component", "variable")} for each in payload["setVariableData"]
                ]
                results = [{"attributeStatus": "Accepted", **part} for part in parts]
                await wire.send([3, message_id, {"setVariableResult": results}])
            else:
                await wire.send([3, message_id, {"status": "Accepted"}])
            if action == "TriggerMessage":
                certificate = await sign(wire, signing_request("TLS-LED", key=private))
    assert said == ["InstallCertificate", "TriggerMessage", "SetNetworkProfile", "SetVariables", "Reset"]
    assert certificate is not None
    async with dial(yard, "TLS-LED", "", "ocpp2.0.1", tls=tls(yard, Held(certificate, private)), boot=True):
        await asyncio.to_thread(until, lambda: yard.get("chargers/TLS-LED/")["security_profile"] == 3)
    assert await refused(yard, "TLS-LED", password) == 403


def press(yard: Stack, path: str, form: dict[str, str]) -> None:
    """Send a form of the portal as `admin`."""
    with signed_in(yard) as browser:
        browser.get(path).raise_for_status()
        answer = browser.post(path, data={**form, "csrfmiddlewaretoken": browser.cookies["csrftoken"]})
        assert answer.status_code == 200 and "On its way to profile" in answer.text, answer.text[:2000]


@contextmanager
def signed_in(yard: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=yard.url, follow_redirects=True) as browser:
        browser.get("/login/")
        login = {"username": "admin", "password": yard.password, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        browser.post("/login/", data=login).raise_for_status()
        yield browser


async def test_pages_are_served_by_tls_as_well(yard: Stack) -> None:
    async with httpx.AsyncClient(verify=tls(yard)) as browser:
        answer = await browser.get(f"https://localhost:{yard.tls_port}/livez")
    assert answer.status_code == 200
