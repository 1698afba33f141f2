"""Stations that show what a session costs are told in between; all others are left alone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from chargers import commands
from chargers.models import Command, Setting
from sessions import running_costs, tariffs
from sessions.models import ChargingSession, SessionEvent

NOW = timezone.now()


@pytest.fixture
def asks(make_charger):
    """A station that wants to hear what its sessions cost."""
    charger = make_charger("CP-2", "ocpp2.0.1")
    Setting.objects.create(
        charger=charger, component="TariffCostCtrlr", name="Enabled", instance="Cost", value="true", reported_at=NOW
    )
    return charger


@pytest.fixture
def running(asks):
    tariff = tariffs.set_tariff(
        None, currency="EUR", per_kwh=Decimal("0.40"), per_minute=Decimal("0.10"), at=NOW - timedelta(days=1), by=None
    )
    at = NOW - timedelta(minutes=10)
    return ChargingSession.objects.create(
        charger=asks, evse_id=1, transaction_id="tx-1", started_at=at, started_received_at=at, meter_start_wh=0,
        meter_last_wh=5000, energy_wh=5000, token_verdict="accepted", tariff=tariff,
    )  # fmt: skip


def told() -> list[float]:
    return [command.arguments["total_cost"] for command in Command.objects.order_by("created_at")]


def answered() -> None:
    """And long ago."""
    Command.objects.update(status="accepted", created_at=NOW - timedelta(hours=1))


def test_a_station_that_asks_for_it_hears_what_its_session_costs(running):
    assert running_costs.tell(at=NOW) == 1
    command = Command.objects.get()
    assert (command.verb, command.arguments) == ("update_cost", {"session_id": running.pk, "total_cost": 3.0})
    assert command.expires_at < timezone.now() + timedelta(seconds=61), "a sum of yesterday is worth nothing"


def test_it_is_told_again_when_the_sum_has_changed_and_some_time_has_passed(running):
    running_costs.tell(at=NOW)
    running_costs.tell(at=NOW + timedelta(seconds=1))
    assert told() == [3.0], "the first is still on its way"
    answered()
    running_costs.tell(at=NOW)
    assert told() == [3.0], "the same sum is not told twice"
    running_costs.tell(at=NOW + timedelta(minutes=1))
    assert sorted(told()) == [3.0, 3.1]


@pytest.mark.parametrize("value", ["false", ""])
def test_who_does_not_ask_is_left_alone(running, value):
    Setting.objects.update(value=value)
    assert running_costs.tell(at=NOW) == 0


@pytest.mark.parametrize("field", [{"is_strict": True}, {"is_online": False}, {"is_booted": False}])
def test_who_is_certified_or_away_is_left_alone(running, field):
    type(running.charger).objects.update(**field)
    assert running_costs.tell(at=NOW) == 0


@pytest.mark.parametrize(
    "field", [{"needs_review": True}, {"energy_wh": 0}, {"tariff": None}, {"stopped_at": NOW}, {"energy_wh": None}]
)
def test_nothing_is_said_where_nothing_is_owed_or_certain(running, field):
    ChargingSession.objects.update(**field)
    running_costs.tell(at=NOW)
    assert told() == []


def test_who_has_just_been_told_in_an_answer_to_an_event_waits(running):
    event = SessionEvent.objects.create(
        charger=running.charger, session=running, kind="updated", key=uuid4(), digest=uuid4(), payload={},
        received_at=NOW - timedelta(seconds=20),
    )  # fmt: skip
    assert running_costs.tell(at=NOW) == 0
    SessionEvent.objects.filter(pk=event.pk).update(received_at=NOW - timedelta(seconds=70))
    assert running_costs.tell(at=NOW) == 1


def test_orders_of_people_go_first(running):
    commands.request(running.charger, "unlock", arguments={"evse_id": 1})
    assert running_costs.tell(at=NOW) == 0


def test_it_can_be_switched_off(running, settings):
    settings.COST_UPDATES_S = 0
    assert running_costs.tell(at=NOW) == 0


def test_a_look_at_many_sessions_is_one_question(running, django_assert_max_num_queries):
    Setting.objects.all().delete()
    with django_assert_max_num_queries(1):
        running_costs.tell(at=NOW)
