"""Why a session may draw what it may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import Site
from sessions.models import ChargingSession
from smartcharging import profiles, surroundings, why
from smartcharging.models import LimitNode, Outlet, SitePlan
from smartcharging.schedules import Profile

NOW = timezone.now()


@pytest.fixture
def session(cp1):
    return ChargingSession.objects.create(
        charger=cp1, evse_id=1, transaction_id="7", started_at=NOW - timedelta(hours=1), started_received_at=NOW
    )


def install(charger, number, limit_a, **fields):
    schedule = {"unit": "A", "periods": [{"start_s": 0, "limit": limit_a}]}
    values = {"stack_level": 0, "purpose": "tx_default", "kind": "relative", **fields}
    profiles.install(charger, Profile(number, schedules=[schedule], **values), evse_id=1, at=NOW)


def explained(session):
    found = why.of_session(session, at=NOW)
    assert found is not None
    return found


def test_without_profiles_the_cable_is_the_limit(session):
    found = explained(session)
    assert (found.limit_a, found.because) == (
        None,
        ("No profile limits it; it may draw what its cable lets through.",),
    )


def test_the_profile_that_binds_is_named(session, cp1):
    install(cp1, 3, 16)
    install(cp1, 4, 10, purpose="tx", transaction_id="7")
    found = explained(session)
    assert (found.limit_a, found.because[0].startswith("Profile 4: the session has a profile of its own")) == (10, True)


def test_a_limit_that_somebody_else_set_is_named(session, cp1):
    schedule = {"unit": "A", "periods": [{"start_s": 0, "limit": 8}], "start_at": NOW.isoformat()}
    surroundings.limited(cp1, evse_id=0, source="SO", is_grid_critical=True, schedules=[schedule], at=NOW)
    found = explained(session)
    assert (found.limit_a, "grid operator" in found.because[0]) == (8, True)


def test_the_site_and_what_binds_there_are_named(session, cp1):
    site = Site.objects.create(name="Yard")
    SitePlan.objects.create(site=site, is_on=True)
    node = LimitNode.objects.create(site=site, name="connection", l1_a=40)
    outlet = Outlet.objects.create(node=node, charger=cp1, evse_id=1, target_a=13, bound_by="connection, L1")
    told = explained(session).because
    assert told == ("The site gives it 13 A per phase; connection, L1 has no more to share.",)
    Outlet.objects.filter(pk=outlet.pk).update(is_queued=True)
    assert explained(session).because == ("It waits: connection, L1 has no 6 A left for it.",)


def test_a_session_that_is_over_has_no_limit_to_explain(session):
    session.stopped_at = NOW
    assert why.of_session(session, at=NOW) is None
