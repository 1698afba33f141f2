from __future__ import annotations

import pytest

from chargers.models import CertificateRequest, Command, InstalledCertificate
from chargers.tests.test_authority import signing_request

HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "c1"}


def test_a_signing_request_is_accepted_and_the_certificate_follows(one):
    assert one.call("SignCertificate", csr=signing_request("CP-1")) == {"status": "Accepted"}
    order = Command.objects.get()
    action, payload = one.dialect.word(order)
    assert one.messages.objections(action, payload) == []
    assert (action, set(payload)) == ("CertificateSigned", {"certificateChain"})
    one._answered(order, {"status": "Rejected"})
    assert CertificateRequest.objects.get().status == "rejected"


def test_a_foreign_signing_request_is_rejected(one):
    assert one.call("SignCertificate", csr=signing_request("CP-9")) == {"status": "Rejected"}


def test_roots_are_listed_one_kind_at_a_time(one):
    one.answers("list_certificates", {"status": "Accepted", "certificateHashData": [HASHES]}, kind="csms_root")
    one.answers("list_certificates", {"status": "NotFound"}, kind="manufacturer_root")
    assert InstalledCertificate.objects.get().kind == "csms_root"
    one.answers("list_certificates", {"status": "NotFound"}, kind="csms_root")
    assert not InstalledCertificate.objects.exists()


@pytest.mark.parametrize(("status", "left"), [("Accepted", 0), ("NotFound", 0), ("Failed", 1)])
def test_a_deleted_root_is_gone_unless_the_charge_point_kept_it(one, status, left):
    one.answers("list_certificates", {"status": "Accepted", "certificateHashData": [HASHES]})
    one.answers(
        "delete_certificate", {"status": status}, issuer_name_hash="aa", issuer_key_hash="bb", serial_number="c1"
    )
    assert InstalledCertificate.objects.count() == left


def test_a_root_is_installed(one):
    action, payload = one.told("install_certificate", kind="manufacturer_root", certificate="PEM")
    assert (action, payload["certificateType"]) == ("InstallCertificate", "ManufacturerRootCertificate")


def test_a_signed_update_goes_by_the_whitepapers_message(one):
    order = {"url": "https://x/fw", "retrieve_at": "2026-03-01T00:00:00Z", "certificate": "PEM", "signature": "c2ln"}
    action, payload = one.told("update_firmware", **order, retries=2)
    assert (action, payload["retries"], payload["requestId"] > 0) == ("SignedUpdateFirmware", 2, True)
    assert payload["firmware"]["signature"] == "c2ln"


def test_asking_for_a_signing_request_has_one_name_in_all_versions(one, two):
    assert one.told("trigger", message="SignCertificate")[1] == {"requestedMessage": "SignChargePointCertificate"}
    assert two.told("trigger", message="SignCertificate")[1] == {"requestedMessage": "SignChargingStationCertificate"}
