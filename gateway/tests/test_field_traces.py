"""What chargers in the field were seen to do (`gateway.testing.field`), played at its time through a whole batch: each
behaviour pack that we ship does to real frames what it says, and without it nothing wrong is billed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine

from chargers import behaviour, commands
from chargers.behaviour import Plate, holding, packs
from chargers.models import Charger, Command, Exchange, Setting, Site, StatusChange
from chargers.protocol import kind_of
from gateway.call import Books
from gateway.delivery import deliver
from gateway.testing import field
from gateway.testing.field import Trace
from gateway.tests.post import frame, post
from sessions import reviewing, truth
from sessions.models import ChargingSession, MeterValue

SESSION = "17"  # in the traces that tell of the middle of a session


@pytest.fixture(autouse=True)
def fresh(db):
    behaviour.forget()
    yield
    behaviour.forget()


@pytest.fixture
def charger_of(make_charger):
    def charger_of(trace: Trace, *use: str) -> Charger:
        site = Site.objects.create(name="Where it stands", timezone=trace.zone)
        for pack in use:
            behaviour.decide(pack, Plate(**trace.plate), is_on=True, by=None)
        charger: Charger = make_charger("CP-9", trace.subprotocol, site=site, **trace.plate)
        return charger

    return charger_of


def play(charger: Charger, trace: Trace) -> list[Any]:
    """All that it said, each when it did; the answers, none of which is an error."""
    answers = []
    for number, said in enumerate(trace.said, 1):
        with time_machine.travel(said.at, tick=False):
            post_ = post(charger, frame(said.action, said.payload, message_id=str(number)))
        answers += post_.answers
    assert [answer[:2] for answer in answers] == [[3, str(number)] for number in range(1, len(trace.said) + 1)]
    return answers


def begin(charger: Charger, trace: Trace, *, meter_start_wh: int | None, minutes_ago: float = 30) -> ChargingSession:
    """The start that the report leaves out."""
    at = trace.said[0].at - timedelta(minutes=minutes_ago)
    return ChargingSession.objects.create(
        charger=charger, evse_id=1, transaction_id=SESSION, started_at=at, started_received_at=at,
        meter_start_wh=meter_start_wh, start_key=None if meter_start_wh is None else uuid4(),
    )  # fmt: skip


def findings() -> list[str]:
    return [finding for exchange in Exchange.objects.order_by("pk") for finding in exchange.findings]


@pytest.mark.parametrize("name", field.names())
def test_whatever_it_was_it_is_answered_and_its_source_is_named(charger_of, name):
    trace = field.load(name)
    assert trace.source.startswith("https://") and trace.seen.endswith(".")
    play(charger_of(trace), trace)


# -- clocks ------------------------------------------------------------------------------------------------------------


def test_a_growatt_writes_the_clock_on_its_wall_and_its_pack_holds_by_its_nameplate(charger_of):
    trace = field.load("growatt_thor_start")
    play(charger_of(trace), trace)
    session = ChargingSession.objects.get()
    assert session.started_at == datetime(2023, 10, 19, 13, 28, 7, tzinfo=UTC)
    assert session.started_device_time == "2023-10-19T13:28:07.000Z"
    assert "By pack time read in Europe/Berlin." in findings()
    assert '"2023-10-19T15:28:07"' in Exchange.objects.get().request, "the journal keeps what came"


def test_a_growatt_that_names_its_zone_is_taken_at_its_word(charger_of):
    trace = field.load("growatt_thor_11as")
    assert [pack.name for pack in holding(Plate(**trace.plate), [])] == ["growatt-local-time"]
    play(charger_of(trace), trace)
    assert {row.measured_at for row in MeterValue.objects.all()} == {datetime(2025, 1, 3, 15, 20, 47, tzinfo=UTC)}
    assert findings() == []


def test_local_time_marked_as_utc_is_suggested_by_the_clock_and_put_right_by_its_pack(charger_of):
    trace = field.load("chago_clock")
    play(charger_of(trace), trace)
    seen = findings()
    assert seen == ["Its clock is 7,189 s ahead of ours."] * 2
    assert kind_of(seen[0]) in packs()["local-time-marked-z"].suggested_by
    assert StatusChange.objects.earliest("pk").device_time == "2019-05-10T16:05:33Z"


def test_with_its_pack_local_time_marked_as_utc_is_the_moment_that_was_meant(charger_of):
    trace = field.load("chago_clock")
    play(charger_of(trace, "local-time-marked-z"), trace)
    told = list(StatusChange.objects.order_by("pk").values_list("device_time", flat=True))
    assert told[0] == "2019-05-10T14:05:33.000Z"
    # Why people choose it, and not a nameplate: this charger was right again once its clock was set.
    assert findings()[-1] == "Its clock is 7,201 s behind ours."


@pytest.mark.parametrize("name", ["clock_1970", "clock_year_1"])
def test_a_time_that_cannot_be_is_kept_as_sent_and_ours_counts(charger_of, name):
    trace = field.load(name)
    play(charger_of(trace), trace)
    status = StatusChange.objects.get()
    assert (status.received_at, status.device_time) == (trace.said[0].at, trace.said[0].payload["timestamp"])
    assert "behind ours" in findings()[0]


def test_a_zone_of_hours_only_is_a_zone(charger_of):
    trace = field.load("clock_short_zone")
    play(charger_of(trace), trace)
    assert Charger.objects.get().clock_offset_s == -1.0


# -- registers ---------------------------------------------------------------------------------------------------------


def test_the_register_at_the_start_told_with_each_reading_is_no_fall(charger_of):
    trace = field.load("growatt_thor_22as")
    charger = charger_of(trace)
    begin(charger, trace, meter_start_wh=157_440)
    play(charger, trace)
    # Five minutes later it says both again; the report shows one message, this one is made from it.
    later = json.loads(json.dumps(trace.said[0].payload).replace("163630", "163930").replace("T14:58", "T15:03"))
    with time_machine.travel(trace.said[0].at + timedelta(minutes=5), tick=False):
        post(charger, frame("MeterValues", later, message_id="2"))
    session = ChargingSession.objects.get()
    assert (session.energy_wh, session.meter_last_wh, session.review_reasons) == (6490, 163_930, [])
    assert MeterValue.objects.filter(is_suspect=False).count() == 4, "all four are kept"


def test_a_register_that_begins_at_0_with_each_session_is_what_it_drew(charger_of):
    trace = field.load("project_ev")
    charger = charger_of(trace)
    begin(charger, trace, meter_start_wh=0, minutes_ago=1)
    play(charger, trace)
    session = ChargingSession.objects.get()
    assert (session.energy_wh, session.needs_review, session.power_w) == (646, False, 3901.0)


def test_kwh_that_say_wh_are_never_billed_silently(charger_of):
    trace = field.load("openevse_kwh")
    charger = charger_of(trace)
    begin(charger, trace, meter_start_wh=None, minutes_ago=1)
    play(charger, trace)
    session = ChargingSession.objects.get()
    assert (session.energy_wh, session.review_reasons) == (None, [truth.THOUSANDTH])


def test_with_its_pack_kwh_that_say_wh_are_kwh(charger_of):
    trace = field.load("openevse_kwh")
    charger = charger_of(trace, "kwh-labelled-wh")
    begin(charger, trace, meter_start_wh=None, minutes_ago=1)
    play(charger, trace)
    session = ChargingSession.objects.get()
    assert (session.meter_start_wh, session.energy_wh, session.needs_review) == (361_000, 1000, False)
    assert MeterValue.objects.earliest("measured_at").power_w == 9451, "watts are watts"


def test_a_begin_of_0_before_a_lifetime_register_waits_for_people_with_the_right_proposal(charger_of):
    trace = field.load("iocharger_begin_zero")
    play(charger_of(trace), trace)
    session = ChargingSession.objects.get()
    assert session.energy_wh is None and truth.START_IS_ZERO in session.review_reasons
    reviewing.propose_lately(at=trace.said[-1].at + timedelta(minutes=5))
    session.refresh_from_db()
    assert session.proposed_wh == 83


def test_with_its_pack_a_begin_of_0_is_not_believed(charger_of):
    trace = field.load("iocharger_begin_zero")
    play(charger_of(trace, "meter-start-zero"), trace)
    session = ChargingSession.objects.get()
    assert (session.meter_start_wh, session.energy_wh, session.needs_review) == (909_948, 83, False)
    assert findings() == ["By pack a register of 0 at the start was not believed."]


def test_a_total_beside_its_phases_is_counted_once(charger_of):
    trace = field.load("total_beside_phases")
    charger = charger_of(trace)
    begin(charger, trace, meter_start_wh=4_260_000)
    play(charger, trace)
    assert ChargingSession.objects.get().energy_wh == 6127
    assert MeterValue.objects.get().power_w == 3575


# -- our orders --------------------------------------------------------------------------------------------------------


def order(charger: Charger, trace: Trace, verb: str, **arguments: Any) -> Command:
    """An order of the portal, as it goes out, and answered as this charger did."""
    command = commands.request(charger, verb, arguments=arguments)
    deliver({charger.pk}, books := Books(datetime.now(UTC)))
    books.write()
    command.refresh_from_db()
    if command.status == "sent":
        answer = trace.answer_to(command.action, command.payload)
        assert answer is not None, (command.action, command.payload)
        post(charger, json.dumps([answer[0], str(command.pk), *answer[1:]]))
        command.refresh_from_db()
    return command


PROFILE = {"id": 1, "stack_level": 0, "unit": "A", "periods": [{"start_s": 0, "limit": 16}]}


def test_what_sends_a_terra_into_a_boot_loop_is_read_and_not_written(charger_of):
    trace = field.load("abb_terra_ac")
    assert [pack.name for pack in holding(Plate(**trace.plate), [])] == ["abb-terra-boot-loop"]
    charger = charger_of(trace)
    play(charger, trace)
    charger.refresh_from_db()
    read = order(charger, trace, "read_settings", settings=[{"name": "MeterValuesSampledData"}])
    assert read.status == "accepted"
    assert Setting.objects.get(charger=charger, name="MeterValuesSampledData").value.startswith("Current.Import,")
    write = order(charger, trace, "write_settings", settings=[{"name": "MeterValuesSampledData", "value": "SoC"}])
    assert write.status == "failed" and "MeterValuesSampledData must not be written" in write.explanation


def test_a_wallbox_that_rejects_absolute_profiles_gets_relative_ones_by_its_pack(charger_of):
    trace = field.load("wallbox_pulsar_profiles")
    absolute = PROFILE | {"purpose": "tx_default", "kind": "absolute", "starts_at": "2024-08-20T08:29:02Z"}
    assert order(charger_of(trace), trace, "set_profile", evse_id=1, profile=absolute).status == "rejected"
    behaviour.decide("profiles-relative", Plate(**trace.plate), is_on=True, by=None)
    start = order(
        Charger.objects.get(), trace, "remote_start", token="04A2B3C4", evse_id=1,
        profile=PROFILE | {"purpose": "tx", "kind": "absolute", "starts_at": "2024-08-20T08:29:02Z"},
    )  # fmt: skip
    assert start.status == "accepted", start.explanation
    assert "startSchedule" not in start.payload["chargingProfile"]["chargingSchedule"]


def test_a_charger_that_refuses_relative_limits_of_its_own_gets_absolute_ones_by_its_pack(charger_of):
    trace = field.load("relative_refused")
    charger = charger_of(trace)
    limit = PROFILE | {"purpose": "charger_max", "kind": "relative"}
    refused = order(charger, trace, "set_profile", evse_id=0, profile=limit)
    assert refused.status == "failed" and "SHALL NOT be Relative" in json.dumps([refused.answer, refused.explanation])
    behaviour.decide("profiles-absolute-at-level-0", Plate(**trace.plate), is_on=True, by=None)
    assert order(charger, trace, "set_profile", evse_id=0, profile=limit).status == "accepted"


def test_each_pack_that_is_shipped_has_been_played_here(charger_of):
    """The one without a zone in general is the Growatt's, for whoever else does so."""
    played = {
        "growatt-local-time", "local-time-without-zone", "local-time-marked-z", "kwh-labelled-wh", "meter-start-zero",
        "abb-terra-boot-loop", "profiles-relative", "profiles-absolute-at-level-0",
    }  # fmt: skip
    assert packs().keys() == played
    trace = field.load("growatt_thor_start")
    charger = charger_of(trace)
    Charger.objects.filter(pk=charger.pk).update(vendor="Somebody else")
    behaviour.decide("local-time-without-zone", Plate("Somebody else", "THOR", ""), is_on=True, by=None)
    play(Charger.objects.get(), trace)
    assert ChargingSession.objects.get().started_at == datetime(2023, 10, 19, 13, 28, 7, tzinfo=UTC)
