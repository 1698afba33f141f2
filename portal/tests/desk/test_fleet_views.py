"""The digest, the fleet's log, reservations, local lists, the map and the wallboard."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from chargers.models import Charger, Command, Exchange, Job, Site
from portal.environment import tile_source
from portal.issues.models import Issue, Severity
from portal.models import Visit
from portal.tests.desk.conftest import part
from sessions.models import IdToken, Reservation


def test_who_comes_back_after_a_night_is_told_since_when_they_left(desk, alice, cp1):
    now = timezone.now()
    with time_machine.travel(now - timedelta(hours=9), tick=False):
        desk.get("/")
        assert "In the last 24 h" in part(desk, "/", "digest")
    with time_machine.travel(now - timedelta(hours=8, minutes=30), tick=False):
        desk.get("/chargers/")
    left_at = Visit.objects.get(person=alice).seen_at
    Charger.objects.filter(pk=cp1.pk).update(created_at=now - timedelta(days=9), connected_at=now - timedelta(hours=1))
    desk.get("/")
    desk.get("/sessions/")
    assert Visit.objects.get(person=alice).left_at == left_at
    digest = part(desk, "/", "digest")
    assert "Since you left" in digest
    assert "<b>1</b> back" in digest


def test_the_digest_counts_what_happened_since_and_who_ordered_it(desk, alice, cp1, cp2, start):
    now = timezone.now()
    Charger.objects.filter(pk=cp2.pk).update(is_online=False, disconnected_at=now - timedelta(minutes=9))
    told = {"rule": "faulted", "severity": Severity.MAJOR, "charger": cp1, "title": "Fault", "seen_at": now}
    Issue.objects.create(key="a", opened_at=now - timedelta(minutes=30), **told)
    Issue.objects.create(key="b", opened_at=now - timedelta(days=3), closed_at=now - timedelta(minutes=5), **told)
    failed_at = now - timedelta(minutes=20)
    start(cp1, started_at=failed_at, stopped_at=failed_at + timedelta(seconds=30), stopped_received_at=now, energy_wh=0)
    start(cp1, evse_id=2, started_at=failed_at, token_verdict="blocked")
    for status in ("accepted", "rejected"):
        Command.objects.create(charger=cp1, verb="reset", status=status, requested_by=alice, expires_at=now)
    digest = " ".join(part(desk, "/?since=1h", "digest").split())
    assert "<b>1</b> new issue</a>, 1 still open" in digest
    assert "<b>1</b> closed" in digest
    assert "<b>1</b> charger gone" in digest
    assert "<b>2</b> sessions begun</a>, 1 ended" in digest
    assert "<b>1</b> start that failed, 1 refused" in digest
    assert "<b>2</b> orders: alice 2 (1 failed)" in digest


def exchange(charger, action, **fields):
    at = fields.pop("at", timezone.now())
    values = {"epoch": 1, "origin": "charger", "outcome": "result", "request": "[]", **fields}
    return Exchange.objects.create(charger=charger, action=action, requested_at=at, **values)


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("", {"BootNotification", "Reset"}, {"Heartbeat"}),
        ("heartbeats=yes", {"BootNotification", "Heartbeat", "Reset"}, set()),
        ("action=Heartbeat", {"Heartbeat"}, {"Reset"}),
        ("who=cp-2", {"Reset"}, {"BootNotification"}),
        ("outcome=trouble", {"Reset"}, {"BootNotification"}),
        ("from=csms", {"Reset"}, {"BootNotification"}),
        ("q=acme", {"BootNotification"}, {"Reset"}),
        ("site=999", set(), {"BootNotification", "Reset"}),
    ],
)
def test_the_log_of_all_chargers_is_narrowed_by_the_url(desk, cp1, cp2, query, shown, hidden):
    exchange(cp1, "BootNotification", request='[2,"1","BootNotification",{"chargePointVendor":"acme"}]')
    exchange(cp1, "Heartbeat")
    exchange(cp2, "Reset", origin="csms", outcome="error", error_code="InternalError")
    rows = part(desk, f"/log/?{query}", "rows")
    assert all(f">{action}</td>" in rows for action in shown)
    assert not any(f">{action}</td>" in rows for action in hidden)


def test_a_reservation_shows_until_it_is_over_and_can_be_taken_back_once(desk, onlooker, cp1):
    now = timezone.now()
    running = Reservation.objects.create(
        charger=cp1, evse_id=1, reservation_id=7, token_value="04A2", expires_at=now + timedelta(hours=1)
    )
    Reservation.objects.create(charger=cp1, reservation_id=8, token_value="04B3", expires_at=now - timedelta(hours=1))
    rows = part(desk, "/reservations/", "rows")
    assert "04A2" in rows
    assert "04B3" not in rows
    assert "expired" in part(desk, "/reservations/?state=over", "rows")
    assert onlooker.post(f"/reservations/{running.pk}/cancel/").status_code == 403
    for _ in range(2):
        desk.post(f"/reservations/{running.pk}/cancel/")
    assert Command.objects.get().arguments == {"reservation_id": 7}


def test_a_local_list_is_behind_once_a_token_changes_and_can_be_sent_to_all_behind(desk, make_charger):
    token = IdToken.objects.create(value="04A2")
    none = make_charger("CP-NONE")
    current, behind, foreign = (make_charger(f"CP-{name}", local_list_version=3) for name in ("NOW", "OLD", "ELSE"))
    now = timezone.now()
    for charger, version, at in ((current, 3, now), (behind, 3, now - timedelta(days=1)), (foreign, 2, now)):
        sent = Command.objects.create(
            charger=charger, verb="send_local_list", status="accepted", arguments={"version": version}, expires_at=now
        )
        Command.objects.filter(pk=sent.pk).update(created_at=at)
    IdToken.objects.filter(pk=token.pk).update(changed_at=now - timedelta(hours=1))
    for state, charger in (("none", none), ("current", current), ("behind", behind), ("foreign", foreign)):
        rows = part(desk, f"/tokens/local-lists/?list={state}", "rows")
        assert [each.identity for each in (none, current, behind, foreign) if f">{each.identity}</a>" in rows] == [
            charger.identity
        ]
    desk.post("/tokens/local-lists/send/")
    order = Job.objects.get().commands.get()
    assert (order.charger, order.arguments["version"]) == (behind, 4)
    assert [entry["value"] for entry in order.arguments["tokens"]] == ["04A2"]


def test_a_local_list_is_behind_once_a_token_is_deleted(desk, make_charger):
    IdToken.objects.create(value="04A2")
    stolen = IdToken.objects.create(value="04A3")
    charger = make_charger("CP-1", local_list_version=1)
    arguments = {"version": 1, "mode": "full", "tokens": [{"value": "04A2"}, {"value": "04A3"}]}
    told = {"status": "accepted", "arguments": arguments, "expires_at": timezone.now()}
    Command.objects.create(charger=charger, verb="send_local_list", **told)
    assert ">CP-1</a>" in part(desk, "/tokens/local-lists/?list=current", "rows")
    stolen.delete()
    assert ">CP-1</a>" in part(desk, "/tokens/local-lists/?list=behind", "rows")


def test_the_map_has_sites_with_a_place_and_names_those_without(desk, make_charger, plug):
    placed = Site.objects.create(name="Rathaus", latitude=52.5, longitude=13.4)
    Site.objects.create(name="Nowhere yet")
    plug(make_charger("CP-1", site=placed), status="charging")
    told = desk.get("/map/places.json").json()
    assert told["sites"] == [
        {"name": "Rathaus", "at": [52.5, 13.4], "counts": {"charging": 1}, "url": f"/sites/{placed.pk}/"}
    ]
    assert "Nowhere yet" in desk.get("/map/").content.decode()


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("", []),
        ("https://tile.example/{z}/{x}/{y}.png", ["https://tile.example"]),
        ("https://{s}.tile.example/{z}/{x}/{y}.png?key=1", ["https://*.tile.example"]),
    ],
)
def test_tiles_come_from_the_host_that_the_setting_names_and_no_other(url, source):
    assert tile_source(url) == source


@pytest.mark.parametrize("url", ["tile.example", "https://tile.example/", "https://a; script-src */{z}/{x}/{y}"])
def test_a_tile_service_that_is_none_stops_the_start(url):
    with pytest.raises(SystemExit, match="MAP_TILES_URL"):
        tile_source(url)


def test_the_wallboard_says_in_one_line_whether_somebody_is_needed(desk, cp1):
    assert "All is well" in part(desk, "/wallboard/", "board")
    Issue.objects.create(
        rule="faulted", key="a", severity=Severity.MAJOR, charger=cp1, title="Ground failure on connector 1",
        opened_at=timezone.now(), seen_at=timezone.now(),
    )  # fmt: skip
    board = " ".join(part(desk, "/wallboard/", "board").split())
    assert "1 of 1 chargers needs you." in board
    assert "Ground failure on connector 1" in board


def test_sites_come_in_pages_and_the_loudest_lead_the_overview(desk, make_charger, plug):
    sites = Site.objects.bulk_create([Site(name=f"Site {number:03}") for number in range(60)])
    for number in (7, 41, 42):
        plug(make_charger(f"CP-{number}", site=sites[number]), status="faulted" if number == 41 else "available")
    make_charger("CP-99")
    first = part(desk, "/sites/", "rows")
    assert "Site 049" in first
    assert "Site 050" not in first
    assert "Without a site" in part(desk, "/sites/?page=2", "rows")
    overview = part(desk, "/", "sites")
    assert overview.index("Site 041") < overview.index("Site 007")
    assert "Site 055" not in overview


def test_sessions_in_another_order_than_time_are_the_latest_ones(desk, cp1, start):
    old = start(cp1, started_at=timezone.now() - timedelta(days=40), energy_wh=90_000)
    assert f'href="/sessions/{old.pk}/"' in part(desk, "/sessions/", "rows")
    by_energy = part(desk, "/sessions/?sort=-energy", "rows")
    assert "the last 31 days" in by_energy
    assert f'href="/sessions/{old.pk}/"' not in by_energy
    assert f'href="/sessions/{old.pk}/"' in part(desk, "/sessions/?sort=-energy&q=cp-1", "rows")
