"""Counting what chargers break: each mistake once, whatever happens to the counter."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chargers import protocol
from chargers.models import Boot, Breach, Exchange, JournalMark


@pytest.fixture
def say(cp1):
    """A message of CP-1 some minutes ago."""

    def say(
        *findings: str, minutes: float = 10, outcome: str = "result", error_code: str = "", action: str = "MeterValues",
        pk: int | None = None,
    ):  # fmt: skip
        return Exchange.objects.create(
            pk=pk, charger=cp1, epoch=1, origin="charger", message_id="1", action=action, outcome=outcome,
            requested_at=timezone.now() - timedelta(minutes=minutes), error_code=error_code, findings=list(findings),
        )  # fmt: skip

    return say


def count(at=None) -> list[tuple[str, int, bool]]:
    protocol.roll_up(at=at or timezone.now())
    return sorted(Breach.objects.values_list("kind", "count", "is_refused"))


def test_the_same_mistake_with_other_values_is_one_kind(say):
    say("connectorId: '5' was read as 5.")
    say("connectorId: '6' was read as 6.")
    say()
    assert count() == [("connectorId: '…' was read as #.", 2, False)]


def test_what_is_counted_is_not_counted_again(say):
    say("x is missing.")
    count()
    say("x is missing.")
    count()
    assert count() == [("x is missing.", 2, False)]


def test_a_counter_that_dies_half_way_has_counted_nothing(say, monkeypatch):
    say("x is missing.")

    def die(self, *args, **kwargs):
        raise RuntimeError("killed")

    monkeypatch.setattr(JournalMark, "save", die)
    with pytest.raises(RuntimeError):
        protocol.roll_up(at=timezone.now())
    monkeypatch.undo()
    assert count() == [("x is missing.", 1, False)]


def test_numbers_that_leap_are_passed_over_in_one_turn(say):
    say("x is missing.")
    count()
    say("x is missing.", pk=10_000_000_000)
    assert not protocol.roll_up(at=timezone.now()), "it asks for turns over numbers that nobody has"
    assert count() == [("x is missing.", 2, False)]


def test_what_may_still_be_answered_waits(say):
    say("x is missing.", minutes=1)
    assert count() == []
    assert count(timezone.now() + timedelta(minutes=5)) == [("x is missing.", 1, False)]


def test_refusals_are_told_from_what_was_put_right(say):
    say("y was removed.", outcome="error", error_code="FormationViolation")
    say("not JSON", outcome="unreadable", action="")
    assert count() == [
        ("FormationViolation", 1, True), ("not JSON", 1, True), ("unreadable", 1, True), ("y was removed.", 1, True),
    ]  # fmt: skip


def test_a_mistake_belongs_to_the_firmware_that_made_it(say, cp1):
    now = timezone.now()
    for minutes, version in ((30, "1.0"), (12, "1.1")):
        Boot.objects.create(
            charger=cp1, received_at=now - timedelta(minutes=minutes), epoch=1, firmware_version=version,
            verdict="Accepted", interval_s=300,
        )  # fmt: skip
    say("x is missing.", minutes=20)
    say("x is missing.", minutes=10)
    protocol.roll_up(at=now)
    assert sorted(Breach.objects.values_list("firmware_version", "count")) == [("1.0", 1), ("1.1", 1)]


def test_what_a_pack_put_right_on_purpose_is_no_mistake(say):
    say("By pack energy × 1000.")
    assert count() == []


def test_the_example_is_the_latest(say):
    say("x is missing.")
    latest = say("x is missing.", minutes=5)
    protocol.roll_up(at=timezone.now())
    assert Breach.objects.get().exchange_id == latest.pk


def test_a_storm_of_sloppy_handshakes_is_counted_in_a_few_statements(make_charger, django_assert_max_num_queries):
    crowd = [make_charger(f"CP-{number}", firmware_version="1.0") for number in range(50)]
    slips = [(charger, ["It offers 'OCPP1.6'; what it speaks is assumed."]) for charger in [*crowd, *crowd[:5]]]
    for _ in range(2):
        with django_assert_max_num_queries(5):  # a transaction, one look, one statement
            protocol.tolerated(slips, "handshake", at=timezone.now())
    assert Breach.objects.count() == 50
    assert sorted(set(Breach.objects.values_list("count", "hour_count"))) == [(2, 2), (4, 4)]


def test_a_long_journal_is_counted_in_portions(say, monkeypatch):
    monkeypatch.setattr(protocol, "PORTION", 2)
    for _ in range(5):
        say("x is missing.")
    turns = 1
    while protocol.roll_up(at=timezone.now()):
        turns += 1
    assert (turns, Breach.objects.get().count) == (3, 5)


@given(st.text(max_size=300))
def test_a_kind_is_stable_and_fits(finding):
    kind = protocol.kind_of(finding)
    assert len(kind) <= protocol.LONGEST_KIND
    assert protocol.kind_of(finding) == kind
