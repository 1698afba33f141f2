"""Text on the wire → frames: strict about what could hurt, lenient about what only looks odd. PROTOCOL §2 rows 1–8."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import frames
from gateway.errors import FormationViolation, MessageTypeNotSupported, RpcFrameworkError, TypeConstraintViolation
from gateway.frames import Call, Error, Result, Unreadable, parse
from gateway.reading import NOTES_LIMIT


def test_the_three_kinds_of_frames_are_told_apart() -> None:
    assert parse('[2,"1","Heartbeat",{}]') == Call("1", "Heartbeat", {})
    assert parse('[3,"1",{"status":"Accepted"}]') == Result("1", {"status": "Accepted"})
    assert parse('[4,"1","GenericError","no",{"x":1}]') == Error("1", "GenericError", "no", {"x": 1})


@pytest.mark.parametrize("text", ["", "nonsense", "{}", "[]", "[2]", "5", '"[2]"', "[2,null,3]", "[", "\x00"])
def test_what_has_no_readable_id_is_answered_without_one(text: str) -> None:
    frame = parse(text)
    assert isinstance(frame, Unreadable)
    assert frame.message_id is None
    assert isinstance(frame.error, RpcFrameworkError)


@pytest.mark.parametrize(
    ("text", "message_id"),
    [
        ('[2,17,"Heartbeat",{}]', "17"),
        (f'[2,"{"x" * 37}","Heartbeat",{{}}]', "x" * 37),
        ('[2,"7","Heartbeat"]', "7"),
        ('[2,"7",5,{}]', "7"),
        ('[2,"7","",{}]', "7"),
        ('["2","7","Heartbeat",{}]', "7"),
        ('[true,"7","Heartbeat",{}]', "7"),
    ],
)
def test_a_wrong_call_keeps_the_id_that_can_be_read(text: str, message_id: str) -> None:
    frame = parse(text)
    assert isinstance(frame, Unreadable)
    assert frame.message_id == message_id
    assert isinstance(frame.error, RpcFrameworkError)


@pytest.mark.parametrize("text", ['[2,"","Heartbeat",{}]', f'[2,"{"x" * 300}","Heartbeat",{{}}]'])
def test_an_empty_or_endless_id_is_none(text: str) -> None:
    frame = parse(text)
    assert isinstance(frame, Unreadable)
    assert frame.message_id is None


@pytest.mark.parametrize("text", ["[3]", '[3,"1"]', '[4,5,"GenericError"]', "[4]"])
def test_an_unreadable_answer_is_never_answered(text: str) -> None:
    frame = parse(text)
    assert isinstance(frame, Unreadable | Error)
    assert isinstance(frame, Error) or frame.error is None


def test_an_unknown_message_type_is_named() -> None:
    frame = parse('[6,"1","NotifyPeriodicEventStream",{}]')
    assert isinstance(frame, Unreadable)
    assert isinstance(frame.error, MessageTypeNotSupported)


def test_a_payload_that_is_no_object_is_a_formation_violation() -> None:
    frame = parse('[2,"1","Heartbeat",5]')
    assert isinstance(frame, Unreadable)
    assert isinstance(frame.error, FormationViolation)


@pytest.mark.parametrize("empty", ["null", "[]"])
def test_other_spellings_of_an_empty_payload_are_understood(empty: str) -> None:
    frame = parse(f'[2,"1","Heartbeat",{empty}]')
    assert isinstance(frame, Call)
    assert frame.payload == {}
    assert frame.findings


@pytest.mark.parametrize("depth", [65, 1_000, 100_000])
def test_deep_nesting_is_refused_before_anything_climbs_down(depth: int) -> None:
    frame = parse('[2,"1","DataTransfer",' + "[" * depth + "]" * depth + "]")
    assert isinstance(frame, Unreadable)
    assert "nested" in frame.why


def test_brackets_in_strings_are_not_nesting() -> None:
    frame = parse('[2,"1","DataTransfer",{"vendorId":"%s","data":"\\"[[[\\\\","b":[]}]' % ("[{" * 200))
    assert isinstance(frame, Call)


@pytest.mark.parametrize("number", ["9" * 5_000, "-" + "9" * 20, "NaN", "-Infinity", "1e999"])
def test_numbers_no_database_holds_are_null_and_named(number: str) -> None:
    frame = parse(f'[2,"1","StartTransaction",{{"meterStart":{number},"connectorId":1}}]')
    assert isinstance(frame, Call)
    assert frame.payload == {"meterStart": None, "connectorId": 1}
    assert len(frame.unusable) == 1


def test_the_largest_integer_of_a_database_passes() -> None:
    frame = parse(f'[2,"1","X",{{"n":{2**63 - 1},"m":{-(2**63)}}}]')
    assert isinstance(frame, Call)
    assert frame.payload == {"n": 2**63 - 1, "m": -(2**63)}


def test_text_no_database_stores_becomes_a_replacement_character() -> None:
    frame = parse(r'[2,"1","X",{"a\u0000":"nul \u0000 half \ud800 whole \ud83d\ude00"}]')
    assert isinstance(frame, Call)
    assert frame.payload == {"a\ufffd": "nul \ufffd half \ufffd whole \U0001f600"}


def test_raw_control_characters_in_a_string_are_tolerated() -> None:
    frame = parse('[2,"1","X",{"info":"two\nlines"}]')
    assert isinstance(frame, Call)
    assert frame.payload == {"info": "two\nlines"}
    assert frame.findings == ("A string holds raw control characters.",)


def test_of_a_doubled_key_the_last_one_counts_and_it_is_noted() -> None:
    frame = parse('[2,"1","X",{"a":1,"b":2,"a":3}]')
    assert isinstance(frame, Call)
    assert frame.payload == {"a": 3, "b": 2}
    assert "a" in frame.findings[0]


def test_a_byte_order_mark_and_spaces_are_nothing() -> None:
    assert parse('\ufeff \r\n[ 2 , "1" , "Heartbeat" , { } ]\n') == Call("1", "Heartbeat", {})


def test_the_digest_depends_on_what_is_said_and_not_on_how() -> None:
    one, other, third = (parse(f'[2,"1","X",{payload}]') for payload in ('{"a":1,"b":2}', '{"b": 2, "a":1}', '{"a":1}'))
    assert isinstance(one, Call)
    assert isinstance(other, Call)
    assert isinstance(third, Call)
    assert one.digest() == other.digest() != third.digest()


def test_an_error_goes_out_in_the_spelling_of_the_version() -> None:
    assert json.loads(frames.error("1", FormationViolation("no"), "ocpp1.6"))[2] == "FormationViolation"
    assert json.loads(frames.error("1", FormationViolation("no"), "ocpp2.0.1"))[2] == "FormatViolation"


def test_a_description_has_at_most_255_characters() -> None:
    assert len(json.loads(frames.error("1", TypeConstraintViolation("x" * 999), "ocpp1.6"))[3]) == 255


@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "replace")))
def test_nothing_raises(text: str) -> None:
    assert isinstance(parse(text), Unreadable | Call | Result | Error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(JSON, max_size=5))
def test_no_array_raises_and_what_is_read_can_be_stored(elements: list[object]) -> None:
    frame = parse(json.dumps(elements))
    if isinstance(frame, Call):
        json.dumps(frame.payload, allow_nan=False).encode()
        frame.digest()


def test_what_is_wrong_a_thousand_times_is_noted_twenty_times() -> None:
    items = ",".join(['{"a":NaN,"a":NaN}'] * 1000)
    frame = parse(f'[2,"1","Heartbeat",{{"items":[{items}]}}]')
    assert isinstance(frame, Call)
    assert len(frame.unusable) == len(frame.findings) == NOTES_LIMIT


def test_a_doubled_key_among_a_hundred_thousand_is_found_at_once() -> None:
    members = ",".join(f'"{number:x}":1' for number in range(100_000))
    began = time.process_time()
    frame = parse(f'[2,"1","Heartbeat",{{{members},"ff":2}}]')
    assert time.process_time() - began < 5  # comparing each with each takes more than a minute
    assert isinstance(frame, Call)
    assert frame.findings == ("Given twice, the last one counts: ff.",)


# -- frames of 2.1 -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subprotocol", ["ocpp1.6", "ocpp2.0.1"])
@pytest.mark.parametrize("text", ['[5,"1","FormatViolation","",{}]', '[6,"1","NotifyPeriodicEventStream",{}]'])
def test_older_versions_know_neither_send_nor_complaint(subprotocol: str, text: str) -> None:
    frame = parse(text, frames.types_of(subprotocol))
    assert isinstance(frame, Unreadable) and isinstance(frame.error, MessageTypeNotSupported)
    assert "2, 3, 4." in frame.why


def test_2_1_knows_send_and_complaint() -> None:
    types = frames.types_of("ocpp2.1")
    assert parse('[6,"1","NotifyPeriodicEventStream",{"id":1}]', types) == frames.Send(
        "1", "NotifyPeriodicEventStream", {"id": 1}
    )
    assert parse('[5,"1","FormatViolation","no",{"a":1}]', types) == frames.ResultError(
        "1", "FormatViolation", "no", {"a": 1}
    )
    refused = parse('[7,"1",{}]', types)
    assert isinstance(refused, Unreadable) and "2, 3, 4, 5, 6" in refused.why


@pytest.mark.parametrize("text", ['[6,"1"]', '[6,5,"X",{}]', '[6,"1","X",5]', "[6]", "[5]", '[5,"1"]'])
def test_what_expects_no_answer_gets_none_even_if_it_is_unreadable(text: str) -> None:
    frame = parse(text, frames.ALL_TYPES)
    assert isinstance(frame, Unreadable)
    assert frame.error is None


def test_a_send_is_never_taken_for_the_call_of_its_content() -> None:
    text = '"1","Heartbeat",{}]'
    call, send = parse("[2," + text, frames.ALL_TYPES), parse("[6," + text, frames.ALL_TYPES)
    assert isinstance(call, Call) and isinstance(send, frames.Send)
    assert call.digest() != send.digest()


def test_a_complaint_about_an_answer_in_the_spelling_of_the_version() -> None:
    text = frames.result_error("1", FormationViolation("no"), "ocpp2.1")
    assert json.loads(text) == [5, "1", "FormatViolation", "no", {}]
