"""A campaign over its looks, as rows: what each charger comes to, and what is never done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chargers import commands
from chargers.boots import Nameplate
from chargers.campaigns import care, running
from chargers.models import Campaign, Command, CommandStatus, FirmwareImage, Site, Transfer
from chargers.tests.boots import record_boot
from chargers.transfers import record_step

pytestmark = pytest.mark.django_db
START = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Eyes:
    def __init__(self):
        self.at_cars, self.well = set(), {}

    def busy(self, charger_ids):
        return self.at_cars & set(charger_ids)

    def charged(self, since):
        return {pk: at for pk, at in self.well.items() if pk in since and at >= since[pk]}


@pytest.fixture
def eyes():
    return Eyes()


@pytest.fixture
def image(db):
    return FirmwareImage.objects.create(
        vendor="Acme", model="W*", version="2.0", file_name="w-2.0.bin", name="firmware/x.bin",
        size_bytes=1000, sha256="0" * 64, added_at=START,
    )  # fmt: skip


@pytest.fixture
def fleet(make_charger):
    told = {"vendor": "Acme", "model": "W1", "firmware_version": "1.0", "is_online": True, "is_booted": True}
    return [make_charger(f"CP-{number}", **told) for number in range(4)]


@pytest.fixture
def begin(image, fleet):
    def start(ring_sizes="1, rest", **rules):
        values = {"soak_minutes": 0, "needs_session": False, "most_per_site": 0, "halt_percent": 40, **rules}
        return care.start(image, fleet, title="Two", ring_sizes=ring_sizes, by=None, at=START, **values)

    return start


def look(campaign, eyes, at=START):
    running.advance(campaign.pk, eyes, at=at)
    campaign.refresh_from_db()
    return {part.charger.identity: part for part in campaign.participants.select_related("charger", "command")}


def boot(charger, version, at):
    charger.refresh_from_db()
    record_boot(charger, Nameplate(vendor="Acme", model="W1", firmware_version=version), at=at)


def in_state(parts, state):
    return {identity for identity, part in parts.items() if part.state == state}


def orders():
    return Command.objects.filter(verb="update_firmware").count()


def canary(campaign):
    return campaign.participants.get(ring=1).charger


def test_a_canary_goes_first_and_the_others_are_told_why_they_wait(begin, eyes):
    parts = look(begin(), eyes)
    assert len(in_state(parts, "updating")) == 1
    assert {part.why for part in parts.values() if part.state == "waiting"} == {"Ring 2 begins when ring 1 is through."}


def test_looking_again_orders_nothing_again(begin, eyes):
    campaign = begin()
    for second in range(5):
        look(campaign, eyes, START + timedelta(seconds=second))
    assert orders() == 1


def test_the_next_ring_begins_once_the_canary_runs_it(begin, eyes):
    campaign = begin()
    look(campaign, eyes)
    boot(canary(campaign), "2.0", START + MINUTE)
    parts = look(campaign, eyes, START + 2 * MINUTE)
    assert len(in_state(parts, "done")) == 1
    assert len(in_state(parts, "updating")) == 3


def test_it_is_done_when_all_run_it(begin, eyes, fleet):
    campaign = begin("rest")
    look(campaign, eyes)
    for charger in fleet:
        boot(charger, "2.0", START + MINUTE)
    parts = look(campaign, eyes, START + 2 * MINUTE)
    assert len(in_state(parts, "done")) == 4
    assert campaign.status == Campaign.Status.DONE


def test_soak_and_a_good_session_are_part_of_success(begin, eyes):
    campaign = begin(soak_minutes=30, needs_session=True)
    look(campaign, eyes)
    first = canary(campaign)
    boot(first, "2.0", START + MINUTE)
    assert look(campaign, eyes, START + 2 * MINUTE)[first.identity].why == "Runs it; soaks for 30 min."
    assert "waits for a car" in look(campaign, eyes, START + 40 * MINUTE)[first.identity].why
    eyes.well[first.pk] = START + 50 * MINUTE
    part = look(campaign, eyes, START + 51 * MINUTE)[first.identity]
    assert (part.state, part.why) == ("done", "Runs it, and charged a car since.")


def test_where_no_car_comes_it_counts_as_done_and_says_so(begin, eyes):
    campaign = begin(needs_session=True, session_patience_hours=1)
    look(campaign, eyes)
    boot(canary(campaign), "2.0", START + MINUTE)
    part = look(campaign, eyes, START + 70 * MINUTE)[canary(campaign).identity]
    assert (part.state, part.why) == ("done", "Runs it; no car came within 1 h.")


@pytest.mark.parametrize("status", ["DownloadFailed", "InstallationFailed", "InvalidSignature"])
def test_a_canary_that_fails_halts_the_campaign(begin, eyes, status):
    campaign = begin()
    look(campaign, eyes)
    record_step(canary(campaign), Transfer.Kind.FIRMWARE, status, at=START + MINUTE)
    parts = look(campaign, eyes, START + 2 * MINUTE)
    assert campaign.status == Campaign.Status.HALTED
    assert campaign.explanation == "1 of 1 failed in ring 1: 100 %, and 40 % is the most that may."
    assert parts[canary(campaign).identity].why == f"It told {status}."
    assert orders() == 1


def test_a_charger_that_goes_back_or_boots_on_and_on_has_failed(begin, eyes, fleet):
    campaign = begin("rest", soak_minutes=30, halt_percent=100)
    look(campaign, eyes)
    for charger in fleet:
        boot(charger, "2.0", START + MINUTE)
    look(campaign, eyes, START + 2 * MINUTE)
    boot(fleet[0], "1.0", START + 3 * MINUTE)
    for minute in (3, 4, 5):
        boot(fleet[1], "2.0", START + minute * MINUTE)
    parts = look(campaign, eyes, START + 6 * MINUTE)
    assert parts["CP-0"].why == "It went back to 1.0."
    assert parts["CP-1"].why == "It has booted 3 times more since the update."
    assert in_state(parts, "soaking") == {"CP-2", "CP-3"}


def test_an_order_without_an_answer_is_not_given_twice_and_its_boot_tells(begin, eyes):
    """The gateway died after sending: whether the charger heard it, nobody knows."""
    campaign = begin()
    first = canary(campaign)
    look(campaign, eyes)
    commands.claim([first.pk], at=START)
    commands.sweep(at=START + MINUTE)
    assert Command.objects.get().status == CommandStatus.TIMEOUT
    assert look(campaign, eyes, START + 2 * MINUTE)[first.identity].why == (
        "Updating: it gave no answer, its next boot will tell."
    )
    boot(first, "2.0", START + 9 * MINUTE)
    assert look(campaign, eyes, START + 10 * MINUTE)[first.identity].state == "done"
    assert Command.objects.filter(charger=first).count() == 1


def test_what_was_never_sent_may_be_ordered_again(begin, eyes):
    campaign = begin()
    first = canary(campaign)
    look(campaign, eyes)
    commands.sweep(at=START + timedelta(days=1000))
    look(campaign, eyes, START + 20 * MINUTE)
    assert Command.objects.filter(charger=first).count() == 2


def test_one_that_was_given_up_and_boots_with_it_late_is_no_failure(begin, eyes):
    campaign = begin(deadline_minutes=30)
    first = canary(campaign)
    look(campaign, eyes)
    assert look(campaign, eyes, START + 31 * MINUTE)[first.identity].why == (
        "It did not boot with 2.0 within 30 min; it runs 1.0."
    )
    boot(first, "2.0", START + 40 * MINUTE)
    assert look(campaign, eyes, START + 41 * MINUTE)[first.identity].state == "done"


def test_one_that_runs_it_already_is_skipped(begin, eyes, fleet):
    boot(fleet[2], "2.0", START)
    parts = look(begin("rest"), eyes)
    assert (parts["CP-2"].state, parts["CP-2"].why) == ("skipped", "It runs it already.")
    assert orders() == 3


def test_who_charges_or_is_away_or_sleeps_waits_and_is_told_so(begin, eyes, fleet):
    site = Site.objects.create(name="Rathaus", timezone="America/New_York")
    eyes.at_cars = {fleet[0].pk}
    fleet[1].is_online = False
    fleet[1].save()
    fleet[2].site = site
    fleet[2].save()
    parts = look(begin("rest", window_from="12:00", window_until="12:30"), eyes)
    assert {identity: part.why for identity, part in parts.items() if part.state == "waiting"} == {
        "CP-0": "A session runs at it.",
        "CP-1": "It is offline.",
        "CP-2": "The window opens at 12:00 (America/New_York).",
    }
    assert in_state(parts, "updating") == {"CP-3"}  # without a site the window is in UTC


def test_a_pause_lets_nobody_begin_and_those_at_work_end(begin, eyes):
    campaign = begin()
    look(campaign, eyes)
    care.pause(campaign)
    boot(canary(campaign), "2.0", START + MINUTE)
    parts = look(campaign, eyes, START + 2 * MINUTE)
    assert len(in_state(parts, "done")) == 1 and orders() == 1
    care.resume(campaign)
    assert len(in_state(look(campaign, eyes, START + 3 * MINUTE), "updating")) == 3


def test_after_a_halt_staff_may_go_on_or_try_again(begin, eyes):
    campaign = begin()
    first = canary(campaign)
    look(campaign, eyes)
    record_step(first, Transfer.Kind.FIRMWARE, "DownloadFailed", at=START + MINUTE)
    look(campaign, eyes, START + 2 * MINUTE)
    care.resume(campaign)
    assert len(in_state(look(campaign, eyes, START + 3 * MINUTE), "updating")) == 3
    care.retry(campaign)
    parts = look(campaign, eyes, START + 4 * MINUTE)
    assert (parts[first.identity].state, parts[first.identity].attempts) == ("updating", 2)


def test_a_cancel_withdraws_what_was_not_sent(begin, eyes):
    campaign = begin()
    look(campaign, eyes)
    assert care.cancel(campaign, at=START) == 4
    assert Command.objects.get().status == CommandStatus.CANCELLED
    with pytest.raises(care.NotNow, match="This campaign is cancelled"):
        care.resume(campaign)


def test_no_charger_is_updated_by_two_campaigns_at_once(begin, eyes):
    look(begin("rest"), eyes)
    parts = look(begin("rest"), eyes)
    assert {part.why for part in parts.values()} == {"Another campaign is at work on it."}
