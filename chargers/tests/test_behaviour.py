"""Behaviour packs: which hold for whom."""

from __future__ import annotations

import pytest

from chargers import behaviour
from chargers.behaviour import Plate

ACME = Plate("Acme", "Wallbox 22", "1.0.0")


@pytest.fixture(autouse=True)
def fresh(db):
    behaviour.forget()
    yield
    behaviour.forget()


def test_every_file_says_only_what_we_know():
    packs = behaviour.packs()
    assert len(packs) >= 8
    for pack in packs.values():
        assert pack.title and pack.why.endswith(".") and pack.version >= 1
        assert not pack.quirks.are_none, pack.name


def test_a_file_that_says_something_else_is_refused_by_name(tmp_path, monkeypatch):
    (tmp_path / "odd.toml").write_text('version = 1\ntitle = "Odd"\nwhy = "x."\n[quirks]\nspeed = 9\n')
    monkeypatch.setattr(behaviour, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"odd\.toml: 'speed' is nothing"):
        behaviour.packs.__wrapped__()


def test_packs_that_touch_money_hold_for_nobody_until_staff_say_so():
    for pack in behaviour.packs().values():
        if pack.quirks.energy_factor != 1 or pack.quirks.register_factor != 1 or pack.quirks.ignore_meter_start:
            assert pack.applies == (), pack.name


@pytest.mark.parametrize(
    ("plate", "names"),
    [
        (Plate("ABB", "TAC-W11-G5-R-0", "1.6.4"), ["abb-terra-boot-loop"]),
        (Plate("abb ltd", "Terra 54", ""), ["abb-terra-boot-loop"]),
        (Plate("Growatt", "THOR 22AS", "1.0"), ["growatt-local-time"]),
        (ACME, []),
    ],
)
def test_a_pack_holds_by_the_patterns_of_its_file(plate, names):
    assert [pack.name for pack in behaviour.holding(plate, [])] == names


def test_staff_choose_a_pack_for_a_model_and_its_firmwares(cp1):
    behaviour.decide("kwh-labelled-wh", Plate("Acme", "Wallbox 22", "1.*"), is_on=True, by=None)
    assert behaviour.quirks_of(cp1).energy_factor == 1000
    cp1.firmware_version = "2.0"
    assert behaviour.quirks_of(cp1).are_none


def test_staff_leave_out_a_pack_that_its_file_would_use(make_charger):
    abb = make_charger("CP-7", vendor="ABB", model="Terra", firmware_version="2.0")
    assert behaviour.quirks_of(abb).never_write
    behaviour.decide("abb-terra-boot-loop", Plate("ABB", "Terra", "2.0"), is_on=False, by=None)
    assert behaviour.quirks_of(abb).are_none


def test_packs_add_up(cp1):
    for name in ("kwh-labelled-wh", "profiles-relative", "meter-start-zero"):
        behaviour.decide(name, ACME, is_on=True, by=None)
    quirks = behaviour.quirks_of(cp1)
    assert (quirks.register_factor, quirks.profile_kind, quirks.ignore_meter_start) == (1000, "Relative", True)


def test_a_question_costs_no_query_while_nothing_was_decided(cp1, django_assert_num_queries):
    behaviour.quirks_of(cp1)
    with django_assert_num_queries(0):
        for _ in range(100):
            behaviour.quirks_of(cp1)
