from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from smartcharging import profiles
from smartcharging.models import InstalledProfile
from smartcharging.schedules import Profile


def install(charger, number, *, evse_id=1, **fields):
    values = {"stack_level": 0, "purpose": "tx_default", "kind": "absolute", **fields}
    return profiles.install(charger, Profile(number, **values), evse_id=evse_id, at=timezone.now())


def held():
    return set(InstalledProfile.objects.values_list("profile_id", flat=True))


def test_the_same_id_is_the_same_profile(cp1):
    install(cp1, 1, stack_level=0)
    install(cp1, 1, stack_level=3)
    assert InstalledProfile.objects.get().stack_level == 3


def test_the_same_place_and_level_is_taken_over(cp1):
    install(cp1, 1)
    install(cp1, 2)
    assert held() == {2}


def test_another_level_evse_purpose_or_session_stands_beside(cp1):
    install(cp1, 1)
    install(cp1, 2, stack_level=1)
    install(cp1, 3, evse_id=2)
    install(cp1, 4, purpose="charger_max")
    install(cp1, 5, purpose="tx", transaction_id="a")
    install(cp1, 6, purpose="tx", transaction_id="b")
    assert held() == {1, 2, 3, 4, 5, 6}


def test_all_criteria_must_fit(cp1, cp2):
    install(cp1, 1)
    install(cp1, 2, stack_level=1)
    install(cp2, 1)
    assert profiles.remove(cp1, purpose="tx_default", stack_level=1) == 1
    assert profiles.remove(cp1, profile_id=2) == 0
    assert profiles.remove(cp1) == 1
    assert InstalledProfile.objects.get().charger == cp2


def test_the_profiles_of_a_session_go_with_it(cp1):
    install(cp1, 5, purpose="tx", transaction_id="a")
    install(cp1, 6, purpose="tx", transaction_id="b")
    ended = profiles.EndedProfiles()
    ended.end_of_session(cp1, "a")
    ended.write()
    assert held() == {6}


def test_one_that_came_before_its_session_had_a_name_goes_with_the_session_at_its_evse(cp1):
    install(cp1, 5, purpose="tx")
    install(cp1, 6, purpose="tx", evse_id=2)
    install(cp1, 7, purpose="tx", evse_id=0)
    ended = profiles.EndedProfiles()
    ended.end_of_session(cp1, "a", evse_id=1, stopped_at=timezone.now() - timedelta(hours=1))  # told late
    ended.write()
    assert held() == {5, 6, 7}
    ended.end_of_session(cp1, "a", evse_id=1, stopped_at=timezone.now())
    ended.write()
    assert held() == {6, 7}
