"""Behaviour packs on recorded frames, through a whole batch: what comes in wrong is stored right, and told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chargers import behaviour, commands
from chargers.behaviour import Plate
from chargers.models import Command, Exchange, Site, StatusChange
from gateway.behaviour import local_to_utc
from gateway.call import Books
from gateway.delivery import deliver
from gateway.testing import frames
from gateway.tests.post import frame, post
from sessions.models import ChargingSession, MeterValue

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def fresh(db):
    behaviour.forget()
    yield
    behaviour.forget()


@pytest.fixture
def use(cp1):
    def use(*packs: str) -> None:
        for name in packs:
            behaviour.decide(name, Plate("Acme", "Wallbox 22", "1.0.0"), is_on=True, by=None)

    return use


def say(charger, name: str, *, message_id: str = "1", **changes) -> None:
    """A recorded frame, now: its times are of a morning in March."""
    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    text = json.dumps(frames.load(f"ocpp16/{name}.json", **changes))
    stamp = (
        text if "local_time" in name else text.replace("2026-03-14T08:05:12Z", now).replace("2026-03-14T08:06:12Z", now)
    )
    post(charger, frame(frames.action(f"ocpp16/{name}.json"), json.loads(stamp), message_id=message_id))


def test_a_register_in_kwh_that_says_wh_becomes_wh(cp1, use):
    use("kwh-labelled-wh")
    say(cp1, "start_register_in_kwh")
    say(cp1, "meter_kwh_says_wh", message_id="2")
    session = ChargingSession.objects.get()
    assert (session.meter_start_wh, session.energy_wh) == (1_204_000, 7250)
    assert MeterValue.objects.get().power_w == 7400
    first, second = Exchange.objects.order_by("pk")
    assert (first.findings, second.findings) == (["By pack meterStart × 1000."], ["By pack energy × 1000."])
    assert '"meterStart": 1204,' in first.request


def test_without_the_pack_it_is_what_it_says(cp1):
    say(cp1, "start_register_in_kwh")
    say(cp1, "meter_kwh_says_wh", message_id="2")
    assert ChargingSession.objects.get().energy_wh == 7


def test_a_start_that_is_always_0_is_told_by_the_first_reading(cp1, use):
    use("meter-start-zero")
    say(cp1, "start_meter_zero")
    say(cp1, "meter_lifetime_register", message_id="2")
    session = ChargingSession.objects.get()
    assert (session.meter_start_wh, session.energy_wh, session.needs_review) == (910_250, 0, False)


def test_times_without_a_zone_are_those_of_the_site(cp1, use):
    cp1.site = Site.objects.create(name="Rathaus", timezone="Europe/Berlin")
    cp1.save()
    use("local-time-without-zone")
    say(cp1, "status_local_time")
    assert StatusChange.objects.get().device_time == "2026-03-14T08:05:12.000Z"
    assert "By pack time read in Europe/Berlin." in Exchange.objects.get().findings


def test_a_pack_costs_a_batch_no_query_once_it_is_known(cp1, use, django_assert_max_num_queries):
    use("kwh-labelled-wh")
    say(cp1, "meter_kwh_says_wh")
    with django_assert_max_num_queries(22):
        say(cp1, "meter_kwh_says_wh", message_id="2")


@pytest.mark.parametrize(
    ("text", "z_is_local", "utc"),
    [
        ("2026-07-01T12:00:00", False, "2026-07-01T10:00:00.000Z"),
        ("2026-01-01T12:00:00.250", False, "2026-01-01T11:00:00.250Z"),
        ("2026-07-01T12:00:00Z", False, None),
        ("2026-07-01T12:00:00Z", True, "2026-07-01T10:00:00.000Z"),
        ("2026-07-01T12:00:00+02:00", True, None),
        ("yesterday", True, None),
        ("", True, None),
    ],
)
def test_local_times_are_moved_and_others_left_alone(text, z_is_local, utc):
    assert local_to_utc(text, BERLIN, z_is_local=z_is_local) == utc


@given(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)))
def test_a_local_time_is_the_moment_that_the_wall_clock_showed(moment):
    told = local_to_utc(moment.isoformat(), BERLIN, z_is_local=False)
    assert told is not None
    back = datetime.fromisoformat(told).astimezone(BERLIN).replace(tzinfo=None)
    spring_gap = moment.replace(tzinfo=BERLIN).astimezone(UTC).astimezone(BERLIN).replace(tzinfo=None)
    assert abs(back - spring_gap).total_seconds() < 0.002


# -- on their way out ------------------------------------------------------------------------------------------------


def order(charger, verb: str, **arguments) -> Command:
    command = commands.request(charger, verb, arguments=arguments)
    deliver({charger.pk}, books := Books(timezone.now()))
    books.write()
    command.refresh_from_db()
    return command


def test_a_setting_that_sends_a_model_into_a_boot_loop_is_not_written(make_charger):
    abb = make_charger("CP-7", vendor="ABB", model="Terra AC", firmware_version="1.6")
    command = order(abb, "write_settings", settings=[{"name": "MeterValuesSampledData", "value": "Voltage"}])
    assert command.status == "failed"
    assert "MeterValuesSampledData must not be written to a ABB Terra AC" in command.explanation


def test_other_settings_and_raw_orders_reach_it(make_charger):
    abb = make_charger("CP-7", vendor="ABB", model="Terra AC", firmware_version="1.6")
    assert order(abb, "write_settings", settings=[{"name": "HeartbeatInterval", "value": "60"}]).status == "sent"
    Command.objects.update(status="accepted")
    payload = {"key": "MeterValuesSampledData", "value": "Voltage"}
    raw = commands.request(abb, action="ChangeConfiguration", payload=payload)
    deliver({abb.pk}, books := Books(timezone.now()))
    books.write()
    raw.refresh_from_db()
    assert raw.status == "sent"


def test_a_profile_is_sent_as_the_model_takes_it(cp1, use):
    use("profiles-absolute-at-level-0")
    profile = {
        "id": 7, "stack_level": 3, "purpose": "tx_default", "kind": "relative", "unit": "A",
        "periods": [{"start_s": 0, "limit": 16}],
    }  # fmt: skip
    command = order(cp1, "set_profile", evse_id=1, profile=profile)
    assert command.status == "sent", command.explanation
    sent = command.payload["csChargingProfiles"]
    assert (sent["stackLevel"], sent["chargingProfileKind"]) == (0, "Absolute")
    assert "startSchedule" in sent["chargingSchedule"]
