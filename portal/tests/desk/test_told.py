"""What a charger told, on its page: texts, reservations, customers, notices; limits of others and needs of cars."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from chargers.models import CustomerRecord, DisplayMessage, Notice
from portal.templatetags.wording import NOTICES
from portal.tests.desk.conftest import part
from sessions.models import Reservation
from smartcharging.models import ChargingNeeds, ExternalLimit

NOW = timezone.now()


@pytest.fixture
def told(cp1):
    DisplayMessage.objects.create(
        charger=cp1, message_id=3, priority="cycle", format="UTF8", content="<b>Welcome</b>", reported_at=NOW
    )
    for number, hours in ((1, -1), (2, 1)):
        until = NOW + timedelta(hours=hours)
        Reservation.objects.create(charger=cp1, reservation_id=number, evse_id=1, token_value="04A2", expires_at=until)
    for seq_no, data in ((1, "Müller"), (0, "Dora ")):
        CustomerRecord.objects.create(charger=cp1, request_id=7, seq_no=seq_no, data=data, received_at=NOW)
    for kind in ("settlement", "der_alarm"):
        Notice.objects.create(charger=cp1, kind=kind, key=f"about {kind}", payload={"n": 1}, received_at=NOW)
    return cp1


def test_the_tab_shows_what_it_told_in_its_own_words_escaped(desk, told):
    shown = part(desk, "/chargers/CP-1/told/", "told")
    assert "&lt;b&gt;Welcome&lt;/b&gt;" in shown
    assert shown.index("kept</td>") < shown.index("over</td>"), "the one that holds first"
    assert "Dora Müller" in shown, "the parts in their order, whichever came first"
    assert "about settlement" in shown and "about der_alarm" in shown


def test_notices_are_filtered_by_kind(desk, told):
    shown = part(desk, "/chargers/CP-1/told/?kind=der_alarm", "told")
    assert "about der_alarm" in shown and "about settlement" not in shown


def test_what_it_knows_of_people_is_for_staff(onlooker, told):
    shown = part(onlooker, "/chargers/CP-1/told/", "told")
    assert "Welcome" in shown and "Dora" not in shown and "customers" not in shown


def test_a_charger_that_told_nothing_says_so(desk, cp1):
    shown = part(desk, "/chargers/CP-1/told/", "told")
    assert "Nothing is or was kept free" in shown and "appear here" in shown


def test_a_charger_with_much_to_tell_costs_no_more_queries(desk, told, django_assert_max_num_queries):
    Notice.objects.bulk_create(
        [Notice(charger=told, kind="stream_values", payload={}, received_at=NOW) for _ in range(200)]
    )
    with django_assert_max_num_queries(14):
        part(desk, "/chargers/CP-1/told/", "told")


def test_limits_of_others_and_needs_of_cars_stand_beside_the_profiles(desk, cp1):
    schedule = {"unit": "A", "periods": [{"start_s": 0, "limit": 10.0}]}
    ExternalLimit.objects.create(
        charger=cp1, evse_id=0, source="SO", is_grid_critical=True, schedules=[schedule], told_at=NOW
    )
    ChargingNeeds.objects.create(charger=cp1, evse_id=1, energy_transfer="DC", energy_wh=42_000, told_at=NOW)
    shown = part(desk, "/chargers/CP-1/profiles/", "profiles")
    assert "the grid needs it" in shown and "10 A" in shown
    assert "42" in shown and "connector 1" in shown


def test_each_kind_of_notice_that_the_gateway_keeps_has_words():
    sources = [path.read_text() for path in Path(settings.BASE_DIR, "gateway").rglob("*.py")]
    kept = {kind for text in sources for kind in re.findall(r'notices\.add(?:_once)?\(\s*call\.charger, "(\w+)"', text)}
    kept |= {kind for text in sources for kind in re.findall(r'_keep\(call, "(\w+)"', text)}
    assert kept == NOTICES.keys()
