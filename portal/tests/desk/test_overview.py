from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from issues import watch
from issues.rules import RULES
from portal.tests.desk.conftest import part
from sessions.models import MeterValue


def look() -> None:
    watch.watch(at=timezone.now(), rules=list(RULES.values()))


def test_the_first_sentence_says_who_needs_you(desk, make_charger, plug):
    plug(make_charger("CP-1"), status="faulted", error_code="GroundFailure")
    gone = timezone.now() - timedelta(hours=1)
    make_charger("CP-2", is_online=False, disconnected_at=gone)
    make_charger("CP-3", is_online=False, connected_at=None)
    plug(make_charger("CP-4"))
    look()
    text = part(desk, "/", "summary")
    assert "2 of 4 chargers</a> need you." in text
    assert "GroundFailure" in text


def test_all_is_well_when_nobody_needs_you(desk, cp1, plug):
    plug(cp1)
    assert "All is well" in part(desk, "/", "summary")


def test_a_loss_of_a_minute_needs_nobody_yet_and_is_not_hidden(desk, make_charger):
    make_charger("CP-1", is_online=False, disconnected_at=timezone.now() - timedelta(minutes=1))
    look()
    summary = part(desk, "/", "summary")
    assert "1 charger has just gone offline" in summary
    assert "All is well" not in summary


def test_without_chargers_it_shows_the_first_step(desk):
    page = desk.get("/").content.decode()
    assert "Bring in your first charger" in page
    assert 'href="/register-charger/"' in page


def test_each_count_leads_to_just_what_it_counts(desk, make_charger, plug):
    plug(make_charger("CP-1"), status="faulted")
    plug(make_charger("CP-2"), status="charging")
    plug(make_charger("CP-3"), status="available")
    make_charger("CP-4", is_online=False)
    for query, expected in (
        ("state=faulted", ["CP-1"]),
        ("state=charging", ["CP-2"]),
        ("state=offline", ["CP-4"]),
        ("online=yes", ["CP-1", "CP-2", "CP-3"]),
    ):
        rows = part(desk, f"/chargers/?{query}", "rows")
        assert [name for name in ("CP-1", "CP-2", "CP-3", "CP-4") if f">{name}</a>" in rows] == expected, query


def test_power_counts_only_fresh_values_of_chargers_that_are_there(desk, make_charger, plug):
    now = timezone.now()
    plug(make_charger("CP-1"), status="charging", power_w=11_000, power_at=now)
    plug(make_charger("CP-2"), status="charging", power_w=50_000, power_at=now - timedelta(hours=1))
    plug(make_charger("CP-3", is_online=False), status="charging", power_w=70_000, power_at=now)
    assert '11.0\xa0<span class="unit">kW</span>' in part(desk, "/", "summary")


def test_of_a_session_over_midnight_only_what_came_after_counts_today(db, cp1, start):
    from uuid import uuid4

    from portal.views import energy
    from sessions.models import ChargingSession

    midnight = energy.midnight()
    session = start(cp1, started_at=midnight - timedelta(hours=2), meter_start_wh=1000, energy_wh=9000)
    MeterValue.objects.create(
        charger=cp1, session=session, measured_at=midnight - timedelta(minutes=1), received_at=midnight,
        energy_wh=7000, key=uuid4(), digest=uuid4(),
    )  # fmt: skip
    start(cp1, evse_id=2, started_at=midnight, energy_wh=500)
    assert energy.energy_since_wh(ChargingSession.objects.all(), midnight) == 3000 + 500


def test_a_session_that_ended_yesterday_is_not_of_today(db, cp1, start):
    from portal.views import energy
    from sessions.models import ChargingSession

    midnight = energy.midnight()
    start(
        cp1, started_at=midnight - timedelta(hours=3), stopped_at=midnight - timedelta(hours=1),
        meter_start_wh=0, energy_wh=5000,
    )  # fmt: skip
    assert energy.energy_since_wh(ChargingSession.objects.all(), midnight) == 0


def test_the_overview_takes_as_many_queries_for_many_chargers_as_for_few(
    desk, make_charger, plug, django_assert_max_num_queries
):
    for number in range(12):
        plug(make_charger(f"CP-{number}"), status="faulted")
    look()
    with django_assert_max_num_queries(25):
        assert desk.get("/").status_code == 200


def test_live_events_tell_where_each_leads(desk, cp1, start):
    session = start(cp1, started_received_at=timezone.now())
    events = part(desk, "/", "happenings")
    assert f'href="/sessions/{session.pk}/"' in events
    assert "Session started" in events
