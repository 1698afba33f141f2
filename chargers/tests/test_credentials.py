from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from hypothesis import assume, given
from hypothesis import strategies as st

from chargers import credentials
from chargers.models import Charger


@pytest.fixture
def charger(db) -> Charger:
    return Charger.objects.create(identity="CP-1")


def test_an_issued_password_lets_in_and_is_kept_as_a_hash_only(charger):
    password = credentials.issue_password(charger)
    charger.refresh_from_db()
    assert credentials.matches(charger.password_hash, password.encode())
    assert password not in charger.password_hash


def test_issued_passwords_fit_ocpp_and_differ(charger):
    passwords = {credentials.issue_password(charger) for _ in range(20)}
    assert len(passwords) == 20
    assert all(len(password) == 20 and password.isalnum() and password.isascii() for password in passwords)


def test_a_new_password_ends_the_old_one(charger):
    old = credentials.issue_password(charger)
    credentials.set_password(charger, "another-long-password")
    charger.refresh_from_db()
    assert credentials.matches(charger.password_hash, b"another-long-password")
    assert not credentials.matches(charger.password_hash, old.encode())


@pytest.mark.parametrize("password", ["", "x" * 65])
def test_a_length_that_ocpp_forbids_is_refused_without_repeating_the_password(charger, password):
    with pytest.raises(ValidationError) as refused:
        credentials.set_password(charger, password)
    assert f"{len(password)} characters" in str(refused.value)
    assert not password or password not in str(refused.value)
    charger.refresh_from_db()
    assert charger.password_hash == ""


@given(st.binary(min_size=1, max_size=40))
def test_the_key_may_come_as_bytes_or_as_hexadecimal_text(key):
    kept = credentials.hashed(key)
    assert credentials.matches(kept, key)
    assert credentials.matches(kept, key.hex().encode())
    assert credentials.matches(kept, key.hex().upper().encode())


@given(st.binary(min_size=1, max_size=20), st.booleans(), st.booleans())
def test_a_key_kept_as_hexadecimal_text_may_come_as_bytes_or_in_another_case(key, is_upper, comes_upper):
    spell = {False: str.lower, True: str.upper}
    kept = credentials.hashed(spell[is_upper](key.hex()).encode())
    assert credentials.matches(kept, key)
    assert credentials.matches(kept, spell[comes_upper](key.hex()).encode())


@given(st.binary(min_size=16, max_size=20), st.binary(min_size=16, max_size=20))
def test_another_key_does_not_match(key, other):
    assume(key != other)
    assert not credentials.matches(credentials.hashed(key), other)
    assert not credentials.matches(credentials.hashed(key), other.hex().encode())


@pytest.mark.parametrize("kept", ["", "sha256", "sha256$salt", "md5$a$b$c"])
def test_without_a_hash_nothing_matches(kept):
    assert not credentials.matches(kept, b"")
    assert not credentials.matches(kept, b"anything")


def test_the_same_password_has_another_hash_each_time():
    assert credentials.hashed(b"a-long-password-1") != credentials.hashed(b"a-long-password-1")


def test_a_short_password_from_another_system_is_taken_and_called_weak(cp1):
    credentials.set_password(cp1, "short")
    assert credentials.matches(cp1.password_hash, b"short")
    assert "5 characters" in credentials.weak("short")
    assert credentials.weak("sixteen-letters-") == ""
