from __future__ import annotations

import hashlib
from collections import OrderedDict

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


# -- how they are kept -------------------------------------------------------------------------------------------------


def old_hash(password: bytes) -> str:
    """As it was kept before there was a pepper."""
    return f"sha256$5a17${hashlib.sha256(b'5a17' + password).hexdigest()}"


@given(st.sampled_from([b"a-password-of-cp1", b"0123456789abcdef", b"\x00\xff" * 8]), st.booleans())
def test_all_kinds_of_hashes_know_a_key_by_its_bytes_and_by_its_hexadecimal_text(key, is_upper):
    text = key.hex().upper() if is_upper else key.hex()
    for kept in (credentials.hashed(key), SLOW.setdefault(key, credentials.slowly_hashed(key)), old_hash(key)):
        assert credentials.matches(kept, key)
        assert credentials.matches(kept, text.encode())
        assert not credentials.matches(kept, key + b"x")


SLOW: dict[bytes, str] = {}


def test_what_we_made_is_kept_fast_and_what_people_chose_slowly(charger):
    credentials.issue_password(charger)
    assert charger.password_hash.startswith("hmac$")
    credentials.set_password(charger, "summer-in-the-yard")
    assert charger.password_hash.startswith("scrypt$")
    assert len(charger.password_hash) <= 160


def test_without_the_pepper_nothing_matches_and_we_say_so(settings):
    settings.CREDENTIAL_PEPPER = ["one"]
    kept = credentials.hashed(b"a-password-of-cp1")
    settings.CREDENTIAL_PEPPER = ["another"]
    with pytest.raises(credentials.PepperMissing, match="CREDENTIAL_PEPPER"):
        credentials.matches(kept, b"a-password-of-cp1")
    settings.CREDENTIAL_PEPPER = ["another", "one"]
    assert credentials.matches(kept, b"a-password-of-cp1")
    assert credentials.is_outdated(kept)


def test_a_first_pepper_of_its_own_leaves_what_was_kept_under_the_secret_key_readable(settings):
    kept = credentials.hashed(b"a-password-of-cp1")
    assert not credentials.is_outdated(kept)
    settings.CREDENTIAL_PEPPER = ["one"]
    assert credentials.matches(kept, b"a-password-of-cp1") and credentials.is_outdated(kept)


@pytest.mark.parametrize(
    ("password", "kind"), [("Xk3pQ9vL2mZ8rT5wB7nC", "hmac"), ("summer-in-the-yard", "scrypt"), ("a" * 20, "scrypt")]
)
def test_an_old_hash_is_renewed_as_what_it_seems_to_be(charger, password, kind):
    charger.password_hash = old_hash(password.encode())
    charger.save()
    assert credentials.is_outdated(charger.password_hash)
    old = charger.password_hash
    credentials.replace_hash(charger, old, credentials.renewed(old, password.encode()))
    charger.refresh_from_db()
    assert charger.password_hash.startswith(f"{kind}$") and not credentials.is_outdated(charger.password_hash)
    assert credentials.matches(charger.password_hash, password.encode())


def test_a_renewal_that_comes_late_does_not_bring_an_old_password_back(charger):
    credentials.set_password(charger, "summer-in-the-yard")
    stale = Charger.objects.get()
    credentials.set_password(charger, "winter-in-the-yard")
    credentials.replace_hash(stale, stale.password_hash, credentials.hashed(b"summer-in-the-yard"))
    charger.refresh_from_db()
    assert credentials.matches(charger.password_hash, b"winter-in-the-yard")


def test_a_slow_comparison_is_remembered_without_the_password(charger):
    credentials.set_password(charger, "autumn-in-the-yard")
    assert credentials.takes_long(charger, b"autumn-in-the-yard")
    assert credentials.matches(charger.password_hash, b"autumn-in-the-yard")
    assert not credentials.takes_long(charger, b"autumn-in-the-yard")
    assert credentials.takes_long(charger, b"autumn-in-the-yurt")  # a wrong one is never remembered
    assert not any(b"autumn" in entry for entry in credentials._memory)
    credentials.set_password(charger, "autumn-in-the-yard")
    assert credentials.takes_long(charger, b"autumn-in-the-yard")  # another hash, another entry


def test_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(credentials, "REMEMBERED", 3)
    monkeypatch.setattr(credentials, "_memory", OrderedDict())
    for n in range(5):
        credentials._remember("scrypt$x", b"%d" % n)
    assert len(credentials._memory) == 3 and credentials._is_remembered("scrypt$x", b"4")


# -- told to the charger -----------------------------------------------------------------------------------------------


def test_of_several_that_it_was_told_the_one_it_logs_in_with_is_adopted(charger):
    credentials.set_password(charger, "the-first-password")
    for password in ("the-second-password", "the-third-password"):  # the answer to the second was lost
        credentials.propose(charger, password, is_made=True)
    second = credentials.pending(charger)[0]
    credentials.withdraw(charger, "")  # it does not take the third
    charger.refresh_from_db()
    assert credentials.pending(charger) == [second]
    credentials.adopt(charger, second)
    charger.refresh_from_db()
    assert credentials.matches(charger.password_hash, b"the-second-password")
    assert charger.pending_password_hash == "" and charger.password_set_at is not None


def test_a_late_answer_to_an_older_order_neither_takes_nor_refuses_the_newer_password(charger):
    credentials.set_password(charger, "the-first-password")
    credentials.propose(charger, "the-second-password", is_made=True, order="order-2")
    credentials.propose(charger, "the-third-password", is_made=True, order="order-3")
    third = credentials.pending(charger)[1]
    credentials.confirmed(charger, "order-2")
    charger.refresh_from_db()
    assert credentials.matches(charger.password_hash, b"the-second-password")
    assert credentials.pending(charger) == [third], "it may be about to take that one"
    credentials.withdraw(charger, "order-2")
    credentials.withdraw(charger, "order-3")
    credentials.confirmed(charger, "order-2")
    charger.refresh_from_db()
    assert credentials.matches(charger.password_hash, b"the-second-password"), "what it has opens the door"
    assert charger.pending_password_hash == ""


def test_the_answer_to_an_older_order_voids_no_newer_one_that_was_refused_late(charger):
    credentials.set_password(charger, "the-first-password")
    credentials.propose(charger, "the-second-password", is_made=True, order="order-2")
    credentials.propose(charger, "the-third-password", is_made=True, order="order-3")
    credentials.withdraw(charger, "order-2")  # late
    credentials.confirmed(charger, "order-3")
    charger.refresh_from_db()
    assert credentials.matches(charger.password_hash, b"the-third-password")
    assert charger.pending_password_hash == ""
