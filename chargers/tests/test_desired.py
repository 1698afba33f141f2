"""From a template to what a charger is set to, and back: against chargers that take, reject, forget and loop."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from chargers import behaviour, commands
from chargers.boots import Nameplate
from chargers.desired import checks, quarantine, rollouts, standings, steps, templates
from chargers.models import (
    Boot,
    Charger,
    Command,
    Connector,
    Reading,
    Refusal,
    Rollout,
    SettingQuarantine,
    SettingTemplate,
    Site,
    Standing,
    Twin,
    Write,
)
from chargers.tests.boots import record_boot
from chargers.tests.street import Pole, beat, values

pytestmark = pytest.mark.django_db
INTERVAL = "MeterValueSampleInterval"


@pytest.fixture(autouse=True)
def at_once(settings, monkeypatch):
    # What waits for a commit happens at once: all of a test is one transaction.
    monkeypatch.setattr(transaction, "on_commit", lambda do, **_: do())
    settings.CONFIGURATION_TRIAL_S = 0
    settings.CHECK_SETTINGS_AFTER_BOOT = settings.CHECK_SETTINGS_NIGHTLY = False
    behaviour.forget()


@pytest.fixture
def pole(make_charger):
    def make(identity="CP-1", has=None, **ways):
        fields = {
            name: ways.pop(name) for name in ("site", "is_online", "subprotocol", "firmware_version") if name in ways
        }
        plate = {"vendor": "Acme", "model": "Wallbox 22", "firmware_version": "1.0"}
        charger = make_charger(identity, **(plate | fields))
        factory: dict[str, str] = {"HeartbeatInterval": "300", INTERVAL: "60"}
        return Pole(charger, factory | (has or {}), **ways)

    return make


def template(name="Depot", *, reach=None, by=None, wants=None, **columns):
    row = SettingTemplate(name=name, **{"is_for_all": reach is None, **columns})
    return templates.save(row, values=values(**(wants or {INTERVAL: 30})), reach=reach or {}, by=by)


def standing(pole, path=INTERVAL):
    return Standing.objects.get(charger=pole.charger, path=path)


def outcome(rollout, pole=None):
    rows = rollout.writes.filter(charger=pole.charger) if pole else rollout.writes.all()
    return [(row.path, row.status) for row in rows]


# -- templates -------------------------------------------------------------------------------------------------------


def test_a_site_a_tag_and_a_charger_are_reached_by_their_templates_and_nobody_else(pole, alice):
    site = Site.objects.create(name="Depot Nord")
    pole("CP-1", site=site)
    tagged, single, other = pole("CP-2"), pole("CP-3"), pole("CP-4")
    templates.tag(tagged.charger, ["pilot"])
    template("Site", reach={"sites": [site]}, wants={INTERVAL: 10}, by=alice)
    template("Tag", reach={"tags": tagged.charger.tags.all()}, wants={INTERVAL: 20}, by=alice)
    template("One", reach={"chargers": [single.charger]}, wants={INTERVAL: 30}, by=alice)
    beat()
    assert {row.charger.identity: row.wanted for row in Standing.objects.select_related("charger")} == {
        "CP-1": "10", "CP-2": "20", "CP-3": "30",
    }  # fmt: skip
    assert not Standing.objects.filter(charger=other.charger).exists()


def test_nothing_is_written_because_a_template_was_saved(pole):
    p = pole()
    p.tell()
    template()
    beat(p)
    assert standing(p).state == "differs"
    assert p.log == []


@pytest.mark.parametrize("path", ["AuthorizationKey", "", "x" * 60])
def test_a_template_holds_no_secret_and_no_nonsense(db, path):
    with pytest.raises(ValidationError):
        templates.save(SettingTemplate(name="T"), values=[("key", path, "1")], by=None)
    assert not SettingTemplate.objects.exists()


def test_a_key_of_1_6_is_not_wanted_of_a_charger_that_speaks_2_0_1(pole):
    older, newer = pole("CP-1"), pole("CP-2", subprotocol="ocpp2.0.1")
    row = SettingTemplate(name="Both", is_for_all=True)
    wants = [("key", INTERVAL, "30"), ("variable", "SampledDataCtrlr.TxUpdatedInterval", "30")]
    templates.save(row, values=wants, by=None)
    beat()
    assert [s.path for s in Standing.objects.filter(charger=older.charger)] == [INTERVAL]
    assert [s.path for s in Standing.objects.filter(charger=newer.charger)] == ["SampledDataCtrlr.TxUpdatedInterval"]


def test_a_deleted_template_is_wanted_no_more(pole):
    p = pole()
    low, high = template("Low", wants={INTERVAL: 10}), template("High", priority=5, wants={INTERVAL: 20})
    beat()
    assert standing(p).wanted == "20"
    templates.delete(high)
    beat()
    assert standing(p).wanted == "10"
    templates.delete(low)
    beat()
    assert not Standing.objects.exists()


def test_what_aws_wants_of_one_charger_comes_before_every_template(pole):
    p = pole()
    template(priority=99)
    Twin.objects.create(charger=p.charger, thing="CP-1", desired={INTERVAL: "5"}, desired_version=1)
    beat()
    assert (standing(p).wanted, standing(p).source) == ("5", "AWS IoT shadow")


def test_a_secret_or_a_path_that_cannot_be_in_the_shadow_is_not_wanted_and_stops_nobody(pole):
    p = pole(subprotocol="ocpp2.0.1")
    wants = {"AuthorizationKey": "x", "SecurityCtrlr.BasicAuthPassword": "x", "..": "1", "Ctrlr.Size": "1"}
    Twin.objects.create(charger=p.charger, thing="CP-1", desired=wants, desired_version=1)
    beat()
    assert list(Standing.objects.values_list("path", flat=True)) == ["Ctrlr.Size"]


# -- writing ---------------------------------------------------------------------------------------------------------


def test_a_setting_is_written_read_back_and_its_old_value_kept(pole, alice):
    p = pole()
    p.tell()
    depot = template(wants={INTERVAL: 30, "HeartbeatInterval": 300})
    beat()
    rollout = rollouts.start("Depot", template=depot, by=alice)
    beat(p)
    (write,) = rollout.writes.all()
    assert (write.status, write.old_value, write.read_value) == ("done", "60", "30")
    assert p.log == [f"write {INTERVAL}=30: Accepted", f"read {INTERVAL}"]
    rollout.refresh_from_db()
    assert rollout.status == "done"
    assert {s.state for s in Standing.objects.all()} == {"same"}
    assert write.command and write.command.requested_by == alice


def test_what_has_not_been_read_is_read_first_and_left_alone_if_it_is_so(pole):
    p = pole(has={INTERVAL: "30"})
    depot = template(wants={INTERVAL: 30, "HeartbeatInterval": 60, "Nonsense": 1})
    beat()
    rollout = rollouts.start("Depot", template=depot, by=None)
    beat(p)
    assert dict(outcome(rollout)) == {INTERVAL: "done", "HeartbeatInterval": "done", "Nonsense": "skipped"}
    assert [line for line in p.log if line.startswith("write")] == ["write HeartbeatInterval=60: Accepted"]
    assert rollout.writes.get(path="HeartbeatInterval").old_value == "300"


def test_what_a_charger_rejects_is_named_and_never_written_again_unless_a_person_says_so(pole):
    p = pole(verdict=lambda key, value: "Rejected")
    p.tell()
    depot = template()
    beat()
    first = rollouts.start("Depot", template=depot, by=None)
    beat(p)
    assert outcome(first) == [(INTERVAL, "rejected")]
    assert standing(p).state == "refused"
    with pytest.raises(ValueError, match="Nothing is to be written"):
        rollouts.start("Depot", template=depot, by=None)
    p.verdict = lambda key, value: "Accepted"
    beat(p)
    assert len([line for line in p.log if line.startswith("write")]) == 1
    again = rollouts.retry(first, by=None)
    beat(p)
    assert outcome(again) == [(INTERVAL, "done")]
    assert not Refusal.objects.exists()


def test_what_reads_back_different_is_written_twice_and_then_refused_until_the_template_changes(pole):
    p = pole(keeps=lambda key, value: "60")
    p.tell()
    depot = template()
    beat()
    rollout = rollouts.start("Depot", template=depot, by=None)
    beat(p)
    (write,) = rollout.writes.all()
    assert (write.status, write.times, write.read_value) == ("refused", 2, "60")
    assert Refusal.objects.get().reads == "60"
    beat(p, p)
    assert len([line for line in p.log if line.startswith("write")]) == 2
    templates.save(depot, values=values(**{INTERVAL: 45}), by=None)
    beat(p)
    assert standing(p).state == "differs"


def test_what_needs_a_boot_waits_until_somebody_releases_it_and_is_read_back_after_it(pole, alice):
    p = pole(verdict=lambda key, value: "RebootRequired")
    p.tell()
    depot = template()
    beat()
    rollout = rollouts.start("Depot", template=depot, by=alice)
    beat(p)
    assert outcome(rollout) == [(INTERVAL, "reboot")]
    assert standing(p).state == "reboot"
    p.tell()  # it tells the old value until it has booted
    beat(p)
    assert (standing(p).actual, standing(p).state) == ("60", "reboot")
    assert "reset" not in p.log
    assert rollouts.restart([p.charger.pk], by=alice) == 1
    assert rollouts.restart([p.charger.pk], by=alice) == 0
    beat(p)
    assert outcome(rollout) == [(INTERVAL, "done")]
    assert standing(p).state == "same"
    assert p.log.count("reset") == 1


def test_a_restart_by_itself_waits_for_the_car_to_leave_and_is_ordered_once(pole):
    p = pole(verdict=lambda key, value: "RebootRequired")
    p.tell()
    plug = Connector.objects.create(charger=p.charger, evse_id=1, status="suspended_ev")
    depot = template(restarts="when_idle")
    beat()
    rollouts.start("Depot", template=depot, by=None)
    beat(p)
    assert "reset" not in p.log
    Connector.objects.filter(pk=plug.pk).update(status="available")
    p.boot = lambda firmware="": None  # it says Accepted, and does not boot
    beat(p)
    beat(p)
    assert p.log.count("reset") == 1


def test_a_charger_that_is_away_waits_and_is_done_when_it_is_back(pole):
    here, away = pole("CP-1"), pole("CP-2", is_online=False)
    for each in (here, away):
        each.tell()
    depot = template()
    beat()
    rollout = rollouts.start("Depot", template=depot, by=None)
    beat(here, away)
    assert dict(rollout.writes.values_list("charger__identity", "status")) == {"CP-1": "done", "CP-2": "waiting"}
    Charger.objects.filter(pk=away.charger.pk).update(is_online=True)
    beat(here, away)
    assert set(rollout.writes.values_list("status", flat=True)) == {"done"}


def test_a_write_that_never_went_out_does_not_count(pole):
    p = pole()
    p.tell()
    depot = template()
    beat()
    rollout = rollouts.start("Depot", template=depot, by=None)
    for _ in range(3):
        steps.advance_all(at=timezone.now())
        Charger.objects.update(is_online=False)
        commands.sweep(at=timezone.now() + timedelta(minutes=3))
        assert [*rollout.writes.values_list("status", "times")] == [("waiting", 0)]
        Charger.objects.update(is_online=True)
    beat(p)
    assert [*rollout.writes.values_list("status", "times")] == [("done", 1)]


def test_no_more_chargers_than_wished_are_written_at_once_and_each_one_setting_at_a_time(pole):
    poles = [pole(f"CP-{n}") for n in range(5)]
    for each in poles:
        each.tell()
    depot = template(wants={INTERVAL: 30, "HeartbeatInterval": 60})
    beat()
    rollouts.start("Depot", template=depot, parallel=2, by=None)
    steps.advance_all(at=timezone.now())
    under_way = Write.objects.filter(status="writing")
    assert under_way.count() == 2
    assert under_way.values("charger").distinct().count() == 2
    beat(*poles, rounds=40)
    assert set(Write.objects.values_list("status", flat=True)) == {"done"}


def test_a_setting_that_is_new_to_a_model_is_tried_on_one_charger_first(pole, settings):
    settings.CONFIGURATION_TRIAL_S = 120
    poles = [pole(f"CP-{n}") for n in range(4)]
    for each in poles:
        each.tell()
    depot = template()
    beat()
    rollout = rollouts.start("Depot", template=depot, by=None)
    beat(*poles)
    assert sorted(rollout.writes.values_list("status", flat=True)) == ["done", "waiting", "waiting", "waiting"]
    rollout.writes.filter(status="done").update(settled_at=timezone.now() - timedelta(minutes=3))
    beat(*poles)
    assert set(rollout.writes.values_list("status", flat=True)) == {"done"}


def test_a_paused_rollout_begins_nothing_and_a_cancelled_one_is_over(pole):
    p = pole()
    p.tell()
    depot = template()
    beat()
    rollout = rollouts.start("Depot", template=depot, by=None)
    Command.objects.all().delete()
    Write.objects.update(status="waiting", times=0)
    assert rollouts.pause(rollout)
    beat(p)
    assert outcome(rollout) == [(INTERVAL, "waiting")]
    assert rollouts.resume(rollout)
    rollouts.cancel(rollout)
    beat(p)
    assert outcome(rollout) == [(INTERVAL, "cancelled")]
    assert p.log == []


def test_a_later_rollout_overtakes_what_waits_of_an_earlier_one(pole):
    p = pole(is_online=False)
    p.tell()
    depot = template()
    beat()
    first, second = (rollouts.start(name, template=depot, by=None) for name in ("One", "Two"))
    assert (outcome(first), outcome(second)) == ([(INTERVAL, "cancelled")], [(INTERVAL, "waiting")])


def test_what_a_behaviour_pack_names_is_not_written(pole, alice):
    p = pole(has={"MeterValuesSampledData": "Voltage"})
    p.tell()
    plate = behaviour.Plate("Acme", "Wallbox 22", "*")
    behaviour.decide("abb-terra-boot-loop", plate, is_on=True, by=alice)
    template(wants={"MeterValuesSampledData": "SoC"})
    beat()
    assert standing(p, "MeterValuesSampledData").state == "forbidden"


# -- taking back -----------------------------------------------------------------------------------------------------


def test_a_rollout_is_taken_back_to_what_was_there_before(pole, alice):
    p = pole()
    p.tell()
    depot = template(wants={INTERVAL: 30, "HeartbeatInterval": 60})
    beat()
    rollout = rollouts.start("Depot", template=depot, by=alice)
    beat(p)
    back = rollouts.take_back(rollout, by=alice)
    beat(p)
    assert back.takes_back == rollout
    assert (p.has[INTERVAL], p.has["HeartbeatInterval"]) == ("60", "300")
    assert set(back.writes.values_list("status", flat=True)) == {"done"}
    assert (standing(p).state, standing(p).reason) == ("differs", "order")
    assert f"rollout {back.pk}" in standing(p).why


def test_there_is_nothing_to_take_back_where_nothing_was_written(pole):
    p = pole(verdict=lambda key, value: "Rejected")
    p.tell()
    depot = template()
    beat()
    rollout = rollouts.start("Depot", template=depot, by=None)
    beat(p)
    with pytest.raises(ValueError, match="nothing to take back"):
        rollouts.take_back(rollout, by=None)


# -- drift -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def agreed(pole):
    p = pole()
    p.tell()
    depot = template()
    beat()
    rollouts.start("Depot", template=depot, by=None)
    beat(p)
    assert standing(p).state == "same"
    return p


def test_what_was_changed_at_the_charger_is_said_to_be(agreed):
    agreed.has[INTERVAL] = "900"
    agreed.tell()
    beat()
    row = standing(agreed)
    assert (row.state, row.reason, row.actual) == ("differs", "charger", "900")


def test_what_an_order_of_ours_changed_names_who_gave_it(agreed, alice):
    order = {"settings": [{"name": INTERVAL, "value": "900"}]}
    commands.request(agreed.charger, "write_settings", arguments=order, by=alice, via="portal")
    agreed.answer()
    beat()
    row = standing(agreed)
    assert row.reason == "order"
    assert "alice, portal" in row.why
    assert row.command.requested_by == alice


def test_what_a_firmware_update_reset_is_said_to_be(agreed):
    agreed.boot()
    agreed.has[INTERVAL] = "60"
    agreed.boot("2.0")
    agreed.tell()
    beat()
    assert standing(agreed).reason == "firmware"
    assert "1.0 → 2.0" in standing(agreed).why


def test_a_difference_keeps_its_reason_and_time_while_it_stays_the_same(agreed):
    agreed.has[INTERVAL] = "900"
    agreed.tell()
    beat()
    before = standing(agreed)
    agreed.tell()
    beat()
    after = standing(agreed)
    assert (after.since, after.why) == (before.since, before.why)


def test_a_charger_is_asked_for_what_is_wanted_of_it_after_a_boot_and_not_each_time(pole, settings):
    settings.CHECK_SETTINGS_AFTER_BOOT = True
    p, other = pole("CP-1"), pole("CP-2")
    template(reach={"chargers": [p.charger]})
    p.boot()
    other.boot()
    beat()
    assert checks.ask(at=timezone.now()) == 1
    p.answer()
    assert p.log == [f"read {INTERVAL}"]
    p.boot()
    assert checks.ask(at=timezone.now()) == 0
    Reading.objects.update(asked_at=timezone.now() - timedelta(minutes=11))
    assert checks.ask(at=timezone.now()) == 1


def test_chargers_are_checked_once_in_the_night_of_their_site(pole, settings):
    settings.CHECK_SETTINGS_NIGHTLY = True
    tokyo = Site.objects.create(name="Tokyo", timezone="Asia/Tokyo")
    p = pole(site=tokyo)
    template()
    beat()
    night = timezone.now().replace(hour=18, minute=0)  # 3 in the morning there
    assert checks.ask(at=night.replace(hour=3)) == 0
    assert checks.ask(at=night) == 1
    p.answer()
    assert checks.ask(at=night + timedelta(minutes=30)) == 0


def test_a_fleet_is_looked_at_in_few_queries(pole, django_assert_max_num_queries):
    for number in range(50):
        pole(f"CP-{number}").tell()
    template()
    standings._enrol()
    with django_assert_max_num_queries(45):
        assert standings.look_due(at=timezone.now()) == 50
    assert Standing.objects.filter(state="differs").count() == 50


# -- boot loops ------------------------------------------------------------------------------------------------------


@pytest.fixture
def loop(pole):
    """CP-1 has been written the setting and boots again and again; CP-2, its twin, waits for it."""
    first, second, other = pole("CP-1"), pole("CP-2", is_online=False), pole("CP-3", firmware_version="2.0")
    for each in (first, second, other):
        each.tell()
    depot = template()
    beat()
    rollout = rollouts.start("Depot", template=depot, by=None)
    beat(first)
    for _ in range(3):
        first.boot()
    beat(first)
    return first, second, other, rollout


def test_three_boots_after_a_write_quarantine_the_setting_for_model_and_firmware(loop):
    first, second, other, rollout = loop
    (row,) = SettingQuarantine.objects.all()
    assert (row.vendor, row.model, row.firmware, row.path) == ("Acme", "Wallbox 22", "1.0", INTERVAL)
    assert row.charger == first.charger
    assert "booted 3 times" in row.why
    assert rollout.writes.get(charger=second.charger).status == "skipped"
    assert standing(second).state == "quarantined"
    assert standing(other).state == "differs"
    assert row.write and row.write.old_value == "60"


def test_what_waits_in_the_outbox_is_withdrawn_and_what_was_there_before_can_be_written_back(loop):
    first, _, _, rollout = loop
    back = rollouts.take_back(rollout, by=None)
    beat(first)
    assert back.writes.get(charger=first.charger).status == "done"
    assert first.has[INTERVAL] == "60"


def test_a_person_lifts_a_quarantine_and_the_same_boots_do_not_bring_it_back(loop, alice):
    first, second, *_ = loop
    (row,) = SettingQuarantine.objects.all()
    assert quarantine.lift(row.pk, by=alice, at=timezone.now())
    beat(first)
    assert SettingQuarantine.objects.filter(lifted_at=None).count() == 0
    assert standing(second).state == "differs"


def test_a_setting_written_by_hand_is_guarded_as_well(pole, alice):
    p, twin = pole("CP-1"), pole("CP-2", is_online=False)
    order = {"settings": [{"name": INTERVAL, "value": "1"}]}
    commands.request(p.charger, "write_settings", arguments=order, by=alice)
    waits = commands.request(twin.charger, "write_settings", arguments=order, by=alice)
    p.answer()
    for _ in range(3):
        p.boot()
    beat(p)
    assert SettingQuarantine.objects.get().path == INTERVAL
    waits.refresh_from_db()
    assert waits.status == "cancelled"


def test_a_new_firmware_is_not_in_the_quarantine_of_the_old_one(loop):
    _, second, *_ = loop
    record_boot(second.fresh(), Nameplate("Acme", "Wallbox 22", firmware_version="1.1"), at=timezone.now())
    beat()
    assert standing(second).state == "differs"
    assert Boot.objects.filter(charger=second.charger).count() == 1
    assert Rollout.objects.count() == 1
