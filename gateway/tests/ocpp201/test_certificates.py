from __future__ import annotations

import time

import pytest
from django.conf import settings
from django.utils import timezone

from chargers import authority
from chargers.models import CertificateRequest, Command, InstalledCertificate
from chargers.tests.test_authority import signing_request
from gateway import iso15118
from gateway.dialect import Unspeakable

HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "c1"}
CHILD = {**HASHES, "serialNumber": "c2"}
OCSP = {**HASHES, "responderURL": "http://ocsp.example"}
EV = {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install", "exiRequest": "RVhJ"}


class Hub:
    """A provider of plug and charge that knows every car."""

    def ev_certificate(self, *, schema_version, action, exi_request):
        return f"{action} {exi_request}"

    def certificate_status(self, *, ocsp_request):
        return f"good {ocsp_request['serialNumber']}"


class Broken:
    def ev_certificate(self, **asked):
        raise OSError("The hub is not there.")

    def certificate_status(self, **asked):
        return None


def test_a_signing_request_is_accepted_and_the_certificate_follows(two):
    assert two.call("SignCertificate", csr=signing_request("CP-2")) == {"status": "Accepted"}
    order = Command.objects.get()
    action, payload = two.dialect.word(order)
    assert two.messages.objections(action, payload) == []
    assert action == "CertificateSigned"
    assert payload["certificateChain"].startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize(("said", "status"), [("Accepted", "installed"), ("Rejected", "rejected")])
def test_what_a_station_does_with_its_certificate_is_known(two, said, status):
    two.call("SignCertificate", csr=signing_request("CP-2"))
    two._answered(Command.objects.get(), {"status": said})
    assert CertificateRequest.objects.get().status == status


def test_a_broken_or_foreign_signing_request_is_rejected(two):
    assert two.call("SignCertificate", csr="nonsense") == {"status": "Rejected"}
    assert two.call("SignCertificate", csr=signing_request("CP-9")) == {"status": "Rejected"}
    v2g = {"csr": signing_request("CP-2"), "certificateType": "V2GCertificate"}
    assert two.call("SignCertificate", **v2g) == {"status": "Rejected"}
    assert not Command.objects.exists()


def test_a_station_lists_its_certificates_with_those_below_them(two):
    chain = {
        "certificateType": "V2GCertificateChain",
        "certificateHashData": HASHES,
        "childCertificateHashData": [CHILD],
    }
    root = {"certificateType": "CSMSRootCertificate", "certificateHashData": HASHES}
    two.answers("list_certificates", {"status": "Accepted", "certificateHashDataChain": [chain, root]})
    assert sorted(InstalledCertificate.objects.values_list("kind", "serial_number")) == [
        ("csms_root", "c1"),
        ("v2g_chain", "c1"),
        ("v2g_chain", "c2"),
    ]
    two.answers("list_certificates", {"status": "NotFound"}, kind="v2g_chain")
    assert InstalledCertificate.objects.get().kind == "csms_root"


@pytest.mark.parametrize(("status", "left"), [("Accepted", 0), ("NotFound", 0), ("Failed", 1)])
def test_a_deleted_certificate_is_gone_unless_the_station_kept_it(two, status, left):
    root = {"certificateType": "CSMSRootCertificate", "certificateHashData": HASHES}
    two.answers("list_certificates", {"status": "Accepted", "certificateHashDataChain": [root]})
    two.answers(
        "delete_certificate", {"status": status}, issuer_name_hash="aa", issuer_key_hash="bb", serial_number="c1"
    )
    assert InstalledCertificate.objects.count() == left


def test_a_chain_of_its_own_is_not_installed_by_us(two):
    with pytest.raises(Unspeakable, match="v2g_chain"):
        two.told("install_certificate", kind="v2g_chain", certificate="PEM")


def test_cars_get_the_answer_of_the_provider(two, settings):
    settings.ISO15118_PROVIDER = f"{__name__}.Hub"
    assert two.call("Get15118EVCertificate", **EV) == {"status": "Accepted", "exiResponse": "Install RVhJ"}
    assert two.call("GetCertificateStatus", ocspRequestData=OCSP) == {"status": "Accepted", "ocspResult": "good c1"}


@pytest.mark.parametrize("provider", ["", f"{__name__}.Broken", "no.such.Provider"])
def test_without_a_provider_that_answers_cars_are_refused_as_specified(two, settings, provider):
    settings.ISO15118_PROVIDER = provider
    assert two.call("Get15118EVCertificate", **EV) == {"status": "Failed", "exiResponse": ""}
    assert two.call("GetCertificateStatus", ocspRequestData=OCSP) == {"status": "Failed"}


def test_a_provider_that_hangs_is_not_waited_for_without_end(two, settings, monkeypatch):
    settings.ISO15118_PROVIDER = f"{__name__}.Hub"
    monkeypatch.setattr(Hub, "ev_certificate", lambda self, **asked: time.sleep(1))
    monkeypatch.setattr(iso15118, "PATIENCE_S", 0.01)
    assert two.call("Get15118EVCertificate", **EV)["status"] == "Failed"


class Signer:
    """A provider that signs for V2G, or not."""

    def station_certificate(self, csr):
        request, signer = authority.read_request(csr), authority.load(settings.CHARGER_CA_FILE)
        return signer.sign(request, name="V2G", at=timezone.now()).chain


class Refuser:
    def station_certificate(self, csr):
        return None


class Babbler:
    def station_certificate(self, csr):
        return "no certificate"


def test_a_v2g_key_is_signed_by_the_provider(two, settings):
    settings.ISO15118_PROVIDER = f"{__name__}.Signer"
    v2g = {"csr": signing_request("SECC-7"), "certificateType": "V2GCertificate"}
    for _ in range(2):  # the charger repeats it until it has the certificate
        assert two.call("SignCertificate", **v2g) == {"status": "Accepted"}
    _, payload = two.dialect.word(Command.objects.get())
    assert payload["certificateType"] == "V2GCertificate" and "BEGIN CERTIFICATE" in payload["certificateChain"]


@pytest.mark.parametrize("provider", ["", "Refuser", "Babbler"])
def test_a_v2g_key_that_nobody_signs_is_rejected(two, settings, provider):
    settings.ISO15118_PROVIDER = f"{__name__}.{provider}" if provider else ""
    v2g = {"csr": signing_request("SECC-7"), "certificateType": "V2GCertificate"}
    assert two.call("SignCertificate", **v2g) == {"status": "Rejected"}
    assert not Command.objects.exists()


def test_a_request_that_names_no_use_gets_a_certificate_for_both(two):
    two.call("SignCertificate", csr=signing_request("CP-2"))
    assert "certificateType" not in two.dialect.word(Command.objects.get())[1]


def test_several_kinds_are_listed_at_once(two):
    _, payload = two.told("list_certificates", kinds=["csms_root", "v2g_chain"])
    assert payload == {"certificateType": ["CSMSRootCertificate", "V2GCertificateChain"]}
