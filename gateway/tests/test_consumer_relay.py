"""Order, repeats and limits of one charger's frames."""

from __future__ import annotations

import orjson
import pytest

from gateway import frames
from gateway.relay import (
    FLOOD,
    GIVE_UP_S,
    QUEUE,
    QUEUE_CHARACTERS,
    REPUBLISH_S,
    SENDS_PER_S,
    UNREADABLE_PER_MINUTE,
    Relay,
)


class Ends:
    """What a relay did with its two ends."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.delivered: list[str] = []
        self.held: list[bool] = []
        self.closed: list[int] = []

    def publish(self, text: str) -> None:
        self.published.append(text)

    def deliver(self, text: str) -> None:
        self.delivered.append(text)

    def hold(self, is_held: bool) -> None:
        self.held.append(is_held)

    def hang_up(self, code: int, reason: str) -> None:
        self.closed.append(code)


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def relay(ends: Ends) -> Relay:
    return Relay("CP-1", ends)


def call(message_id: str, **payload: object) -> str:
    return orjson.dumps([2, message_id, "MeterValues", payload]).decode()


def answer(message_id: str) -> str:
    return f'[3,"{message_id}",{{}}]'


def test_a_call_is_relayed_and_its_answer_delivered(relay, ends):
    relay.from_charger(call("1"), 0)
    relay.from_csms(answer("1"), 0)
    assert (ends.published, ends.delivered) == ([call("1")], [answer("1")])


def test_the_next_call_waits_for_the_answer_to_the_one_before(relay, ends):
    for n in ("1", "2", "3"):
        relay.from_charger(call(n), 0)
    assert ends.published == [call("1")]
    relay.from_csms(answer("1"), 0)
    relay.from_csms(answer("2"), 0)
    assert ends.published == [call("1"), call("2"), call("3")]


def test_answers_to_our_commands_overtake_waiting_calls(relay, ends):
    relay.from_charger(call("1"), 0)
    relay.from_charger(call("2"), 0)
    relay.from_charger('[3,"our-command",{"status":"Accepted"}]', 0)
    assert ends.published[-1] == '[3,"our-command",{"status":"Accepted"}]'


def test_our_commands_pass_at_any_time(relay, ends):
    relay.from_charger(call("1"), 0)
    relay.from_csms('[2,"u","Reset",{"type":"Soft"}]', 0)
    assert ends.delivered == ['[2,"u","Reset",{"type":"Soft"}]']
    assert relay.pending is not None


def test_an_answer_that_nobody_waits_for_is_dropped(relay, ends):
    relay.from_charger(call("1"), 0)
    relay.from_csms(answer("0"), 0)
    relay.from_csms(answer("1"), 0)
    relay.from_csms(answer("1"), 0)
    assert ends.delivered == [answer("1")]


def test_nonsense_from_our_side_never_reaches_a_charger(relay, ends):
    relay.from_csms("nonsense", 0)
    assert ends.delivered == []


def test_a_repeated_call_is_processed_and_answered_once(relay, ends):
    for n in ("1", "2", "1", "2"):
        relay.from_charger(call(n), 0)
    relay.from_csms(answer("1"), 0)
    relay.from_csms(answer("2"), 0)
    assert ends.published == [call("1"), call("2")]
    assert ends.delivered == [answer("1"), answer("2")]


def test_the_same_id_with_another_payload_is_another_call(relay, ends):
    relay.from_charger(call("1", a=1), 0)
    relay.from_charger(call("1", a=2), 0)
    relay.from_csms(answer("1"), 0)
    assert ends.published == [call("1", a=1), call("1", a=2)]


def test_an_unanswered_call_is_published_again(relay, ends):
    relay.from_charger(call("1"), 0)
    relay.tick(REPUBLISH_S - 0.1)
    assert ends.published == [call("1")]
    relay.tick(REPUBLISH_S)
    relay.tick(REPUBLISH_S + 1)
    relay.tick(2 * REPUBLISH_S)
    assert ends.published == [call("1")] * 3


def test_what_is_never_answered_lets_the_next_one_go(relay, ends):
    relay.from_charger(call("1"), 0)
    relay.from_charger(call("2"), 1)
    relay.tick(GIVE_UP_S)
    assert ends.published[-1] == call("2")
    relay.from_csms(answer("1"), GIVE_UP_S + 1)
    relay.from_csms(answer("2"), GIVE_UP_S + 1)
    assert ends.delivered == [answer("2")]


def test_an_idle_line_has_nothing_to_repeat(relay, ends):
    relay.tick(1000)
    assert ends.published == []


def test_a_full_queue_stops_reading_until_half_is_served(relay, ends):
    for n in range(QUEUE + 1):  # one in work, the others wait
        relay.from_charger(call(str(n)), 0)
    assert ends.held == [True]
    for n in range(QUEUE // 2 - 1):
        relay.from_csms(answer(str(n)), 0)
    assert ends.held == [True]
    relay.from_csms(answer(str(QUEUE // 2 - 1)), 0)
    assert ends.held == [True, False]


def test_a_few_frames_of_the_greatest_length_fill_the_queue_as_well(relay, ends):
    for n in range(3):
        relay.from_charger(call(str(n), values="x" * (QUEUE_CHARACTERS // 2)), 0)
    assert ends.held == [True]
    relay.from_csms(answer("0"), 0)
    assert ends.held == [True]
    relay.from_csms(answer("1"), 0)
    assert ends.held == [True, False]


def test_what_was_read_before_the_stop_is_served_in_order(relay, ends):
    for n in range(100):
        relay.from_charger(call(str(n)), 0)
    for n in range(100):
        relay.from_csms(answer(str(n)), 0)
    assert ends.published == [call(str(n)) for n in range(100)]


def test_who_floods_a_server_that_cannot_stop_reading_is_cut_off(relay, ends):
    for n in range(FLOOD + 1):
        relay.from_charger(call(str(n)), 0)
    assert ends.closed == [1008]


@pytest.mark.parametrize("odd", ["nonsense", "{}", "[2]", '[9,"x",{}]'])
def test_an_unreadable_frame_is_relayed_and_holds_nobody_up(relay, ends, odd):
    relay.from_charger(odd, 0)
    relay.from_charger(call("1"), 0)
    assert ends.published == [odd, call("1")]


def test_a_complaint_about_an_unreadable_frame_is_delivered(relay, ends):
    complaint = '[4,"-1","RpcFrameworkError","",{}]'
    relay.from_charger("nonsense", 0)
    relay.from_csms(complaint, 0)
    assert ends.delivered == [complaint]


def test_a_complaint_about_a_broken_call_is_delivered_once(relay, ends):
    complaint = '[4,"7","FormationViolation","",{}]'
    relay.from_charger('[2,"7"]', 0)
    relay.from_csms(complaint, 0)
    relay.from_csms(complaint, 0)
    assert ends.delivered == [complaint]


def test_a_line_full_of_noise_is_closed(relay, ends):
    for n in range(UNREADABLE_PER_MINUTE):
        relay.from_charger("noise", n)
    assert ends.closed == []
    relay.from_charger("noise", 59)
    assert ends.closed == [1008]


def test_noise_now_and_then_closes_nothing(relay, ends):
    for n in range(100):
        relay.from_charger("noise", n * 5)
    assert ends.closed == []


# -- SEND and CALLRESULTERROR (2.1) ------------------------------------------------------------------------------------


@pytest.fixture
def newer(ends: Ends) -> Relay:
    return Relay("CP-3", ends, frames.types_of("ocpp2.1"))


def send(n: str) -> str:
    return orjson.dumps([6, n, "NotifyPeriodicEventStream", {"id": int(n)}]).decode()


def test_a_send_passes_beside_the_call_in_work_and_holds_nobody_up(newer, ends):
    newer.from_charger(call("1"), 0)
    for n in ("2", "3"):
        newer.from_charger(send(n), 0)
    assert ends.published == [call("1"), send("2"), send("3")]
    newer.from_csms(answer("1"), 0)
    newer.from_charger(call("4"), 0)
    assert ends.published[-1] == call("4")


def test_a_send_keeps_its_place_behind_calls_that_wait(newer, ends):
    for text in (call("1"), call("2"), send("3"), send("4"), call("5")):
        newer.from_charger(text, 0)
    assert ends.published == [call("1")]
    newer.from_csms(answer("1"), 0)
    assert ends.published == [call("1"), call("2"), send("3"), send("4")]
    newer.from_csms(answer("2"), 0)
    assert ends.published[-1] == call("5")


def test_a_send_is_never_published_again(newer, ends):
    newer.from_charger(send("1"), 0)
    newer.tick(REPUBLISH_S)
    assert ends.published == [send("1")]


def test_any_number_of_sends_is_no_noise(newer, ends):
    for n in range(10 * UNREADABLE_PER_MINUTE):
        newer.from_charger(send(str(n)), n / SENDS_PER_S)
    assert ends.closed == [] and len(ends.published) == 10 * UNREADABLE_PER_MINUTE


def test_sends_that_come_too_fast_wait_and_lose_neither_order_nor_anything(newer, ends):
    texts = [send(str(n)) for n in range(SENDS_PER_S + QUEUE - 1)] + [call("c")]
    for text in texts:
        newer.from_charger(text, 100)
    assert (ends.published, ends.held) == (texts[:SENDS_PER_S], [True])
    newer.tick(101)
    assert (ends.published, ends.held) == (texts, [True, False])


def test_for_older_versions_a_send_is_noise(relay, ends):
    for n in range(UNREADABLE_PER_MINUTE + 1):
        relay.from_charger(send(str(n)), 0)
    assert ends.closed == [1008]


def test_complaints_about_answers_pass_in_both_directions(newer, ends):
    complaint = '[5,"1","FormatViolation","no",{}]'
    newer.from_charger(complaint, 0)
    newer.from_csms(complaint, 0)
    assert ends.published == ends.delivered == [complaint]


def command(message_id: str) -> str:
    return f'[2,"{message_id}","Reset",{{"type":"Soft"}}]'


def test_a_command_that_the_broker_brings_twice_is_delivered_once(relay, ends):
    relay.from_csms(command("u"), 0)
    relay.from_csms(command("u"), 1)
    assert ends.delivered == [command("u")]


def test_answers_that_nobody_asked_for_are_kept_and_bounded(relay, ends):
    for n in range(UNREADABLE_PER_MINUTE):
        relay.from_charger(answer(str(n)), n)
    assert len(ends.published) == UNREADABLE_PER_MINUTE
    assert ends.closed == []
    relay.from_charger(answer("more"), 59)
    assert ends.closed == [1008]


def test_answers_that_we_asked_for_are_not_counted(relay, ends):
    for n in range(100):
        relay.from_csms(command(str(n)), 0)
        relay.from_charger(answer(str(n)), 0)
    assert ends.closed == []


def test_an_order_to_end_that_overtakes_an_answer_waits_for_it(relay, ends):
    relay.from_charger(call("1"), 0)
    relay.from_charger(call("2"), 0)
    relay.hang_up(1008, "its boot was rejected")
    assert ends.closed == []
    relay.from_csms(answer("1"), 1)
    assert (ends.delivered, ends.closed) == ([answer("1")], [1008])
    assert ends.published == [call("1")]  # what waited behind it is nobody's business any more


def test_an_order_to_end_with_nothing_in_work_is_carried_out_at_once(relay, ends):
    relay.hang_up(1008, "its boot was rejected")
    assert ends.closed == [1008]
