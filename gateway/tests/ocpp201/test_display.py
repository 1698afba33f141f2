from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chargers.models import CustomerRecord, DisplayMessage
from gateway.dialect import Unspeakable

INFO = {"id": 4, "priority": "InFront", "state": "Idle", "message": {"format": "UTF8", "content": "Hello"}}
HELLO = {"message_id": 4, "content": "Hello", "priority": "in_front", "state": "idle", "language": "en"}


def shown():
    return list(DisplayMessage.objects.values_list("message_id", "priority", "state", "content"))


def test_a_message_that_was_taken_is_shown(two):
    two.answers("show_message", {"status": "Accepted"}, **HELLO, ends_at="2026-03-01T00:00:00Z")
    assert shown() == [(4, "in_front", "idle", "Hello")]
    assert DisplayMessage.objects.get().ends_at == datetime(2026, 3, 1, tzinfo=UTC)
    two.answers("show_message", {"status": "Accepted"}, message_id=4, content="Good bye")
    assert shown() == [(4, "cycle", "", "Good bye")]


def test_a_message_that_was_not_taken_is_not_shown(two):
    two.answers("show_message", {"status": "NotSupportedPriority"}, **HELLO)
    assert shown() == []


def test_what_a_station_shows_by_its_own_word(two):
    two.call("NotifyDisplayMessages", requestId=1, tbc=True, messageInfo=[INFO])
    two.call("NotifyDisplayMessages", requestId=1, messageInfo=[{**INFO, "id": 5}])
    assert [message[0] for message in shown()] == [4, 5]
    two.answers("list_messages", {"status": "Unknown"}, state="faulted")
    assert len(shown()) == 2
    two.answers("list_messages", {"status": "Unknown"})
    assert shown() == []


@pytest.mark.parametrize("status", ["Accepted", "Unknown"])
def test_a_cleared_message_is_gone(two, status):
    two.call("NotifyDisplayMessages", requestId=1, messageInfo=[INFO])
    two.answers("clear_message", {"status": status}, message_id=4)
    assert shown() == []


def test_a_message_for_one_session_carries_its_name(two):
    _, payload = two.told("show_message", **HELLO, transaction_id="b7f1")
    assert payload["message"]["transactionId"] == "b7f1"


def test_some_messages_are_asked_for(two):
    _, payload = two.told("list_messages", ids=[4], priority="front", state="charging")
    assert (payload["id"], payload["priority"], payload["state"]) == ([4], "AlwaysFront", "Charging")


def test_the_cost_so_far(two):
    assert two.told("update_cost", transaction_id="b7f1", total_cost="3.20") == (
        "CostUpdated",
        {"totalCost": 3.2, "transactionId": "b7f1"},
    )
    with pytest.raises(Unspeakable, match="dear"):
        two.told("update_cost", transaction_id="b7f1", total_cost="dear")


def test_what_a_station_holds_about_a_customer_comes_in_parts(two):
    two.answers("customer_information", {"status": "Accepted"}, token="04A2B3C4", report=True)
    for seq_no, data in ((1, "more"), (0, "card 04A2B3C4"), (0, "card 04A2B3C4")):
        part = {"requestId": 7, "seqNo": seq_no, "generatedAt": two.clock(), "data": data}
        assert two.call("NotifyCustomerInformation", **part) == {}
    assert list(CustomerRecord.objects.values_list("seq_no", "data")) == [(0, "card 04A2B3C4"), (1, "more")]


WHO = [
    ({"token": "04A2B3C4"}, {"idToken": {"idToken": "04A2B3C4", "type": "ISO14443"}}),
    ({"customer": "Dana"}, {"customerIdentifier": "Dana"}),
    ({"serial_number": "c1", "issuer_name_hash": "aa", "issuer_key_hash": "bb"},
     {"customerCertificate": {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb",
                              "serialNumber": "c1"}}),
]  # fmt: skip


@pytest.mark.parametrize(("who", "said"), WHO)
def test_a_customer_is_named_by_card_name_or_certificate(two, who, said):
    _, payload = two.told("customer_information", clear=True, **who)
    number = payload.pop("requestId")
    assert (payload, number > 0) == ({"report": False, "clear": True, **said}, True)


def test_nobody_in_particular_is_not_asked_for(two):
    with pytest.raises(Unspeakable, match="must name"):
        two.told("customer_information", clear=True)
