from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from chargers.models import Site
from sessions.models import MeterValue

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def meter(session, minute, **fields):
    return MeterValue.objects.create(
        charger=session.charger,
        session=session,
        measured_at=NOON + timedelta(minutes=minute),
        received_at=NOON,
        key=uuid4(),
        digest=uuid4(),
        **fields,
    )


def test_a_session_tells_its_energy_in_whole_wh_and_its_times_in_utc(api, cp1, make_session):
    session = make_session(
        cp1, started_at=NOON, stopped_at=NOON + timedelta(hours=1), stop_reason="EVDisconnected",
        energy_wh=7400, meter_start_wh=1000, meter_stop_wh=8400, meter_last_wh=8400.4,
    )  # fmt: skip
    body = api.get(f"/api/v1/sessions/{session.pk}/").json()
    assert (body["charger"], body["is_open"], body["stop_reason"]) == ("CP-1", False, "EVDisconnected")
    assert (body["started_at"], body["stopped_at"]) == ("2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z")
    assert (body["energy_wh"], body["meter_last_wh"]) == (7400, 8400)
    assert isinstance(body["meter_last_wh"], int)


def test_energy_that_cannot_be_told_is_null(api, cp1, make_session):
    body = api.get(f"/api/v1/sessions/{make_session(cp1).pk}/").json()
    assert (body["energy_wh"], body["meter_last_wh"], body["is_open"]) == (None, None, True)


@pytest.mark.parametrize("number", ["999999", "9" * 25, "9" * 5000, "-1", "abc", "%00"])
def test_an_unknown_session_is_404(api, number):
    assert api.get(f"/api/v1/sessions/{number}/").status_code == 404
    assert api.get(f"/api/v1/sessions/{number}/meter-values/").status_code == 404


def test_a_session_asked_for_by_number_is_not_filtered_away(api, cp1, make_session):
    session = make_session(cp1)
    assert api.get(f"/api/v1/sessions/{session.pk}/?open=false&since=nonsense").status_code == 200


def test_sessions_are_filtered(api, cp1, cp2, make_session):
    site = Site.objects.create(name="Harbour")
    cp2.site = site
    cp2.save()
    past = make_session(cp1, started_at=NOON, stopped_at=NOON, transaction_id="7", needs_review=True).pk
    lost = make_session(cp1, started_at=NOON + timedelta(hours=1), is_superseded=True).pk
    going_on = make_session(cp2, started_at=NOON + timedelta(hours=2)).pk

    def found(**query: object) -> list[int]:
        return [row["id"] for row in api.get("/api/v1/sessions/", query).json()["results"]]

    assert found() == [going_on, lost, past]
    assert found(charger="cp-1") == [lost, past]
    assert found(charger="NOBODY") == []
    assert found(site=site.pk) == [going_on]
    assert found(open="true") == [going_on]
    assert found(open="false") == [lost, past]
    assert found(needs_review="true") == [past]
    assert found(transaction_id="7") == [past]
    assert found(token="04a2", since="2026-11-20T13:00:00Z") == [going_on, lost]
    assert found(until="2026-11-20T13:00:00 01:00") == [], "a plus that became a space is a plus"
    assert found(since="2026-11-20T14:00:00") == [going_on]
    assert found(ordering="started_at") == [past, lost, going_on]


def test_a_copy_is_kept_up_to_date(api, cp1, make_session):
    make_session(cp1, started_at=NOON - timedelta(days=30))
    metered = make_session(cp1, started_at=NOON - timedelta(days=30), metered_at=NOON)
    found = api.get("/api/v1/sessions/", {"updated_since": "2026-11-20T00:00:00Z"}).json()["results"]
    assert [row["id"] for row in found] == [metered.pk]


def test_meter_values_come_in_order_with_their_samples(api, cp1, make_session):
    session = make_session(cp1)
    sample = {"measurand": "Energy.Active.Import.Register", "unit": "Wh", "value": 1500.0, "raw": "1.5"}
    meter(session, 5, energy_wh=1500.0, power_w=7400.5, samples=[sample])
    meter(session, 1, energy_wh=1000.0)
    meter(make_session(cp1), 2, energy_wh=9.0)
    rows = api.get(f"/api/v1/sessions/{session.pk}/meter-values/").json()["results"]
    assert [(row["measured_at"], row["energy_wh"]) for row in rows] == [
        ("2026-11-20T12:01:00Z", 1000),
        ("2026-11-20T12:05:00Z", 1500),
    ]
    assert (rows[1]["power_w"], rows[1]["samples"]) == (7400.5, [sample])


def test_meter_values_can_be_cut(api, cp1, make_session):
    session = make_session(cp1)
    for minute in range(4):
        meter(session, minute, is_suspect=minute == 2)
    url = f"/api/v1/sessions/{session.pk}/meter-values/"
    assert len(api.get(url, {"since": "2026-11-20T12:01:00Z", "until": "2026-11-20T12:03:00Z"}).json()["results"]) == 2
    assert len(api.get(url, {"is_suspect": "false"}).json()["results"]) == 3


def test_the_log_pairs_requests_and_answers(api, cp1, cp2, make_exchange):
    at = timezone.now()
    make_exchange(cp2)
    make_exchange(cp1, requested_at=at - timedelta(minutes=1), action="BootNotification", outcome="error")
    make_exchange(
        cp1, requested_at=at, response='[3,"19",{}]', responded_at=at + timedelta(milliseconds=12), outcome="result"
    )
    rows = api.get("/api/v1/chargers/cp-1/messages/").json()["results"]
    assert [row["action"] for row in rows] == ["Heartbeat", "BootNotification"]
    assert (rows[0]["request"], rows[0]["response"]) == ('[2,"19","Heartbeat",{}]', '[3,"19",{}]')
    assert rows[0]["latency_ms"] == pytest.approx(12)
    assert rows[1]["latency_ms"] is None
    errors = api.get("/api/v1/chargers/CP-1/messages/?outcome=error").json()["results"]
    assert [row["action"] for row in errors] == ["BootNotification"]


@pytest.mark.parametrize("path", ["sessions/", "chargers/CP-0/messages/", "sessions/{}/meter-values/"])
def test_a_list_costs_the_same_however_long_it_is(
    api, make_charger, make_session, make_exchange, path, django_assert_max_num_queries
):
    first = make_session(make_charger("CP-0"))
    for number in range(1, 12):
        make_session(make_charger(f"CP-{number}"))
        make_exchange(first.charger)
        meter(first, number)
    with django_assert_max_num_queries(3):  # the key, the parent, the rows
        assert len(api.get(f"/api/v1/{path.format(first.pk)}").json()["results"]) >= 11


def test_a_system_decides_what_is_billed_and_says_why(api, cp1, make_session):
    session = make_session(cp1)
    ended = {"stopped_at": session.started_at, "energy_wh": None, "needs_review": True, "proposed_wh": 7250}
    type(session).objects.filter(pk=session.pk).update(**ended)
    at = f"/api/v1/sessions/{session.pk}"
    assert api.get(f"{at}/").json()["proposed_wh"] == 7250
    assert api.post(f"{at}/review/", {"energy_wh": 7250}).status_code == 400
    decided = api.post(f"{at}/review/", {"energy_wh": 7250, "reason": "By rule 12."}).json()
    assert (decided["energy_wh"], decided["needs_review"]) == (7250, False)
    assert "integration" in session.reviews.get().via
    assert api.post(f"{at}/close/", {"reason": "x"}).status_code == 409
