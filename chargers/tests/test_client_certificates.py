from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers import boots, client_certificates, commands
from chargers.boots import Nameplate
from chargers.models import ClientCertificate
from chargers.tests.boots import record_boot

AT = timezone.now()


def came_in(charger, name: str, *, ends_in_days: int = 100) -> None:
    charger.security_profile = 3
    charger.save()
    ends_at = AT + timedelta(days=ends_in_days)
    ClientCertificate.objects.create(charger=charger, name=name, fingerprint="ab", expires_at=ends_at, shown_at=AT)


@pytest.mark.parametrize(
    ("name", "known", "told", "is_strict", "is_fine"),
    [
        ("SN-7", "SN-7", "SN-7", False, True),
        ("SN-7", "SN-7", "sn-7", False, True),
        ("SN-7", "SN-7", "SN-8", False, False),
        ("SN-7", "SN-7", "", False, True),  # it says nothing, which both versions allow
        ("CP-1", "", "SN-7", False, True),  # goes by its identity, and is met for the first time
        ("CP-1", "SN-7", "SN-7", False, True),
        ("CP-1", "SN-7", "SN-8", False, False),
        ("CP-1", "", "SN-7", True, False),  # B01.FR.11 to the letter
        ("CP-1", "", "CP-1", True, True),
    ],
)
def test_a_boot_tells_the_serial_number_that_its_certificate_names(cp1, name, known, told, is_strict, is_fine):
    cp1.serial_number, cp1.is_strict = known, is_strict
    came_in(cp1, name)
    assert (client_certificates.contradicts(cp1, told) == "") is is_fine


def test_an_impostor_is_rejected_and_its_nameplate_not_believed(cp1):
    boot = record_boot(cp1, Nameplate(vendor="Evil", serial_number="SN-8"), is_impostor=True, at=AT)
    cp1.refresh_from_db()
    assert boot.verdict == "Rejected" and boot.serial_number == "SN-8"
    assert (cp1.vendor, cp1.serial_number, cp1.is_booted) == ("Acme", "", False)


def test_with_an_expired_certificate_a_boot_is_pending_and_its_renewal_goes_out_before_older_orders(cp1):
    came_in(cp1, "CP-1", ends_in_days=-1)
    commands.request(cp1, "reset")
    boot = record_boot(cp1, Nameplate(vendor="Acme"), at=AT)
    cp1.refresh_from_db()
    assert boot.verdict == "Pending" and not cp1.is_booted
    assert boots.has_expired_certificate(cp1, AT)
    [order] = commands.claim([cp1.pk], at=AT)
    assert order.arguments == {"message": "SignCertificate"}


def test_a_renewed_certificate_ends_the_waiting(cp1):
    came_in(cp1, "CP-1", ends_in_days=-1)
    ClientCertificate.objects.update(expires_at=AT + timedelta(days=300))
    assert record_boot(cp1, Nameplate(vendor="Acme"), at=AT).verdict == "Accepted"
