"""Security at the door, on the memory bus and a real database: hashes, profiles, certificates, floods."""

from __future__ import annotations

import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from cryptography.hazmat.primitives.serialization import Encoding

from chargers import certificates, credentials
from chargers.models import Breach, CertificateRequest, Charger, ClientCertificate, SecurityEvent
from gateway.testing import keys
from gateway.tests.asgi import OURS, Door
from gateway.tests.test_consumer import PASSWORD, connected, cp1, gateway, make_gateway, row, switch, until
from gateway.throttle import PER_ADDRESS, PER_IDENTITY

__all__ = ["cp1", "gateway", "make_gateway", "switch"]  # fixtures

pytestmark = pytest.mark.django_db(transaction=True)


def by_tls(gateway: Any, *, own: keys.Held | None = None, **options: Any) -> Door:
    """A charger whose TLS handshake our server has judged."""
    chain = [own.certificate.public_bytes(Encoding.PEM).decode()] if own else []
    return Door(gateway, extensions={**OURS, "tls": {"client_cert_chain": chain}}, scheme="wss", **options)


@sync_to_async
def events() -> list[str]:
    return list(SecurityEvent.objects.order_by("id").values_list("kind", flat=True))


async def set_profile(profile: int) -> None:
    await sync_to_async(Charger.objects.update)(security_profile=profile)


# -- passwords ---------------------------------------------------------------------------------------------------------


async def test_a_hash_of_before_is_renewed_when_its_charger_logs_in(gateway, cp1):
    import hashlib

    old = f"sha256$5a17${hashlib.sha256(b'5a17' + PASSWORD.encode()).hexdigest()}"
    await sync_to_async(Charger.objects.update)(password_hash=old)
    await connected(gateway)
    await until(lambda: Charger.objects.get().password_hash.startswith("scrypt$"))
    assert credentials.matches((await row()).password_hash, PASSWORD.encode())
    await connected(gateway)


async def test_what_is_wrong_in_a_handshake_that_came_in_is_counted(gateway, cp1):
    await sync_to_async(Charger.objects.update)(assumed_subprotocol="ocpp1.6", firmware_version="1.0.4")
    for _ in range(2):
        await connected(gateway, user="", subprotocol="ocpp1.6j")
    rows = Breach.objects.order_by("kind").values_list("action", "kind", "count")
    assert await sync_to_async(lambda: list(rows))() == [
        ("handshake", "It offers '…'; what it speaks is assumed.", 2),
        ("handshake", "Its user name is empty; the identity in the URL counts.", 2),
    ]


async def test_a_password_whose_pepper_is_gone_is_our_fault_not_the_chargers(gateway, cp1, settings):
    settings.SECRET_KEY = "another-one-than-before"
    door = Door(gateway, password=PASSWORD)
    assert (await door.answer())[0] == 503 and int(door.headers["retry-after"]) > 0
    assert await events() == []


async def test_many_with_passwords_of_peoples_choice_hold_nobody_up(gateway, cp1):
    """Ten slow comparisons at once; meanwhile one that we made comes in."""

    @sync_to_async
    def prepare() -> str:
        for n in range(10):
            slow = Charger(identity=f"SLOW-{n}", password_hash=credentials.slowly_hashed(b"summer-in-the-yard"))
            slow.save()
        return credentials.issue_password(Charger.objects.create(identity="FAST"))

    fast = await prepare()
    slow = [Door(gateway, f"/ocpp/SLOW-{n}", password="summer-in-the-yard") for n in range(10)]
    assert (await Door(gateway, "/ocpp/FAST", password=fast).answer())[0] == 101
    still_waiting = sum(not door.sent for door in slow)
    assert {(await door.answer())[0] for door in slow} == {101}
    assert still_waiting > 0


async def test_a_thousand_guesses_at_once_are_no_more_than_one_after_the_other(gateway, cp1):
    doors = [Door(gateway, password=f"guess {n}") for n in range(3 * PER_IDENTITY)]
    answers = [(await door.answer())[0] for door in doors]
    assert (answers.count(401), answers.count(429)) == (PER_IDENTITY, 2 * PER_IDENTITY)


# -- profiles ----------------------------------------------------------------------------------------------------------


async def test_who_has_come_by_tls_is_never_let_in_without_again(gateway, cp1):
    assert (await by_tls(gateway, password=PASSWORD).answer())[0] == 101
    assert (await row()).security_profile == 2
    assert (await Door(gateway, password=PASSWORD).answer())[0] == 403
    assert await events() == ["SecurityProfileRaised", "SecurityProfileMismatch"]


async def test_who_came_by_certificate_is_remembered_with_it(gateway, cp1):
    own = keys.authority("Of a test").client("CP-1", organization="Yard")
    assert (await by_tls(gateway, own=own).answer())[0] == 101
    certificate = await sync_to_async(ClientCertificate.objects.get)()
    assert (certificate.name, certificate.subject) == ("CP-1", "CN=CP-1,O=Yard")
    assert (certificate.issuer, (await row()).security_profile) == ("CN=Of a test", 3)


async def test_a_revoked_certificate_opens_nothing(gateway, cp1):
    from django.utils import timezone

    from chargers.tests.test_authority import signing_request

    @sync_to_async
    def issue() -> keys.Held:
        from cryptography import x509

        certificates.sign(cp1, signing_request("CP-1"), at=timezone.now())
        chain = CertificateRequest.objects.get().chain
        return keys.Held(x509.load_pem_x509_certificate(chain.encode()), None)

    own = await issue()
    assert (await by_tls(gateway, own=own).answer())[0] == 101
    await sync_to_async(CertificateRequest.objects.update)(status="revoked")
    status, sentence = await by_tls(gateway, own=own).answer()
    assert status == 403 and "revoked" in sentence
    assert "CertificateRefused" in await events()


async def test_a_certificate_that_our_tls_turned_away_is_an_event_of_the_charger_that_it_names(gateway, cp1, settings):
    settings.UNKNOWN_CHARGERS = "accept"
    for name in ("CP-1", "CP-1", "NOBODY", "", "x" * 500, "a\0b"):
        await gateway._admission.certificate_refused(name, "192.0.2.9", "it has expired")
    event = await sync_to_async(SecurityEvent.objects.get)()
    assert (event.kind, event.charger_id) == ("CertificateRefused", cp1.pk)
    assert "192.0.2.9" in event.detail and "it has expired" in event.detail
    assert await sync_to_async(Charger.objects.count)() == 1


# -- floods ------------------------------------------------------------------------------------------------------------


async def test_good_chargers_behind_the_address_of_many_bad_ones_come_in(gateway, cp1):
    await (await connected(gateway)).leaves()
    throttle, now = gateway._admission._throttle, time.monotonic()
    for n in range(PER_ADDRESS):
        throttle.failed(f"CP-{n + 100}", "192.0.2.7", now)
    assert (await Door(gateway, "/ocpp/CP-9", password="x").answer())[0] == 429
    await connected(gateway)


async def test_one_failure_too_many_is_an_event_of_its_own(gateway, cp1):
    for _ in range(11):
        await Door(gateway, password="wrong").answer()
    details = await sync_to_async(lambda: list(SecurityEvent.objects.values_list("detail", flat=True)))()
    assert len(details) == 2 and any("10 times within a minute" in detail for detail in details)
