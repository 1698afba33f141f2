"""Lenient where money is at stake, strict where we speak; faults get their version's name. PROTOCOL §2 rows 12–14."""

from __future__ import annotations

from typing import Any

import pytest

from gateway import schemas
from gateway.errors import (
    FormationViolation,
    OccurrenceConstraintViolation,
    OcppError,
    PropertyConstraintViolation,
    ProtocolError,
    TypeConstraintViolation,
)

V16 = schemas.load("v16")
V201 = schemas.load("v201")
STATUS = {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
START = {"connectorId": 1, "idTag": "04A2", "meterStart": 100, "timestamp": "2026-05-01T10:00:00Z"}


def read(action: str, payload: dict[str, Any], *, is_money: bool = False) -> tuple[dict[str, Any], list[str]]:
    return V16.read_request(action, payload, is_money=is_money)


def test_a_valid_payload_passes_untouched_and_unremarked() -> None:
    payload, findings = read("StatusNotification", STATUS)
    assert payload is STATUS
    assert findings == []


@pytest.mark.parametrize(
    ("field", "given", "meant"),
    [
        ("connectorId", "1", 1),
        ("connectorId", 1.0, 1),
        ("status", "available", "Available"),
        ("vendorId", 5, "5"),
        ("vendorId", True, "true"),
    ],
)
def test_what_can_mean_one_thing_is_put_right_and_noted(field: str, given: Any, meant: Any) -> None:
    payload, findings = read("StatusNotification", STATUS | {field: given})
    assert payload[field] == meant
    assert field in findings[0]


@pytest.mark.parametrize("absent", [None, ""])
def test_an_optional_field_may_be_null_or_empty_for_absent(absent: Any) -> None:
    payload, _ = read("StopTransaction", {"transactionId": 5, "meterStop": 1, "timestamp": "", "reason": absent})
    assert "reason" not in payload


def test_a_boolean_in_words_is_a_boolean() -> None:
    answer, _ = V16.read_answer(
        "GetConfiguration", {"configurationKey": [{"key": "A", "readonly": "false", "value": "1"}]}
    )
    assert answer["configurationKey"][0]["readonly"] is False


def test_one_object_is_read_as_a_list_of_one() -> None:
    value = {"timestamp": "2026-05-01T10:00:00Z", "sampledValue": {"value": "5"}}
    payload, _ = read("MeterValues", {"connectorId": 1, "meterValue": value})
    assert payload["meterValue"][0]["sampledValue"] == [{"value": "5"}]


@pytest.mark.parametrize("word", ["one", "0x10", "1_0", "٣", "nan", "inf", "1.5", "", "9" * 40])
def test_what_is_no_plain_integer_is_a_type_error(word: str) -> None:
    with pytest.raises((TypeConstraintViolation, ProtocolError)):
        read("StatusNotification", STATUS | {"connectorId": word})


def test_the_original_payload_is_never_changed() -> None:
    given = STATUS | {"connectorId": "1"}
    read("StatusNotification", given)
    assert given["connectorId"] == "1"


def test_unknown_fields_are_kept_and_counted() -> None:
    payload, findings = read("StatusNotification", STATUS | {"vendorExtra": {"a": 1}})
    assert payload["vendorExtra"] == {"a": 1}
    assert findings == ["payload: unknown field vendorExtra."]


def test_a_boot_with_an_endless_vendor_is_clipped_and_noted() -> None:
    payload, findings = read("BootNotification", {"chargePointVendor": "x" * 10_000, "chargePointModel": "M"})
    assert payload["chargePointVendor"] == "x" * 20
    assert len(findings[0]) < 200


@pytest.mark.parametrize(
    ("messages", "action", "payload"),
    [
        (V16, "FirmwareStatusNotification", {"status": "InstallRebooting"}),
        (V16, "DiagnosticsStatusNotification", {"status": "PermissionDenied"}),
        (V16, "DataTransfer", {"vendorId": "acme", "data": {"soc": 4}}),
        (V201, "BootNotification", {"reason": "Brownout", "chargingStation": {"model": "M", "vendorName": "V"}}),
    ],
)
def test_a_word_of_another_version_is_news_all_the_same(
    messages: schemas.Schemas, action: str, payload: dict[str, Any]
) -> None:
    read, [finding] = messages.read_request(action, payload, is_money=False)
    assert read == payload and ("is not one of" in finding or "must be string" in finding)
    with pytest.raises(OcppError):
        messages.read_request(action, payload, is_money=False, is_strict=True)


def test_a_token_is_never_clipped_into_another() -> None:
    with pytest.raises(PropertyConstraintViolation):
        read("Authorize", {"idTag": "x" * 21})


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({}, ProtocolError),
        (STATUS | {"status": "Exploded"}, PropertyConstraintViolation),
        (STATUS | {"connectorId": [1]}, TypeConstraintViolation),
    ],
)
def test_a_fault_has_its_own_error(payload: dict[str, Any], error: type[OcppError]) -> None:
    with pytest.raises(error):
        read("StatusNotification", payload)


def test_a_missing_field_breaks_the_occurrence_rule_of_2_0_1() -> None:
    with pytest.raises(OccurrenceConstraintViolation, match="reason"):
        V201.read_request("BootNotification", {"chargingStation": {"model": "M", "vendorName": "V"}}, is_money=False)


def test_money_is_never_refused_and_wrong_fields_are_as_absent() -> None:
    payload, findings = read("StartTransaction", START | {"meterStart": "many", "idTag": "x" * 30}, is_money=True)
    assert "meterStart" not in payload
    assert payload["idTag"] == "x" * 30
    assert len(findings) >= 2


def test_of_a_list_only_the_wrong_items_go() -> None:
    values = [7, {"timestamp": "t", "sampledValue": [{"value": "1"}]}, "x"]
    payload, _ = read("MeterValues", {"connectorId": 1, "meterValue": values}, is_money=True)
    assert payload["meterValue"] == [values[1]]


@pytest.mark.parametrize("worst", [0, {}])
def test_what_is_wrong_half_a_million_times_is_not_put_right_item_by_item(worst: Any) -> None:
    stop = {"transactionId": 5, "meterStop": "7", "timestamp": "", "transactionData": [worst] * 500_000}
    payload, findings = read("StopTransaction", stop, is_money=True)
    assert payload == {"transactionId": 5, "meterStop": 7, "timestamp": ""}
    assert findings[0] == "Too large to be put right; left out: transactionData."
    with pytest.raises(OcppError, match=r"meterValue|connectorId"):
        read("MeterValues", {"meterValue": [worst] * 500_000})
    with pytest.raises(OcppError, match="configurationKey"):
        V16.read_answer("GetConfiguration", {"configurationKey": [worst] * 500_000})


def test_what_is_right_may_be_as_large_as_a_frame() -> None:
    moment = {"timestamp": "2026-05-01T10:00:00Z", "sampledValue": [{"value": "1"}]}
    payload = {"connectorId": 1, "meterValue": [moment] * 25_000}
    assert read("MeterValues", payload, is_money=True) == (payload, [])


def test_a_bad_timestamp_is_data_and_no_fault() -> None:
    payload, findings = read("StartTransaction", START | {"timestamp": "yesterday"})
    assert payload["timestamp"] == "yesterday"
    assert findings == []


def test_what_we_send_is_checked_to_the_letter_and_the_field_is_named() -> None:
    profile = {"chargingRateUnit": "kW", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.05}]}
    said = " ".join(
        V16.objections(
            "SetChargingProfile",
            {
                "connectorId": 1,
                "csChargingProfiles": {
                    "chargingProfileId": 1,
                    "stackLevel": 0,
                    "chargingProfilePurpose": "TxProfile",
                    "chargingProfileKind": "Absolute",
                    "chargingSchedule": profile,
                },
            },
        )
    )
    assert "chargingRateUnit: 'kW' is not one of A, W" in said
    assert "chargingSchedulePeriod[0].limit" in said


def test_an_objection_never_quotes_what_may_be_a_password() -> None:
    assert "hunter2" not in " ".join(V16.objections("ChangeConfiguration", {"key": "K", "value": "hunter2" * 99}))


def test_a_time_of_ours_has_to_be_one() -> None:
    assert V16.objections("UpdateFirmware", {"location": "https://x/f", "retrieveDate": "soon"})


@pytest.mark.parametrize("answer", [None, [], "Accepted", {"listVersion": 1}, {"versionNumber": "many"}])
def test_an_answer_that_makes_no_sense_is_refused(answer: Any) -> None:
    with pytest.raises(OcppError):
        V201.read_answer("GetLocalListVersion", answer)


def test_an_answer_that_is_no_object_says_so() -> None:
    with pytest.raises(FormationViolation, match="not a JSON object"):
        V16.read_answer("Reset", ["Accepted"])


@pytest.mark.parametrize(("folder", "actions"), [("v16", 39), ("v201", 64)])
def test_every_message_of_the_specification_is_known(folder: str, actions: int) -> None:
    messages = schemas.load(folder)
    assert len([name for name in messages._strict if messages.knows(name)]) == actions
    assert not messages.knows("Heartbeats")
    assert not messages.knows("HeartbeatResponse")
