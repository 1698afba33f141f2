from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sessions.finding import NAMED, find_named
from sessions.models import ChargingSession


@pytest.fixture
def told(make_charger):
    """Sessions of two chargers: each has one called "7", CP-1 one without a name as well."""
    now = timezone.now()
    first, second = make_charger("CP-1"), make_charger("CP-2")
    return [
        ChargingSession.objects.create(charger=charger, transaction_id=name, started_at=now, started_received_at=now)
        for charger, name in ((first, "7"), (second, "7"), (first, ""))
    ]


def test_a_session_is_found_by_charger_and_name(told):
    mine, other, _ = told
    assert find_named([(mine.charger_id, "7"), (mine.charger_id, "8")]) == [mine]
    assert find_named([(other.charger_id, "7"), (mine.charger_id, "7")]) == [mine, other]


def test_no_name_means_a_session_without_one(told):
    mine, _, nameless = told
    assert find_named([(mine.charger_id, "")]) == [nameless]


def test_a_name_means_the_sessions_of_all_chargers(told):
    mine, other, _ = told
    assert NAMED([("7",)]) == [mine, other]
    assert NAMED([("",)]) == []


@pytest.mark.parametrize("look", [lambda: find_named([(1, "7")]), lambda: NAMED([("7",)])])
def test_what_a_charger_had_in_years_is_not_read_for_one_session(db, look):
    """The index by transaction id is used, and not the one by charger: what it costs does not grow with the history."""
    with CaptureQueriesContext(connection) as queries:
        look()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {queries.captured_queries[0]['sql']}")
        plan = " ".join(row[-1] for row in cursor.fetchall())
    assert "INDEX session_transaction_is_unique (transaction_id=?" in plan
