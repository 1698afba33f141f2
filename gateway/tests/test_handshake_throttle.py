from __future__ import annotations

from contextlib import ExitStack

from gateway.throttle import PER_ADDRESS, PER_IDENTITY, WINDOW_S, Throttle

ATTACKER, HOME = "203.0.113.9", "192.0.2.7"


def fail(throttle: Throttle, identity: str, times: int, address: str = ATTACKER) -> None:
    for _ in range(times):
        throttle.failed(identity, address, 100.0)


def test_an_identity_is_closed_to_an_address_that_keeps_failing_on_it():
    throttle = Throttle()
    fail(throttle, "CP-1", PER_IDENTITY - 1)
    assert throttle.wait_s("CP-1", ATTACKER, 100.0) == 0
    fail(throttle, "CP-1", 1)
    assert 0 < throttle.wait_s("CP-1", ATTACKER, 110.0) <= WINDOW_S


def test_nobody_can_lock_a_charger_out_of_its_own_identity():
    throttle = Throttle()
    fail(throttle, "CP-1", PER_IDENTITY)
    assert throttle.wait_s("CP-1", HOME, 100.0) == 0


def test_neighbours_behind_one_address_are_not_punished_for_one_bad_charger():
    throttle = Throttle()
    fail(throttle, "CP-1", PER_IDENTITY)
    assert throttle.wait_s("CP-2", ATTACKER, 100.0) == 0


def test_an_address_that_tries_name_after_name_is_closed_out():
    throttle = Throttle()
    for n in range(PER_ADDRESS):
        fail(throttle, f"CP-{n}", 1)
    assert throttle.wait_s("CP-9999", ATTACKER, 100.0) > 0
    assert throttle.wait_s("CP-9999", HOME, 100.0) == 0


def test_after_a_minute_all_is_forgotten():
    throttle = Throttle()
    fail(throttle, "CP-1", PER_IDENTITY)
    assert throttle.wait_s("CP-1", ATTACKER, 100.0 + WINDOW_S) == 0


def test_a_charger_that_came_in_from_there_before_is_not_shut_out_by_its_neighbours():
    throttle = Throttle()
    for n in range(PER_ADDRESS):
        fail(throttle, f"CP-{n}", 1)
    assert throttle.wait_s("CP-9999", ATTACKER, 100.0, is_known_here=True) == 0
    fail(throttle, "CP-9999", PER_IDENTITY)
    assert throttle.wait_s("CP-9999", ATTACKER, 100.0, is_known_here=True) > 0


def test_who_has_a_network_of_ipv6_addresses_is_closed_out_with_all_of_them():
    throttle = Throttle()
    for n in range(PER_ADDRESS):
        fail(throttle, f"CP-{n}", 1, f"2001:db8:0:1::{n:x}")
    assert throttle.wait_s("CP-9999", "2001:db8:0:1:ffff::1", 100.0) > 0
    assert throttle.wait_s("CP-9999", "2001:db8:0:2::1", 100.0) == 0


def test_those_under_way_count_as_failed_until_it_is_told():
    throttle = Throttle()
    with ExitStack() as under_way:
        for _ in range(PER_IDENTITY):
            assert throttle.wait_s("CP-1", ATTACKER, 100.0) == 0
            under_way.enter_context(throttle.trying("CP-1", ATTACKER))
        assert throttle.wait_s("CP-1", ATTACKER, 100.0) > 0
        assert throttle.wait_s("CP-1", HOME, 100.0) == throttle.wait_s("CP-2", ATTACKER, 100.0) == 0
    assert throttle.wait_s("CP-1", ATTACKER, 100.0) == 0
