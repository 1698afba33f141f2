from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sessions.models import SessionHour

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def hour(session, number, energy_wh, **fields):
    at = NOON + timedelta(hours=number)
    return SessionHour.objects.create(session=session, charger=session.charger, hour=at, energy_wh=energy_wh, **fields)


@pytest.fixture
def sessions(cp1, make_session):
    """Two on EVSE 1, one after the other, and one on EVSE 2."""
    made = [make_session(cp1) for _ in range(3)]
    made[2].evse_id = 2
    made[2].save()
    return made


def test_an_hour_is_the_sum_of_its_sessions_at_each_evse(api, sessions):
    first, second, other = sessions
    hour(first, 0, 4000.4, peak_power_w=11000, charging_s=1800, has_begun=True, has_ended=True)
    hour(second, 0, 1000, peak_power_w=9000, charging_s=600, has_begun=True)
    hour(other, 0, 7000)
    rows = api.get("/api/v1/chargers/cp-1/hours/").json()["results"]
    assert rows[0] == {
        "hour": "2026-11-20T12:00:00Z", "evse_id": 2, "energy_wh": 7000, "peak_power_w": None, "charging_s": 0,
        "sessions_begun": 0, "sessions_ended": 0,
    }  # fmt: skip
    assert rows[1] == {
        "hour": "2026-11-20T12:00:00Z", "evse_id": 1, "energy_wh": 5000, "peak_power_w": 11000, "charging_s": 2400,
        "sessions_begun": 2, "sessions_ended": 1,
    }  # fmt: skip


def test_pages_neither_repeat_nor_leave_out_an_hour(api, sessions):
    for number in range(5):
        hour(sessions[0], number, number)
        hour(sessions[2], number, 10 + number)
    for ordering in ("hour", "-hour"):
        url, seen = f"/api/v1/chargers/CP-1/hours/?page_size=3&ordering={ordering}", []
        while url:
            page = api.get(url).json()
            seen += [(row["hour"], row["evse_id"]) for row in page["results"]]
            url = page["next"]
        assert len(seen) == len(set(seen)) == 10
        assert seen == sorted(seen, reverse=ordering.startswith("-"))


def test_hours_can_be_cut_and_are_of_one_charger(api, sessions, cp2, make_session):
    for number in range(4):
        hour(sessions[0], number, number)
    hour(make_session(cp2), 1, 99)
    url = "/api/v1/chargers/CP-1/hours/?since=2026-11-20T13:00:00Z&until=2026-11-20T15:00:00Z"
    assert [row["energy_wh"] for row in api.get(url).json()["results"]] == [2, 1]
    assert api.get("/api/v1/chargers/nobody/hours/").status_code == 404
