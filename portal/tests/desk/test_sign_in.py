"""Signing in: passwords cannot be tried by the thousand, and nobody is locked out by a neighbour."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from portal import attempts
from portal.views import sign_in

PASSWORD = "correct horse battery"
HOME, ELSEWHERE = "203.0.113.5", "198.51.100.7"


@pytest.fixture(autouse=True)
def nobody_has_failed(monkeypatch, settings):
    monkeypatch.setattr(sign_in, "attempts", attempts.Attempts())
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.TRUSTED_PROXIES, settings.PROXY_ADDRESSES = 0, []


@pytest.fixture
def dora(db, nobody_has_failed):
    return get_user_model().objects.create_user("dora", password=PASSWORD)


def enter(password: str, *, name: str = "dora", address: str = HOME, **more: Any):
    return Client(REMOTE_ADDR=address, **more).post("/login/", {"username": name, "password": password})


def test_after_ten_failures_not_even_the_right_password_is_looked_at(dora):
    codes = [enter(f"guess {n}").status_code for n in range(10)]
    held = enter(PASSWORD)
    assert codes == [200] * 10
    assert (held.status_code, "sessionid" in held.cookies) == (429, False)
    assert 0 < int(held["Retry-After"]) <= attempts.WINDOW_S
    assert "Try again in" in held.content.decode() and PASSWORD not in held.content.decode()


def test_the_person_comes_in_from_elsewhere_and_neighbours_from_here(dora):
    get_user_model().objects.create_user("eve", password=PASSWORD)
    for n in range(10):
        enter(f"guess {n}", name=" DORA")
    assert enter(PASSWORD).status_code == 429, "the same account, however it is spelled"
    assert enter(PASSWORD, address=ELSEWHERE).status_code == 302
    assert enter(PASSWORD, name="eve").status_code == 302


def test_one_address_cannot_try_many_accounts(dora):
    for n in range(attempts.PER_ADDRESS):
        enter("guess", name=f"user-{n}")
    assert enter(PASSWORD).status_code == 429
    assert enter(PASSWORD, address=ELSEWHERE).status_code == 302


def test_a_network_of_ipv6_addresses_is_one(dora):
    for n in range(attempts.PER_ADDRESS):
        enter("guess", name=f"user-{n}", address=f"2001:db8:0:1::{n:x}")
    assert enter(PASSWORD, address="2001:db8:0:1:ffff::1").status_code == 429
    assert enter(PASSWORD, address="2001:db8:0:2::1").status_code == 302


def test_many_addresses_cannot_try_one_account(dora):
    for n in range(attempts.PER_ACCOUNT):
        enter("guess", address=f"10.0.{n // 250}.{n % 250}")
    assert enter(PASSWORD).status_code == 429


def test_who_mistypes_and_comes_in_begins_anew(dora):
    for _ in range(3):
        assert [enter("mistyped").status_code for _ in range(9)] == [200] * 9
        assert enter(PASSWORD).status_code == 302


def test_an_empty_field_is_no_attempt(dora):
    for _ in range(12):
        enter("")
    assert enter(PASSWORD).status_code == 302


def test_behind_a_proxy_of_ours_the_caller_counts_and_a_forged_header_does_not(dora, settings):
    settings.TRUSTED_PROXIES, settings.PROXY_ADDRESSES = 1, ["127.0.0.0/8"]
    for n in range(10):
        enter("guess", address="127.0.0.1", HTTP_X_FORWARDED_FOR=f"1.2.3.{n}, {HOME}")
    assert enter(PASSWORD, address="127.0.0.1", HTTP_X_FORWARDED_FOR=HOME).status_code == 429
    assert enter(PASSWORD, address="127.0.0.1", HTTP_X_FORWARDED_FOR=ELSEWHERE).status_code == 302
    assert enter(PASSWORD, address=HOME, HTTP_X_FORWARDED_FOR=ELSEWHERE).status_code == 429


def test_the_count_is_forgotten_after_a_quarter_of_an_hour():
    counted = attempts.Attempts()
    for _ in range(10):
        counted.failed("dora", HOME, 5000.0)
    assert counted.wait_s("dora", HOME, 5001.0) == attempts.WINDOW_S - 1
    assert counted.wait_s("dora", HOME, 5000.0 + attempts.WINDOW_S) == 0
