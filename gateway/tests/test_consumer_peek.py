from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import frames
from gateway.peek import Glance, Kind, is_answer, peek


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('[2,"1","Heartbeat",{}]', Glance(Kind.CALL, "1")),
        (' [ 2 , "a-b" , "Heartbeat" , { "a" : [1] } ] ', Glance(Kind.CALL, "a-b")),
        ('\ufeff[2,"1","Heartbeat",{}]', Glance(Kind.CALL, "1")),
        ('[2,"1","Heartbeat",null]', Glance(Kind.CALL, "1")),
        ('[2,"1","MeterValues",{"value":1e999}]', Glance(Kind.CALL, "1")),
        ('[2,"1","MeterValues",{"value":' + "9" * 5000 + "}]", Glance(Kind.CALL, "1")),
        ('[2,"1","DataTransfer",{"data":"\\ud800"}]', Glance(Kind.CALL, "1")),
        ('[2,"a\\u0000","Heartbeat",{}]', Glance(Kind.CALL, "a\ufffd")),  # as the worker will answer it
        ('[3,"1",{}]', Glance(Kind.ANSWER, "1")),
        ('[4,"1","InternalError","",{}]', Glance(Kind.ANSWER, "1")),
        ("", Glance(Kind.ODD, None)),
        ("{}", Glance(Kind.ODD, None)),
        ("[]", Glance(Kind.ODD, None)),
        ("[2]", Glance(Kind.ODD, None)),
        ('[2,"1"]', Glance(Kind.ODD, "1")),
        ('[2,7,"Heartbeat",{}]', Glance(Kind.ODD, "7")),
        ('[2,"","Heartbeat",{}]', Glance(Kind.ODD, None)),
        ('[2,"' + "x" * 37 + '","Heartbeat",{}]', Glance(Kind.ODD, "x" * 37)),
        ('[9,"1","Heartbeat",{}]', Glance(Kind.ODD, "1")),
        ('[2,"1","Heartbeat",{}', Glance(Kind.ODD, None)),
        ('[2,"1","Heartbeat",' + "[" * 100_000, Glance(Kind.ODD, None)),
        ('[2,"1","Heartbeat",{"a":' + "[" * 1000 + "]" * 1000 + "}]", Glance(Kind.ODD, None)),
    ],
)
def test_a_glance_tells_what_awaits_an_answer(text, seen):
    assert peek(text) == seen


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ('[6,"1","NotifyPeriodicEventStream",{"id":1}]', Kind.ODD, Kind.SEND),
        ('[6,"1","NotifyPeriodicEventStream",null]', Kind.ODD, Kind.SEND),
        ('[6,"1","NotifyPeriodicEventStream"]', Kind.ODD, Kind.ODD),
        ('[5,"1","FormatViolation","",{}]', Kind.ODD, Kind.ANSWER),
        ('[5,"1"]', Kind.ODD, Kind.ODD),
    ],
)
def test_frames_of_2_1_are_known_to_2_1_only(text, old, new):
    assert peek(text) == Glance(old, "1")
    assert peek(text, frames.ALL_TYPES) == Glance(new, "1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
kinds = st.sampled_from([2, 3, 4, 5, 6, 7, "2", 2.0, True])
framelike = st.tuples(kinds, st.text(max_size=40) | json_values, st.text(max_size=5) | json_values, json_values)


@given(
    st.text() | framelike.map(list).map(json.dumps) | json_values.map(json.dumps),
    st.sampled_from([frames.OLD_TYPES, frames.ALL_TYPES]),
)
def test_gateway_and_worker_see_the_same_frame(text, types):
    kind, message_id = peek(text, types)
    frame = frames.parse(text, types)
    kinds = {frames.Call: Kind.CALL, frames.Send: Kind.SEND, frames.Unreadable: Kind.ODD}
    expected = kinds.get(type(frame), Kind.ANSWER)
    assert (kind, message_id) == (expected, frame.message_id)


def test_our_own_frames_are_told_apart():
    assert is_answer('[2,"u","Reset",{}]') == (False, "u")
    assert is_answer('[3,"7",{}]') == (True, "7")
    assert is_answer('[4,"-1","RpcFrameworkError","",{}]') == (True, "-1")
    assert is_answer('[5,"u","FormatViolation","",{}]') == (False, "u")
    for nonsense in ("", "{}", "[]", "[2]", '["2","x"]'):
        with pytest.raises(ValueError):
            is_answer(nonsense)
