"""The library on rows: sent as a job, read back from each charger, put back once when a boot has lost it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers import commands, jobs
from chargers.models import Command, CommandStatus, Connector, Site
from sessions.models import ChargingSession
from smartcharging import drafts, library, placements, profiles, readback
from smartcharging.models import Placement, SavedProfile

NIGHT = {"kind": "recurring", "start_local": "00:00", "unit": "A",
         "periods": [{"start_s": 0, "limit": 16}, {"start_s": "06:00", "limit": 10}]}  # fmt: skip


class Street:
    """Chargers that do as they are told, unless they are told not to."""

    def __init__(self):
        self.at = timezone.now()

    def save(self, **more):
        return library.save(SavedProfile(name="Night"), {**NIGHT, **more}, at=self.at)

    def push(self, saved, *chargers, **where):
        return library.push(saved, library.spots(saved, chargers, at=self.at, **where), by=None, at=self.at)

    def obey(self, *, says=CommandStatus.ACCEPTED, installs=True):
        """Take all that waits to be set."""
        for command in Command.objects.filter(status=CommandStatus.PENDING, verb="set_profile"):
            told = command.arguments["profile"]
            self.answer(command, says)
            if installs and says == CommandStatus.ACCEPTED:
                profile = drafts.as_profile(told, number=told["id"], evse_id=command.arguments["evse_id"])
                profiles.install(command.charger, profile, evse_id=command.arguments["evse_id"], at=self.at)

    def tell(self, periods=None, *, unit="A", late_s=0):
        """Say what the composite is: what we expect, or ``periods``; ``late_s``: by a clock that is ahead."""
        for command in Command.objects.filter(status=CommandStatus.PENDING, verb="composite_schedule"):
            evse_id = command.arguments["evse_id"]
            steps = readback.expected(
                command.charger, readback.held_by(command.charger), evse_id=evse_id, begin=self.at, unit=unit,
                span_s=command.arguments["duration_s"],
            )  # fmt: skip
            said = periods or [{"start_s": step.start_s, "limit": step.limit} for step in steps]
            readback.composite_told(
                command, evse_id=evse_id, schedule={"unit": unit, "periods": said},
                begins_at=self.at + timedelta(seconds=late_s), at=self.at,
            )  # fmt: skip
            self.answer(command, CommandStatus.ACCEPTED)

    def answer(self, command, status):
        Command.objects.filter(pk=command.pk).update(status=CommandStatus.SENT, sent_at=self.at)
        commands.settle(command.pk, status=status, answer={"status": status.capitalize()}, at=self.at)

    def advance(self, *, later_s=5):
        self.at += timedelta(seconds=later_s)
        placements.advance(at=self.at)

    def boot(self, charger):
        self.at += timedelta(minutes=1)
        charger.booted_at = self.at
        charger.save()


@pytest.fixture
def street(db):
    return Street()


def place():
    return Placement.objects.get()


def test_what_a_charger_took_is_held_only_when_its_composite_shows_it(street, cp1):
    job = street.push(street.save(), cp1)
    assert place().state == "ordered"
    street.obey()
    street.advance()
    assert place().state == "taken"
    street.tell()
    street.advance()
    assert (place().state, place().told) == ("held", "Its composite schedule shows it.")
    assert job.commands.get().effect == Command.Effect.SEEN


def test_a_charger_that_says_yes_and_does_something_else_is_named_with_both_limits(street, cp1):
    job = street.push(street.save(), cp1)
    street.obey()
    street.advance()
    street.tell([{"start_s": 0, "limit": 32}])
    street.advance()
    assert place().state == "differs"
    assert "it says 32 A where" in place().told
    assert job.commands.get().effect == Command.Effect.NOT_SEEN


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"limit": 16, "phases": 3}, "Now it says 3 phases where 1 phase should be used."),
        ({"limit": 16, "phases": 1, "phase_to_use": 2}, "Now it says phase L2 where phase L3 should be used."),
        ({"limit": 16, "phases": 1, "phase_to_use": 3}, "shows it"),
        ({"limit": 16}, "shows it"),  # it may leave phases out
    ],
)
def test_phases_are_compared_where_a_charger_tells_them(street, cp2, told, sentence):
    saved = street.save(purpose="tx_default", periods=[{"start_s": 0, "limit": 16, "phases": 1, "phase_to_use": 3}])
    street.push(saved, cp2)
    street.obey()
    street.advance()
    street.tell([{"start_s": 0, **told}])
    street.advance()
    assert sentence in place().told


def test_a_charger_that_took_watts_for_amperes_is_named(street, cp1):
    street.push(street.save(periods=[{"start_s": 0, "limit": 16}]), cp1)
    street.obey()
    street.advance()
    street.tell([{"start_s": 0, "limit": 16}], unit="W")
    street.advance()
    assert place().told == "Now it says 16 W where 11040 W should hold."


def test_a_schedule_that_begins_by_a_wrong_clock_is_named(street, cp1):
    street.push(street.save(), cp1)
    street.obey()
    street.advance()
    street.tell(late_s=3600)
    street.advance()
    assert (place().state, place().told) == (
        "differs",
        "It says that it begins in 60 min; its clock, or its start, is wrong.",
    )


def test_a_weekly_profile_is_looked_at_for_its_whole_week(street, cp1):
    week = {
        "recurrency": "weekly",
        "weekday": 0,
        "periods": [{"start_s": 0, "limit": 16}, {"start_s": "120:00", "limit": 10}],
    }
    street.push(street.save(**week), cp1)
    street.obey()
    street.advance()
    assert place().reading.arguments["duration_s"] == 7 * 86_400
    street.tell([{"start_s": 0, "limit": 16}])  # it forgot the weekend
    street.advance()
    assert place().state == "differs"
    assert place().told.startswith("In ") and "16 A where 10 A should hold" in place().told


def test_a_profile_that_begins_next_week_is_seen_and_one_who_cannot_look_so_far_is_asked_again(street, cp1):
    start = (street.at + timedelta(days=5)).isoformat()
    street.push(street.save(kind="absolute", start_at=start, periods=[{"start_s": 0, "limit": 8}]), cp1)
    street.obey()
    street.advance()
    asked = place().reading
    assert 5 * 86_400 < asked.arguments["duration_s"] <= 6 * 86_400
    readback.composite_told(asked, evse_id=1, schedule=None, begins_at=None, at=street.at)
    street.answer(asked, CommandStatus.REJECTED)
    street.advance()
    assert (place().state, place().reading.arguments["duration_s"]) == ("taken", 86_400)
    street.tell([{"start_s": 0, "limit": 32}])
    street.advance()
    assert place().told == "Accepted; for the next day something else binds, so it does not show."


def test_a_refusal_is_kept_in_words(street, cp1):
    street.push(street.save(), cp1)
    street.obey(says=CommandStatus.REJECTED)
    street.advance()
    assert (place().state, place().told) == ("refused", "The charger answered Rejected.")


def test_a_profile_that_a_boot_has_lost_is_put_back_once(street, cp1):
    street.push(street.save(), cp1)
    street.obey()
    street.advance()
    street.tell()
    street.advance()
    street.boot(cp1)
    street.advance()
    street.tell([{"start_s": 0, "limit": 32}])
    street.advance()
    assert (place().state, place().told) == ("ordered", "Gone after its boot; ordered once more.")
    street.obey()
    street.advance()
    street.tell()
    street.advance()
    assert place().state == "held"
    assert place().told.startswith("Lost by the boot")
    assert Command.objects.filter(requested_via="library, put back").count() == 1


def test_what_is_lost_again_after_it_was_put_back_is_left_to_people(street, cp1):
    street.push(street.save(), cp1)
    street.obey()
    street.advance()
    street.tell()
    street.advance()
    street.boot(cp1)
    for _ in range(3):
        street.advance()
        street.tell([{"start_s": 0, "limit": 32}])
        street.advance()
        street.obey()
    assert place().state == "differs"
    assert Command.objects.filter(requested_via="library, put back").count() == 1


def test_a_station_that_never_tells_its_composite_holds_it_unseen(street, cp1):
    street.push(street.save(), cp1)
    street.obey()
    street.advance()
    for command in Command.objects.filter(verb="composite_schedule"):
        street.answer(command, CommandStatus.REJECTED)
    street.advance()
    assert place().state == "held"
    assert "nobody has seen it" in place().told


def test_each_evse_gets_a_number_and_each_site_its_own_clock(street, cp1, cp2):
    for charger, evses, zone in ((cp1, (1, 2), "Europe/Berlin"), (cp2, (1,), "America/Lima")):
        charger.site = Site.objects.create(name=zone, timezone=zone)
        charger.save()
        for evse_id in evses:
            Connector.objects.create(charger=charger, evse_id=evse_id, status="available")
    street.push(street.save(), cp1, cp2)
    numbers = list(Placement.objects.values_list("number", flat=True))
    assert len(numbers) == 3 and len(set(numbers)) == 2  # a number is a charger's own
    starts = {p.charger.identity: p.profile["start_at"][11:16] for p in Placement.objects.all()}
    assert starts["CP-1"] in ("22:00", "23:00") and starts["CP-2"] == "05:00"


def test_one_of_a_session_goes_to_those_that_run_and_ends_with_them(street, cp1):
    saved = street.save(purpose="tx", kind="relative")
    with pytest.raises(ValueError, match="cannot go anywhere"):
        street.push(saved, cp1)
    session = ChargingSession.objects.create(
        charger=cp1, evse_id=1, transaction_id="7", started_at=street.at, started_received_at=street.at
    )
    street.push(saved, cp1)
    assert Command.objects.get().arguments["profile"]["session_id"] == session.pk
    ChargingSession.objects.update(stopped_at=street.at)
    street.advance()
    assert place().state == "withdrawn"


def test_where_the_specification_forbids_it_nothing_is_ordered_and_the_reason_is_there(street, cp1, cp2):
    saved = street.save(kind="dynamic", periods=[{"start_s": 0, "limit": 16}])  # 2.1 only
    spots = library.spots(saved, [cp1, cp2], at=street.at)
    assert {str(spot.objections[0]) for spot in spots} == {
        "Dynamic profiles came with OCPP 2.1. (OCPP 1.6 §7.9)",
        "Dynamic profiles came with OCPP 2.1. (K01)",
    }
    with pytest.raises(ValueError, match="came with"):
        library.push(saved, spots, by=None, at=street.at)
    assert not Command.objects.exists()


def test_what_no_version_takes_is_not_kept(street):
    with pytest.raises(drafts.Unreadable, match="first period must start at 0"):
        street.save(periods=[{"start_s": 60, "limit": 5}])
    assert not SavedProfile.objects.exists()


def test_a_changed_profile_grows_a_version_and_the_place_keeps_the_old_one(street, cp1):
    saved = street.save()
    street.push(saved, cp1)
    library.save(saved, {**NIGHT, "stack_level": 2}, at=street.at)
    assert (saved.version, place().saved_version) == (2, 1)
    library.save(saved, saved.draft, at=street.at)
    assert saved.version == 2


def test_to_take_it_back_withdraws_what_waits_and_clears_the_rest(street, cp1, cp2):
    saved = street.save()
    street.push(saved, cp1)
    street.obey()
    street.push(saved, cp2)
    library.withdraw(saved, by=None, at=street.at)
    assert Command.objects.get(charger=cp2, verb="set_profile").status == CommandStatus.CANCELLED
    assert {c.arguments["profile_id"] for c in Command.objects.filter(verb="clear_profiles")} == {
        library.number_of(saved, 1)
    }


def test_a_retry_of_the_job_orders_each_ones_own_profile_and_is_followed(street, cp1):
    job = street.push(street.save(), cp1)
    street.obey(says=CommandStatus.REJECTED)
    street.advance()
    jobs.retry(job, by=None)
    street.at += timedelta(minutes=1)
    street.obey()
    street.advance(later_s=10)
    street.tell()
    street.advance()
    assert place().state == "held"
