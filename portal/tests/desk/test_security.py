"""The Security tab: how a charger comes in, and what makes that safer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers import certificates, client_certificates, credentials
from chargers.models import CertificateRequest, ClientCertificate, Command, ProfileUpgrade
from chargers.security import record_event
from chargers.tests.test_authority import signing_request
from portal.tests.desk.conftest import part

PAGE = "/chargers/CP-1/security/"


def text(client, url: str = PAGE) -> str:
    page: str = client.get(url).content.decode()
    return page


def test_the_certificate_with_which_it_came_is_shown_with_its_end(desk, cp1):
    ClientCertificate.objects.create(
        charger=cp1, name="CP-1", subject="CN=CP-1,O=Yard", issuer="CN=Chargeyard chargers", fingerprint="ab" * 32,
        expires_at=timezone.now() + timedelta(days=3), shown_at=timezone.now(),
    )  # fmt: skip
    shown = part(desk, PAGE, "access")
    assert "CN=CP-1,O=Yard" in shown and "CN=Chargeyard chargers" in shown and "soon" in shown


def test_how_old_its_password_is_and_how_often_it_was_turned_away_is_shown(desk, cp1):
    credentials.issue_password(cp1)
    for n in range(3):
        record_event(cp1, "LoginFailed", detail=str(n), is_ours=True, at=timezone.now())
    record_event(cp1, "LoginFailed", is_ours=True, at=timezone.now() - timedelta(days=2))
    shown = part(desk, PAGE, "access")
    assert "we keep only a hash" in shown and "3 in the last 24 h" in shown


def test_a_key_is_rotated_by_an_order(desk, cp1):
    desk.post(PAGE + "rotate/")
    assert Command.objects.get().verb == "rotate_password"


def test_a_certificate_is_renewed_by_an_order(desk, cp1):
    desk.post(PAGE + "renew/")
    assert Command.objects.get().arguments == {"message": "SignCertificate"}


def test_revoking_is_asked_for_twice(desk, cp1):
    certificates.sign(cp1, signing_request("CP-1"), at=timezone.now())
    request = CertificateRequest.objects.get()
    assert "Revoke…" in text(desk)
    assert "stays out unless it holds another one" in text(desk, f"{PAGE}?revoke={request.pk}")
    request.refresh_from_db()
    assert request.status != "revoked"
    desk.post(f"{PAGE}revoke/{request.pk}/")
    request.refresh_from_db()
    assert request.status == "revoked" and "Revoke…" not in text(desk)
    desk.post(f"{PAGE}revoke/{request.pk}/")
    assert cp1.security_events.filter(kind="CertificateRevoked").count() == 1


def test_the_profile_is_raised_by_a_form_and_its_progress_shown(desk, cp1, settings):
    settings.PUBLIC_URL = "https://csms.example"
    credentials.issue_password(cp1)
    page = text(desk, PAGE + "raise/")
    assert "BEGIN CERTIFICATE" in page
    answer = desk.post(PAGE + "raise/", {"to_profile": "2", "root": ""})
    assert answer.status_code == 302
    upgrade = ProfileUpgrade.objects.get()
    assert (upgrade.to_profile, upgrade.url) == (2, "wss://csms.example/ocpp")
    shown = part(desk, PAGE, "access")
    assert "On its way to profile 2" in shown and "take the new profile" in shown
    desk.post(PAGE + "raise/stop/")
    upgrade.refresh_from_db()
    assert upgrade.status == "cancelled"


def test_a_newer_charger_is_asked_for_its_slot_and_address(desk, cp2):
    credentials.issue_password(cp2)
    page = text(desk, "/chargers/CP-2/security/raise/")
    assert 'name="slot"' in page and 'name="url"' in page
    answer = desk.post("/chargers/CP-2/security/raise/", {"to_profile": "2", "slot": "2", "url": "ws://x", "root": ""})
    assert "begins with wss://" in answer.content.decode()


def test_the_authority_can_be_downloaded_without_its_key(desk):
    pem = text(desk, "/charger-ca.pem")
    assert "BEGIN CERTIFICATE" in pem and "PRIVATE" not in pem


@pytest.mark.parametrize("action", ["rotate/", "renew/", "raise/", "raise/stop/", "revoke/1/"])
def test_who_may_only_look_changes_nothing(onlooker, cp1, action):
    assert onlooker.post(PAGE + action).status_code == 403
    assert not Command.objects.exists()


def test_a_lower_profile_has_to_be_confirmed(desk, cp1):
    cp1.security_profile = 3
    cp1.password_hash = credentials.hashed(b"a-password-of-cp1")
    cp1.save()
    data = {"registration": "accepted", "security_profile": "1", "name": "", "site": "", "serial_number": ""}
    assert "Confirm it below" in desk.post("/chargers/CP-1/edit/", data).content.decode()
    cp1.refresh_from_db()
    assert cp1.security_profile == 3
    desk.post("/chargers/CP-1/edit/", {**data, "confirms_lower": "on"})
    cp1.refresh_from_db()
    assert cp1.security_profile == 1


def test_a_charger_with_tls_is_shown_the_address_of_tls(desk, cp1, settings):
    settings.TLS_PORT = 8443
    cp1.security_profile, cp1.connected_at = 2, None
    cp1.save()
    assert "wss://testserver:8443/ocpp/CP-1" in text(desk, "/chargers/CP-1/")


def test_a_revoked_certificate_is_known_by_its_fingerprint(cp1):
    certificates.sign(cp1, signing_request("CP-1"), at=timezone.now())
    request = CertificateRequest.objects.get()
    client_certificates.revoke(request, at=timezone.now())
    certificates.answered(Command.objects.get(), is_taken=True)
    request.refresh_from_db()
    assert request.status == "revoked"
