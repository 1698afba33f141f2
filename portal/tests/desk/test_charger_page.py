from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from chargers import credentials
from chargers.models import Boot, Connection, Exchange, StatusChange
from portal.tests.desk.conftest import part
from portal.views.charger import plugs


def test_a_running_session_is_shown_on_its_connector(desk, cp1, plug, start):
    plug(cp1, status="charging", power_w=7400, power_at=timezone.now())
    session = start(cp1, energy_wh=12_660)
    now = part(desk, "/chargers/CP-1/", "now")
    assert "7.4" in now
    assert "12.66" in now
    assert f'href="/sessions/{session.pk}/"' in now


def test_a_fault_is_said_in_words_first(desk, cp1, plug):
    plug(cp1, status="faulted", error_code="GroundFailure", info="31 mA")
    assert "current flows to earth, on connector 1 (GroundFailure). Do not restart it." in part(
        desk, "/chargers/CP-1/", "head"
    )
    assert "31 mA" in part(desk, "/chargers/CP-1/", "now")


def test_one_that_never_came_is_told_where_to_dial(desk, make_charger):
    make_charger("CP-1", "", is_online=False, connected_at=None)
    page = desk.get("/chargers/CP-1/").content.decode()
    assert "Not seen yet" in page
    assert "ws://testserver/ocpp/CP-1" in page


def test_a_state_whose_history_is_forgotten_still_colours_the_day(cp1, plug):
    since = timezone.now() - timedelta(days=500)
    type(cp1).objects.update(created_at=since)
    cp1.refresh_from_db()
    plug(cp1, status="available", status_at=since)
    Connection.objects.create(charger=cp1, epoch=1, gateway="gate-1", connected_at=since)
    (row,) = plugs(cp1)
    assert [band.state for band in row["bands"]] == ["available"]


def test_the_ribbon_shows_the_day_of_each_connector(desk, cp1, plug):
    plug(cp1)
    now = timezone.now()
    type(cp1).objects.update(created_at=now - timedelta(days=9))
    Connection.objects.create(
        charger=cp1, epoch=1, gateway="g", subprotocol="ocpp1.6", connected_at=now - timedelta(days=2)
    )
    StatusChange.objects.create(charger=cp1, evse_id=1, status="available", received_at=now - timedelta(days=3))
    StatusChange.objects.create(charger=cp1, evse_id=1, status="faulted", received_at=now - timedelta(hours=5.99))
    html = part(desk, "/chargers/CP-1/", "now")
    assert '<rect class="is-available" x="0" width="360"' in html
    assert '<rect class="is-faulted" x="360" width="120"' in html


def test_the_log_pairs_a_request_with_its_answer(desk, cp1):
    at = timezone.now()
    exchange = Exchange.objects.create(
        charger=cp1, epoch=1, origin="charger", message_id="m-1", action="Authorize", requested_at=at,
        request='[2,"m-1","Authorize",{"idTag":"04A2"}]', response='[3,"m-1",{"idTagInfo":{"status":"Accepted"}}]',
        responded_at=at + timedelta(milliseconds=41), outcome="result",
    )  # fmt: skip
    line = part(desk, "/chargers/CP-1/log/", "rows")
    assert "{&quot;idTag&quot;: &quot;04A2&quot;}" in line
    assert "Accepted" in line
    assert '41\xa0<span class="unit">ms</span>' in line
    link = desk.get(f"/chargers/CP-1/log/{exchange.pk}/").content.decode()
    assert "&quot;idTagInfo&quot;" in link


def test_the_log_is_filtered_by_the_url(desk, cp1):
    for number, (origin, action, outcome) in enumerate(
        [("charger", "Heartbeat", "result"), ("csms", "Reset", "open"), ("charger", "Boom", "error")]
    ):
        Exchange.objects.create(
            charger=cp1, epoch=1, origin=origin, message_id=f"m-{number}", action=action, outcome=outcome,
            request=f'[2,"m-{number}","{action}",{{}}]', requested_at=timezone.now(),
        )  # fmt: skip
    for query, found in (
        ("outcome=trouble", ["Boom"]), ("outcome=open", ["Reset"]), ("from=csms", ["Reset"]),
        ("action=Heartbeat", ["Heartbeat"]), ("q=m-2", ["Boom"]), ("from=nobody", ["Heartbeat", "Reset", "Boom"]),
    ):  # fmt: skip
        html = part(desk, f"/chargers/CP-1/log/?{query}", "rows")
        assert [name for name in ("Heartbeat", "Reset", "Boom") if f"{name}</td>" in html] == found, query


def test_an_exchange_of_another_charger_is_not_shown(desk, cp1, cp2):
    other = Exchange.objects.create(charger=cp2, epoch=1, origin="charger", requested_at=timezone.now())
    assert desk.get(f"/chargers/CP-1/log/{other.pk}/").status_code == 404


def test_frames_of_a_charger_are_text_and_never_markup(desk, cp1):
    frame = "<script>alert(1)</script>"
    Exchange.objects.create(
        charger=cp1, epoch=1, origin="charger", request=frame, requested_at=timezone.now(), outcome="unreadable"
    )
    html = desk.get("/chargers/CP-1/log/").content.decode()
    assert frame not in html
    assert "&lt;script&gt;" in html


def test_a_new_password_is_asked_for_twice_and_shown_once(desk, cp1):
    old = credentials.issue_password(cp1)
    assert "stays out until the new one is set" in desk.get("/chargers/CP-1/security/?reset=ask").content.decode()
    page = desk.post("/chargers/CP-1/security/password/", follow=True).content.decode()
    assert "the password is shown this once" in page
    cp1.refresh_from_db()
    assert not credentials.matches(cp1.password_hash, old.encode())
    assert "the password is shown this once" not in desk.get("/chargers/CP-1/security/").content.decode()


def test_a_password_cannot_be_replaced_by_following_a_link(desk, cp1):
    assert desk.get("/chargers/CP-1/security/password/").status_code == 405


def test_boots_tell_since_when_a_version_runs(desk, cp1):
    for days, version in ((9, "1.0"), (5, "1.1"), (1, "1.1")):
        Boot.objects.create(
            charger=cp1, epoch=1, firmware_version=version, verdict="Accepted", interval_s=300,
            received_at=timezone.now() - timedelta(days=days),
        )  # fmt: skip
    from portal.views.charger import versions

    assert [(version, (timezone.now() - at).days) for version, at in versions(cp1)] == [("1.1", 5), ("1.0", 9)]


def test_security_events_say_who_told_them(desk, cp1):
    cp1.security_events.create(kind="InvalidPassword", is_ours=True, received_at=timezone.now(), key=uuid4())
    assert "InvalidPassword" in part(desk, "/chargers/CP-1/security/", "events")


def test_before_it_was_registered_a_charger_was_not_offline(desk, cp1, plug):
    plug(cp1)
    html = part(desk, "/chargers/CP-1/", "now")
    assert '<rect class="is-unknown" x="0" width="479"' in html


def test_what_an_offline_charger_told_last_is_said_to_be_old(desk, make_charger, plug, start):
    charger = make_charger("CP-1", is_online=False)
    plug(charger, status="charging", power_w=7400, power_at=timezone.now())
    session = start(charger)
    assert "last told" in part(desk, "/chargers/CP-1/", "now")
    assert "When last heard, charging since" in part(desk, f"/sessions/{session.pk}/", "session-head")


@pytest.mark.parametrize(("offset_s", "is_warned"), [(45, False), (-3600, True)])
def test_a_clock_that_is_more_than_a_minute_off_stands_out(desk, cp1, offset_s, is_warned):
    type(cp1).objects.filter(pk=cp1.pk).update(clock_offset_s=offset_s)
    clock = desk.get("/chargers/CP-1/").content.decode().partition("Its clock</dt>")[2].partition("</dd>")[0]
    assert ("chip-warn" in clock) is is_warned
