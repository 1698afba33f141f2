from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from django.conf import settings
from django.utils import timezone

from chargers import authority, certificates, client_certificates, commands, configuration
from chargers.certificates import Hashes, Kind
from chargers.configuration import Place, Reported
from chargers.models import (
    CertificateRequest,
    Charger,
    ClientCertificate,
    Command,
    CommandStatus,
    InstalledCertificate,
    SecurityEvent,
)
from chargers.tests.test_authority import signing_request

AT = timezone.now()
HASHES = Hashes("SHA256", "AA11", "BB22", "0C3")


def test_a_charger_gets_one_certificate_for_one_request_however_often_it_asks(cp1):
    pem = signing_request(cp1.identity)
    assert certificates.sign(cp1, pem, at=AT)
    assert certificates.sign(cp1, pem.replace("\n", "\r\n"), at=AT)
    assert CertificateRequest.objects.count() == Command.objects.count() == 1


def test_a_certificate_that_did_not_arrive_is_sent_again_not_made_again(cp1):
    pem = signing_request(cp1.identity)
    certificates.sign(cp1, pem, at=AT)
    first = Command.objects.get()
    commands.cancel(first)
    certificates.sign(cp1, pem, at=AT)
    second = Command.objects.get(status=CommandStatus.PENDING)
    assert second.arguments == first.arguments
    certificates.answered(second, is_taken=True)
    assert CertificateRequest.objects.get().status == CertificateRequest.Status.INSTALLED


@pytest.mark.parametrize("names", [["CP-2"], ["CP-1", "CP-2"]])
def test_nobody_gets_a_certificate_for_another_name(cp1, cp2, names):
    assert not certificates.sign(cp1, signing_request(*names), at=AT)
    event = SecurityEvent.objects.get()
    assert (event.kind, event.is_ours) == ("CertificateRequestRefused", True)
    assert "must be the charger's identity" in event.detail
    assert not Command.objects.exists()


def test_a_serial_number_is_a_name_unless_another_charger_goes_by_it(cp1, cp2):
    cp1.serial_number = "SN-7"
    cp1.save()
    assert certificates.sign(cp1, signing_request("sn-7"), at=AT)
    cp2.serial_number = "SN-7"  # it says so itself, in its boot
    cp2.save()
    assert not certificates.sign(cp2, signing_request("SN-7"), at=AT)


@pytest.mark.parametrize(("serial_number", "name"), [("", "CP-1"), ("SN-7", "SN-7")])
def test_a_request_without_a_name_gets_the_chargers_own(cp1, settings, serial_number, name):
    settings.CPO_NAME = "Yard & Sons"
    cp1.serial_number = serial_number
    assert certificates.sign(cp1, signing_request(), at=AT)
    certificate = x509.load_pem_x509_certificate(CertificateRequest.objects.get().chain.encode())
    assert certificate.subject.rfc4514_string() == f"CN={name},O=Yard & Sons"


def test_an_identity_that_no_certificate_can_hold_is_refused_in_words(make_charger):
    charger = make_charger("C" * 100)
    assert not certificates.sign(charger, signing_request(), at=AT)
    assert "No certificate can name" in SecurityEvent.objects.get().detail


def test_one_key_is_not_for_two_chargers(cp1, cp2):
    pem = signing_request()
    assert certificates.sign(cp1, pem, at=AT)
    assert not certificates.sign(cp2, pem, at=AT)
    assert "Another charger" in SecurityEvent.objects.get().detail


def test_a_request_that_comes_again_when_its_certificate_nears_its_end_gets_a_new_one(cp1):
    pem = signing_request("CP-1")
    certificates.sign(cp1, pem, at=AT)
    first = CertificateRequest.objects.get()
    certificates.answered(Command.objects.get(), is_taken=True)
    assert certificates.sign(cp1, pem, at=first.expires_at - timedelta(days=40))
    assert CertificateRequest.objects.get().fingerprint == first.fingerprint
    assert certificates.sign(cp1, pem, at=first.expires_at - timedelta(days=20))
    renewed = CertificateRequest.objects.latest("pk")
    assert renewed.expires_at > first.expires_at and renewed.status == CertificateRequest.Status.ISSUED


@pytest.mark.parametrize("name", ["CertificateSignedMaxChainSize", "MaxCertificateChainSize"])
def test_a_chain_that_the_charger_cannot_take_is_not_sent(cp1, name):
    configuration.record(cp1, [Reported(Place(name), value="100")], at=AT)
    assert not certificates.sign(cp1, signing_request("CP-1"), at=AT)
    assert "takes 100 at most" in SecurityEvent.objects.get().detail
    assert not CertificateRequest.objects.exists() and not Command.objects.exists()


def shown(charger, *, ends_in_days):
    ends_at = AT + timedelta(days=ends_in_days)
    return ClientCertificate.objects.create(
        charger=charger, name=charger.identity, fingerprint="ab" * 32, expires_at=ends_at, shown_at=AT
    )


@pytest.mark.parametrize(("days", "orders"), [(29, 1), (31, 0), (-1, 1)])
def test_a_charger_is_asked_to_renew_a_certificate_thirty_days_ahead_once_a_day(cp1, days, orders):
    shown(cp1, ends_in_days=days)
    certificates.ask_to_renew(at=AT)
    certificates.ask_to_renew(at=AT)
    assert [order.arguments for order in Command.objects.all()] == [{"message": "SignCertificate"}] * orders
    certificates.ask_to_renew(at=AT + timedelta(days=1))
    assert Command.objects.count() == (2 * orders or int(days - 1 <= 30))


def test_who_is_not_here_is_asked_when_it_comes_back(cp1):
    shown(cp1, ends_in_days=5)
    Charger.objects.update(is_online=False)
    assert certificates.ask_to_renew(at=AT) == 0


def test_an_installed_root_goes_by_the_name_that_ocsp_gives_it(cp1):
    root = authority.load(settings.CHARGER_CA_FILE).certificate
    asked = ocsp.OCSPRequestBuilder().add_certificate(root, root, hashes.SHA256()).build()
    certificates.installed(cp1, Kind.CSMS_ROOT, root.public_bytes(Encoding.PEM).decode(), at=AT)
    held = InstalledCertificate.objects.get()
    assert held.issuer_name_hash == asked.issuer_name_hash.hex()
    assert held.issuer_key_hash == asked.issuer_key_hash.hex()
    assert int(held.serial_number, 16) == root.serial_number


def test_a_list_replaces_what_was_known_of_its_kinds_only(cp1):
    certificates.told(cp1, [(Kind.CSMS_ROOT, HASHES), (Kind.MO_ROOT, HASHES)], of_kinds=[], at=AT)
    certificates.told(cp1, [], of_kinds=[Kind.MO_ROOT], at=AT)
    assert InstalledCertificate.objects.get().kind == Kind.CSMS_ROOT


def test_a_deleted_certificate_is_told_by_its_number_in_any_spelling(cp1):
    certificates.told(cp1, [(Kind.CSMS_ROOT, HASHES)], of_kinds=[], at=AT)
    assert certificates.gone(cp1, Hashes("SHA256", "aa11", "bb22", "c4")) == 0
    assert certificates.gone(cp1, Hashes("SHA256", "aa11", "bb22", "C3")) == 1


# -- what is taken back ------------------------------------------------------------------------------------------------


def test_a_revoked_certificate_is_not_made_again_for_the_same_key(cp1):
    """Else the mark of the old one would be lost with its number, and it would open the door once more."""
    pem = signing_request(cp1.identity)
    certificates.sign(cp1, pem, at=AT)
    old = CertificateRequest.objects.get()
    assert client_certificates.revoke(old, at=AT) and not client_certificates.revoke(old, at=AT)
    assert not certificates.sign(cp1, pem, at=AT) and not certificates.lacks_signature(cp1, pem, at=AT)
    assert "was revoked" in SecurityEvent.objects.get(kind="CertificateRequestRefused").detail
    assert certificates.sign(cp1, signing_request(cp1.identity), at=AT)


def test_a_certificate_that_was_renewed_for_the_same_key_can_still_be_revoked(cp1, settings):
    pem = signing_request(cp1.identity)
    certificates.sign(cp1, pem, at=AT)
    old = CertificateRequest.objects.get()
    settings.RENEW_CERTIFICATE_DAYS = 10_000
    certificates.sign(cp1, pem, at=AT + timedelta(days=1))
    new = CertificateRequest.objects.latest("pk")
    assert new.fingerprint != old.fingerprint
    client_certificates.revoke(old, at=AT)
    assert CertificateRequest.objects.get(status="revoked").fingerprint == old.fingerprint


def test_only_the_connection_that_a_revoked_certificate_opened_is_ended(cp1, cp2):
    for charger in (cp1, cp2):
        certificates.sign(charger, signing_request(charger.identity), at=AT)
        request = CertificateRequest.objects.get(charger=charger)
        values = {"name": charger.identity, "fingerprint": request.fingerprint, "shown_at": AT}
        ClientCertificate.objects.create(charger=charger, expires_at=request.expires_at, **values)
        Charger.objects.filter(pk=charger.pk).update(is_online=True, connected_at=AT)
    now = AT + timedelta(minutes=1)
    client_certificates.revoke(CertificateRequest.objects.get(charger=cp1), at=now)
    assert client_certificates.opened_by_revoked(now) == [cp1]
    Charger.objects.filter(pk=cp1.pk).update(connected_at=now)  # it has come back with something else
    assert client_certificates.opened_by_revoked(now) == []
