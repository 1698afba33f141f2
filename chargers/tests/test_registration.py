from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from chargers import credentials
from chargers.models import Charger, Registration, Site
from chargers.registration import flaw, register, register_unknown

pytestmark = pytest.mark.django_db


def test_a_charger_gets_a_password_that_is_told_once():
    charger, password = register("CP-1", name="Yard 1", site=Site.objects.create(name="Depot"))
    kept = Charger.objects.get(identity="CP-1")
    assert password is not None and credentials.matches(kept.password_hash, password.encode())
    assert (kept.name, str(kept.site), kept.security_profile) == ("Yard 1", "Depot", 1)
    assert kept == charger


def test_a_password_of_ones_own_is_taken():
    charger, password = register("CP-1", password="a-password-of-cp1")
    assert password == "a-password-of-cp1"
    assert credentials.matches(charger.password_hash, b"a-password-of-cp1")


@pytest.mark.parametrize("profile", [0, 3])
def test_profiles_without_a_password_get_none(profile):
    charger, password = register("CP-1", security_profile=profile)
    assert (password, charger.password_hash) == (None, "")
    with pytest.raises(ValidationError, match="has no password"):
        register("CP-2", security_profile=profile, password="a-password-of-cp2")


def test_case_does_not_make_two_chargers():
    register("CP-1")
    with pytest.raises(ValidationError, match="'CP-1'"):
        register("cp-1")
    assert Charger.objects.count() == 1


@pytest.mark.parametrize("identity", ["", "a/b", "a\nb", "\x00", "..", ".", " CP", "x" * 129, "ß" * 100, "a\u202eb"])
def test_an_identity_that_cannot_stand_in_a_url_is_refused(identity):
    assert flaw(identity)
    with pytest.raises(ValidationError) as refused:
        register(identity)
    assert "identity" in refused.value.message_dict


@pytest.mark.parametrize("identity", ["CP-1", "RDAM 123", "DE*ABC*E1+2|@.=_", "Straße", "#1", "x" * 128])
def test_what_the_field_uses_is_taken(identity):
    assert flaw(identity) is None
    assert register(identity)[0].identity == identity


def test_a_colon_is_only_for_chargers_without_a_password():
    with pytest.raises(ValidationError, match="':'"):
        register("CP:1")
    assert register("CP:1", security_profile=0)[0].pk


def test_a_security_profile_that_does_not_exist_is_named():
    with pytest.raises(ValidationError, match="7"):
        register("CP-1", security_profile=7)


def test_a_refused_password_leaves_no_charger_behind():
    with pytest.raises(ValidationError):
        register("CP-1", password="x" * 65)
    assert not Charger.objects.exists()


def test_unannounced_chargers_are_entered_once():
    for _ in range(2):
        register_unknown(["CP-X", "cp-x", "CP-Y"], Registration.QUARANTINED)
    assert set(Charger.objects.values_list("identity", "registration", "security_profile")) == {
        ("CP-X", "quarantined", 0),
        ("CP-Y", "quarantined", 0),
    }
