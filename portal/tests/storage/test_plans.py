"""A site is planned on PostgreSQL: its questions go past Django's cursor there, and its row is locked."""

from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError, connection

from smartcharging.tests.test_planning import Yard


def test_what_a_plan_reads_there_is_what_it_reads_elsewhere(on_postgres):
    yard = Yard(on_postgres)
    yard.settle_in()
    session = yard.come(1)
    assert yard.plan(later_s=1) == [("CP-1", "floor", 6), ("CP-1", "lease", 32)]
    yard.answer()
    yard.meter(session, 31.0, later_s=5)
    yard.come(2)
    assert yard.plan(later_s=10) == [("CP-1", "lease", 20), ("CP-2", "floor", 6), ("CP-2", "lease", 8)]
    yard.answer()
    assert yard.plan(later_s=10) == [("CP-2", "lease", 20)]
    assert yard.state.fullness <= 1


def test_of_two_planners_the_second_waits_for_the_first(on_postgres, postgres):
    yard = Yard(on_postgres)
    yard.settle_in()
    yard.come(1)
    with psycopg.connect(postgres) as first:
        first.execute("SELECT 1 FROM smartcharging_siteplan FOR UPDATE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '300ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            yard.plan(later_s=1)
        first.rollback()
    assert yard.plan(later_s=1) == [("CP-1", "floor", 6), ("CP-1", "lease", 32)]
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")
