"""Words that 2.1 adds to messages of 2.0.1, and that a reading made for those must understand."""

from __future__ import annotations

from chargers.models import DisplayMessage, InstalledCertificate, Monitor

HASHES = {"hashAlgorithm": "SHA256", "issuerNameHash": "a1", "issuerKeyHash": "b2", "serialNumber": "0c"}
VARIABLE = {"component": {"name": "EVSE"}, "variable": {"name": "Power"}}


def test_the_root_of_a_car_maker_is_installed_listed_and_known(three):
    told = [{"certificateType": "OEMRootCertificate", "certificateHashData": HASHES}]
    three.answers("list_certificates", {"status": "Accepted", "certificateHashDataChain": told}, kind="oem_root")
    assert InstalledCertificate.objects.get().kind == "oem_root"
    _, payload = three.told("install_certificate", kind="oem_root", certificate="PEM")
    assert payload["certificateType"] == "OEMRootCertificate"
    assert three.told("list_certificates", kind="mo_root")[1] == {"certificateType": ["MORootCertificate"]}


def test_a_key_for_iso_15118_20_is_not_signed_by_us(three):
    assert three.call("SignCertificate", csr="PEM", certificateType="V2G20Certificate")["status"] == "Rejected"


def test_monitors_of_targets_are_known_by_name(three):
    told = [
        {
            "id": n,
            "transaction": False,
            "value": 5,
            "type": kind,
            "severity": 4,
            "eventNotificationType": "CustomMonitor",
        }
        for n, kind in enumerate(("TargetDelta", "TargetDeltaRelative"))
    ]
    three.call(
        "NotifyMonitoringReport", requestId=1, seqNo=0, generatedAt=three.clock(),
        monitor=[{**VARIABLE, "variableMonitoring": told}],
    )  # fmt: skip
    assert list(Monitor.objects.order_by("monitor_id").values_list("kind", flat=True)) == ["target", "share"]


def test_a_monitor_of_a_target_is_set_among_others(three):
    watched = [{"name": "EVSE:1.Power", "kind": kind, "value": 5} for kind in ("target", "delta", "share")]
    _, payload = three.told("set_monitors", monitors=watched)
    assert [each["type"] for each in payload["setMonitoringData"]] == ["TargetDelta", "Delta", "TargetDeltaRelative"]


def test_a_text_for_discharging_cars_is_known_as_one(three):
    shown = {
        "id": 3,
        "priority": "NormalCycle",
        "state": "Discharging",
        "message": {"format": "QRCODE", "content": "x"},
    }
    three.call("NotifyDisplayMessages", requestId=1, messageInfo=[shown])
    kept = DisplayMessage.objects.get()
    assert (kept.state, kept.format) == ("discharging", "QRCODE")


def test_a_network_profile_leaves_the_version_to_the_handshake(three):
    _, payload = three.told("set_network_profile", slot=1, url="wss://csms.example/ocpp", security_profile=2)
    assert "ocppVersion" not in payload["connectionData"]
