"""What a 2.1 station tells and no table is made for: kept as told, found again, answered to the letter."""

from __future__ import annotations

import pytest

from chargers.models import Notice
from gateway.testing import frames


def tell(three, name, **changes):
    return three.call(frames.action(name), **frames.load(f"ocpp21/{name}.json", **changes))


@pytest.mark.parametrize(
    ("name", "kind", "key"),
    [
        ("settlement_settled", "settlement", "psp-7f3a90c2"),
        ("vat_number", "vat_number", "DE123456789"),
        ("der_alarm_over_voltage", "der_alarm", "VoltVar"),
        ("der_start_stop", "der_start_stop", "der-9"),
        ("battery_swap_in", "battery_swap", "31"),
        ("stream_close", "stream_closed", "4"),
    ],
)
def test_it_is_kept_as_told(three, name, kind, key):
    tell(three, name)
    notice = Notice.objects.get()
    assert (notice.kind, notice.key, notice.charger_id) == (kind, key, three.charger.pk)
    assert notice.payload == frames.load(f"ocpp21/{name}.json")


def test_a_report_of_grid_controls_is_kept_control_by_control(three):
    tell(three, "der_report")
    kept = {notice.key: notice.payload for notice in Notice.objects.filter(kind="der_control")}
    assert {key: payload["kind"] for key, payload in kept.items()} == {"der-3": "fixedPFInject", "der-5": "gradient"}
    assert kept["der-5"]["gradient"]["softGradient"] == 5


def test_a_settlement_is_kept_once_and_told_to_integrators(three):
    assert tell(three, "settlement_settled") == {}
    assert three.events == [
        ("transactions", {"kind": "settlement", "transaction_id": "5d0f1e1a-93b0-4f62-8f43-7f0c3f6a2b01",
                          "payment": "psp-7f3a90c2", "status": "Settled", "amount": 40.0})
    ]  # fmt: skip
    assert tell(three, "settlement_settled") == {} and three.events == []
    tell(three, "settlement_settled", status="Failed")
    assert Notice.objects.filter(kind="settlement", key="psp-7f3a90c2").count() == 2


def test_a_settlement_is_money_and_never_refused(three):
    told = frames.load("ocpp21/settlement_settled.json", settlementAmount="much", status="Perhaps")
    del told["settlementTime"]
    assert three.call("NotifySettlement", **told) == {}
    assert Notice.objects.get().key == "psp-7f3a90c2"
    assert three.findings


def test_a_vat_number_is_not_vouched_for(three):
    answer = tell(three, "vat_number")
    assert (answer["status"], answer["vatNumber"], answer["evseId"]) == ("Rejected", "DE123456789", 1)
    assert "evseId" not in three.call("VatNumberValidation", vatNumber="FR1")


def test_a_certificate_that_we_cannot_look_up_is_never_called_good(three):
    statuses = tell(three, "certificate_chain_status")["certificateStatus"]
    assert [(status["source"], status["status"]) for status in statuses] == [("OCSP", "Failed"), ("CRL", "Failed")]
    assert statuses[1]["certificateHashData"]["serialNumber"] == "02"


def test_a_stream_is_opened_and_its_values_are_kept(three):
    assert tell(three, "stream_open") == {"status": "Accepted"}
    values = frames.load("ocpp21/stream_values.json")
    assert three.messages.objections("NotifyPeriodicEventStream", values) == []
    three.sends("NotifyPeriodicEventStream", **values)
    assert Notice.objects.get(kind="stream_opened").payload["variableMonitoringId"] == 71
    kept = Notice.objects.get(kind="stream_values")
    assert (kept.key, kept.payload) == ("4", values)


def test_values_of_a_batch_cost_one_statement(three, django_assert_num_queries):
    from gateway.call import Books, Call

    books, values = Books(three.at), frames.load("ocpp21/stream_values.json")
    with django_assert_num_queries(0):
        for _ in range(50):
            listener = three.dialect.listeners["NotifyPeriodicEventStream"]
            listener(Call(three.charger, "1", "NotifyPeriodicEventStream", values, three.at, books))
    with django_assert_num_queries(1):
        books.notices.write()
    assert Notice.objects.count() == 50


def test_tariffs_that_a_station_holds_are_noted(three):
    held = [{"tariffId": "NIGHT", "tariffKind": "DefaultTariff", "evseIds": [1]}]
    three.answers("read_tariffs", {"status": "Accepted", "tariffAssignments": held})
    assert Notice.objects.get(kind="tariff", key="NIGHT").payload == held[0]


def test_an_answer_never_holds_a_field_that_a_charger_has_invented(three):
    hashes = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "1"}
    asked = [{"certificateHashData": {**hashes, "invented": 1}, "source": "CRL", "urls": ["https://crl.example/x"]}]
    (status,) = three.call("GetCertificateChainStatus", certificateStatusRequests=asked)["certificateStatus"]
    assert (status["certificateHashData"], status["status"]) == (hashes, "Failed")
