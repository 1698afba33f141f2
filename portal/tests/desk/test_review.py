from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.tests.desk.conftest import part
from sessions import truth
from sessions.models import ChargingSession, Review


@pytest.fixture
def doubtful(cp1, start):
    now = timezone.now()
    return start(
        cp1, stopped_at=now, stopped_received_at=now, meter_start_wh=0, meter_stop_wh=917_500, needs_review=True,
        review_reasons=[truth.START_IS_ZERO], proposed_wh=7250, proposal="From the first reading on.", proposed_at=now,
    )  # fmt: skip


def decide(client, session, **fields):
    return client.post(f"/sessions/{session.pk}/decide/", fields, follow=True).content.decode()


def test_what_waits_shows_why_and_what_is_proposed(desk, doubtful):
    rows = part(desk, "/sessions/review/", "rows")
    assert truth.START_IS_ZERO in rows
    assert "From the first reading on." in rows
    assert "1 session waits for a decision, 1 of them bills nothing until then." in part(
        desk, "/sessions/review/", "review-head"
    )


def test_the_proposal_is_approved_with_a_click(desk, doubtful, alice):
    page = decide(desk, doubtful, do="approve", proposed_wh="7250", next="list")
    assert "7.25 kWh, as proposed." in page
    doubtful.refresh_from_db()
    assert (doubtful.energy_wh, doubtful.needs_review) == (7250, False)
    assert Review.objects.get().by == alice
    assert "Energy decided</strong> by alice" in desk.get(f"/sessions/{doubtful.pk}/").content.decode()


def test_a_proposal_that_changed_meanwhile_is_not_approved(desk, doubtful):
    assert "has changed meanwhile" in decide(desk, doubtful, do="approve", proposed_wh="7000")
    assert not Review.objects.exists()


@pytest.mark.parametrize(
    ("fields", "energy_wh"),
    [
        ({"do": "set", "energy_kwh": "6,5", "reason": "Read on site."}, 6500),
        ({"do": "nothing", "reason": "A test of the installer."}, None),
        ({"do": "keep"}, None),
    ],
)
def test_another_decision_is_kept(desk, doubtful, fields, energy_wh):
    decide(desk, doubtful, **fields)
    doubtful.refresh_from_db()
    assert (doubtful.energy_wh, doubtful.needs_review) == (energy_wh, False)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"do": "set", "energy_kwh": "six", "reason": "x"}, "is no number of kWh"),
        ({"do": "set", "energy_kwh": "6"}, "Say why"),
        ({"do": "nothing"}, "Say why"),
        ({"do": "set", "energy_kwh": "-3", "reason": "x"}, "nothing that one session draws"),
        ({"do": "dance"}, "nothing one can decide"),
        ({"do": "close", "reason": "x"}, "ended already"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(desk, doubtful, fields, why):
    assert why in decide(desk, doubtful, **fields)
    assert not Review.objects.exists()


def test_a_stuck_session_is_closed_with_a_reason(desk, cp1, start):
    session = start(cp1, metered_at=timezone.now() - timedelta(minutes=30), meter_start_wh=0, meter_last_wh=4000)
    assert "closed; look at its energy" in decide(desk, session, do="close", reason="The car has gone.")
    found = ChargingSession.objects.get()
    assert (found.stop_reason, found.energy_wh, found.needs_review) == ("ClosedByStaff", 4000, True)


def test_bob_sees_it_and_decides_nothing(onlooker, doubtful):
    assert 'name="do"' not in onlooker.get("/sessions/review/").content.decode()
    assert 'name="do"' not in onlooker.get(f"/sessions/{doubtful.pk}/").content.decode()
    assert onlooker.post(f"/sessions/{doubtful.pk}/decide/", {"do": "nothing"}).status_code == 403


def test_the_list_takes_as_many_queries_for_many_as_for_few(desk, cp1, start, django_assert_max_num_queries):
    now = timezone.now()
    for _ in range(40):
        start(cp1, stopped_at=now, needs_review=True, review_reasons=["x"])
    with django_assert_max_num_queries(14):
        desk.get("/sessions/review/")
