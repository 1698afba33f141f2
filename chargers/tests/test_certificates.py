from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from django.conf import settings
from django.utils import timezone

from chargers import authority, certificates, commands
from chargers.certificates import Hashes, Kind
from chargers.models import CertificateRequest, Command, CommandStatus, InstalledCertificate, SecurityEvent
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


@pytest.mark.parametrize("names", [["CP-2"], [], ["CP-1", "CP-2"]])
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
