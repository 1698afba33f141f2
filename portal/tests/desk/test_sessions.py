from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from chargers.models import Site
from portal.tests.desk.conftest import part
from sessions.models import IdToken, MeterValue


def test_a_session_opens_with_what_happened(desk, cp1, start):
    now = timezone.now()
    session = start(cp1, started_at=now - timedelta(hours=1), stopped_at=now, energy_wh=18_400)
    assert "18.40" in part(desk, f"/sessions/{session.pk}/", "session-head")
    assert "1 h 00 min" in part(desk, f"/sessions/{session.pk}/", "session-head")


def test_a_session_under_review_says_why(desk, cp1, start):
    session = start(cp1, needs_review=True, review_reasons=["The meter ran backwards by 120 Wh."])
    assert "The meter ran backwards by 120 Wh." in part(desk, f"/sessions/{session.pk}/", "session")


def test_the_times_of_a_session_are_those_of_its_site(desk, cp1, start):
    cp1.site = Site.objects.create(name="Lisboa", timezone="Asia/Tokyo")
    cp1.save()
    from datetime import UTC, datetime

    session = start(cp1, started_at=datetime(2026, 1, 5, 12, 0, tzinfo=UTC))
    assert "2026-01-05 21:00:00 JST" in part(desk, f"/sessions/{session.pk}/", "session")


def test_the_curve_is_power_energy_since_the_start_and_charge(desk, cp1, start):
    session = start(cp1, meter_start_wh=1000)
    for minute, (power, energy, is_suspect) in enumerate([(7400, 1000, False), (None, 1123, False), (9e9, 9e9, True)]):
        MeterValue.objects.create(
            charger=cp1, session=session, measured_at=session.started_at + timedelta(minutes=minute),
            received_at=timezone.now(), power_w=power, energy_wh=energy, is_suspect=is_suspect,
            key=uuid4(), digest=uuid4(),
        )  # fmt: skip
    curve = desk.get(f"/sessions/{session.pk}/curve.json").json()
    assert curve["power_kw"] == [7.4, None]
    assert curve["energy_kwh"] == [0.0, 0.123]
    assert curve["soc_percent"] == [None, None]
    assert curve["at"][1] - curve["at"][0] == 60


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("open=yes", 1),
        ("open=no", 2),
        ("review=yes", 1),
        ("q=CP-2", 1),
        ("q=99999999999999999999", 0),
        ("since=today", 1),
    ],
)
def test_the_list_is_filtered_by_the_url(desk, cp1, cp2, start, query, count):
    start(cp1)
    ended = timezone.now() - timedelta(days=3)
    start(cp1, started_at=ended - timedelta(hours=1), stopped_at=ended, needs_review=True)
    start(cp2, started_at=ended - timedelta(hours=1), stopped_at=ended)
    assert part(desk, f"/sessions/?{query}", "rows").count("<tr id=") == count


@pytest.mark.parametrize("few", [1, 500])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=cp-", "stranger mine old"),  # all chargers
        ("q=cp-2", "mine"),
        ("q=kowalska", "mine"),
        ("q=04beef", "stranger"),  # a token that nobody knows
        ("q=old-7", "old"),  # its transaction id
        ("q=cp-1 04b", "stranger"),
        ("q=nobody", ""),
        ("since=today", "stranger old"),  # one that runs since years is no less of today
        ("q=cp-&sort=charger", "stranger old mine"),
        ("q=cp-&sort=-charger", "mine old stranger"),
    ],
)
def test_sessions_are_found_by_whatever_is_known_of_them(desk, cp1, cp2, start, monkeypatch, few, query, found):
    """However many chargers and tokens a word means: a few are looked up first, many are asked beside the sessions."""
    monkeypatch.setattr("portal.views.sessions.FEW", few)
    now = timezone.now()
    token = IdToken.objects.create(value="04A2", holder="M. Kowalska")
    gone = now - timedelta(days=9)
    begun = {
        "mine": start(cp2, id_token=token, token_value="04A2", started_at=gone, stopped_at=gone),
        "old": start(cp1, transaction_id="old-7", started_at=now - timedelta(days=900)),
        "stranger": start(cp1, evse_id=2, token_value="04BEEF"),
    }
    page = part(desk, f"/sessions/?{query}", "rows")
    shown = sorted((page.find(f'<tr id="session-{row.pk}"'), name) for name, row in begun.items())
    assert " ".join(name for place, name in shown if place >= 0) == found


def test_a_token_leads_to_its_sessions(desk, cp1, start):
    token = IdToken.objects.create(value="04A2")
    start(cp1, id_token=token, token_value="04A2")
    start(cp1, evse_id=2)
    assert f'href="/sessions/?token={token.pk}"' in part(desk, "/tokens/", "rows")
    assert part(desk, f"/sessions/?token={token.pk}", "rows").count("<tr id=") == 1


def test_a_list_counts_only_so_far_and_says_that_there_is_more(desk, cp1, start, monkeypatch):
    monkeypatch.setattr("portal.views.lists.MOST", 60)
    for _ in range(62):
        start(cp1)
    assert "1–50 of 60+ sessions" in part(desk, "/sessions/", "rows")
    assert "51–60 of 60+ sessions" in part(desk, "/sessions/?page=2", "rows")
