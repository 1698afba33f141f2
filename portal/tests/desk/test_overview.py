from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from chargers.models import Charger, Site
from portal.issues import watch
from portal.issues.models import Issue, RuleSetting
from portal.issues.rules import RULES
from portal.tests.desk.conftest import part
from portal.views import energy, states
from sessions import rollups
from sessions.energy import BEGINNING
from sessions.models import ChargingSession, MeterValue, SessionHour


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


def test_a_fault_of_which_no_issue_tells_yet_is_said_with_the_time_that_is_left(desk, cp1, plug):
    plug(cp1, status="faulted", status_at=timezone.now())
    rule = RuleSetting.objects.create(rule="faulted", patience_s=240)
    summary = part(desk, "/", "summary")
    assert "1 charger</a> reports a fault." in summary
    assert "An issue opens in 3 min" in summary
    assert "All is well" not in summary
    assert "1 charger reports a fault." in part(desk, "/wallboard/", "board")
    RuleSetting.objects.filter(pk=rule.pk).update(is_on=False)
    assert "is switched off" in part(desk, "/", "summary")


def test_a_fault_that_somebody_put_off_or_closed_is_not_called_well(desk, cp1, cp2, plug):
    plug(cp1, status="faulted", error_code="ReaderFailure")
    plug(cp2, status="faulted", error_code="ReaderFailure")
    look()
    Issue.objects.filter(charger=cp1).update(snoozed_until=timezone.now() + timedelta(hours=8))
    Issue.objects.filter(charger=cp2).update(closed_at=timezone.now(), is_dismissed=True)
    summary = part(desk, "/", "summary")
    assert "No charger needs you now." in summary
    assert "2 chargers are faulted or offline, and somebody has" in summary
    assert "reports a fault" not in summary
    assert "All is well" not in summary + part(desk, "/wallboard/", "board")


def test_who_needs_you_is_counted_from_the_issues_as_the_list_finds_it(db, make_charger):
    """Every mixture of what a charger is, and of which issues are open, put off or closed by hand."""
    now, sites = timezone.now(), [Site.objects.create(name=f"Site {n}") for n in range(3)]
    later, grave = now + timedelta(hours=1), {"severity": 2, "title": "x", "opened_at": now, "seen_at": now}
    for n in range(48):
        online, status = n % 2 == 0, ("faulted", "available")[n // 2 % 2]
        made = make_charger(
            f"CP-{n}", is_online=online, leading_status=status, site=sites[n % 3], connected_at=None if n == 1 else now
        )
        told = {"rule": "faulted", "charger": made, **grave}
        if n // 4 % 4 == 1:
            Issue.objects.create(key=f"a{n}", **told)
        if n // 4 % 4 == 2:
            Issue.objects.create(key=f"b{n}", snoozed_until=later, **told)
        if n // 4 % 4 == 3:
            Issue.objects.create(key=f"c{n}", closed_at=now, is_dismissed=n % 8 < 4, **told)
    for site, fields in ((sites[0], {}), (sites[1], {"snoozed_until": later}), (None, {}), (None, {"closed_at": now})):
        counted = states.attention()
        assert counted.needy == Charger.objects.filter(states.needs_you()).count()
        troubled = Charger.objects.filter(is_online=False, connected_at__isnull=False).count()
        troubled += Charger.objects.filter(is_online=True, leading_status="faulted").count()
        well = Charger.objects.filter(states.needs_you(), is_online=True, leading_status="available").count()
        well += Charger.objects.filter(states.needs_you(), is_online=False, connected_at=None).count()
        sum_of_all = counted.needy - well + counted.put_off + counted.just_gone + counted.just_faulted
        assert sum_of_all == troubled, "each counts once"
        assert min(counted.put_off, counted.just_gone, counted.just_faulted) >= 0
        Issue.objects.create(rule="site_lost", key=f"site {site} {fields}", site=site, **grave, **fields)


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


def hour(session, at, energy_wh):
    return SessionHour.objects.create(session=session, charger=session.charger, hour=at, energy_wh=energy_wh)


def test_of_a_session_over_midnight_only_what_came_after_counts_today(db, cp1, start):
    midnight = energy.midnight()
    session = start(cp1, started_at=midnight - timedelta(hours=1))
    hour(session, midnight - timedelta(hours=1), 6000)
    hour(session, midnight, 3000)
    hour(start(cp1, evse_id=2), midnight + timedelta(hours=1), 500)
    assert energy.energy_since_wh(SessionHour.objects.all(), midnight) == 3000 + 500


def test_a_midnight_that_is_not_on_the_hour_cuts_its_hour_by_time(db, cp1, start):
    midnight = energy.midnight("Asia/Kolkata")
    hour(start(cp1), midnight - timedelta(minutes=30), 4000)
    hour(start(cp1, evse_id=2), midnight + timedelta(minutes=30), 500)
    assert energy.energy_since_wh(SessionHour.objects.all(), midnight) == 2000 + 500


def test_the_energy_of_today_is_what_sessions_told_until_a_minute_ago(desk, cp1, start):
    start(cp1, started_at=timezone.now(), meter_start_wh=0, meter_last_wh=5600.0, energy_wh=5600, stale_from=BEGINNING)
    MeterValue.objects.create(
        charger=cp1, session=ChargingSession.objects.get(), measured_at=timezone.now(), received_at=timezone.now(),
        energy_wh=5600, key=uuid4(), digest=uuid4(),
    )  # fmt: skip
    rollups.roll_up()
    assert "5.6" in part(desk, "/", "summary")


def test_the_overview_takes_as_many_queries_for_many_chargers_as_for_few(
    desk, make_charger, plug, django_assert_max_num_queries
):
    for number in range(12):
        plug(make_charger(f"CP-{number}"), status="faulted")
    look()
    with django_assert_max_num_queries(38):
        assert desk.get("/").status_code == 200


def test_the_sparkline_counts_cars_by_the_quarter(db, cp1, start):
    until = timezone.now().replace(hour=12, minute=20, second=0, microsecond=0)
    day = timedelta(hours=24)
    start(cp1, started_at=until - 2 * day)  # runs since the day before
    start(cp1, started_at=until - 2 * day, stopped_at=until - day + timedelta(minutes=40))
    start(cp1, started_at=until - timedelta(minutes=50), stopped_at=until - timedelta(minutes=10))
    start(cp1, started_at=until - timedelta(hours=30), stopped_at=until - timedelta(hours=28))  # of yesterday
    start(cp1, started_at=until - timedelta(hours=3), is_superseded=True)  # when it ended nobody knows
    counts = energy.sessions_over_day(ChargingSession.objects.all(), until=until)
    assert len(counts) == 97
    assert counts[:5] == [2, 2, 2, 2, 1]
    assert counts[-6:] == [1, 1, 2, 2, 2, 1]


def test_live_events_tell_where_each_leads(desk, cp1, start):
    session = start(cp1, started_received_at=timezone.now())
    events = part(desk, "/", "happenings")
    assert f'href="/sessions/{session.pk}/"' in events
    assert "Session started" in events
