"""What a session costs: which tariff, how much, and when nothing is said."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chargers.models import Charger, Site
from sessions import costs, tariffs
from sessions.models import ChargingSession, Tariff

NOW = timezone.now()


def priced(per_kwh="0.45", per_minute="0", start_fee="0", currency="EUR") -> Tariff:
    return Tariff(
        pk=1, currency=currency, per_kwh=Decimal(per_kwh), per_minute=Decimal(per_minute), start_fee=Decimal(start_fee)
    )


def session(
    tariff: Tariff | None, energy_wh: int | None = 7250, minutes: int = 90, **fields: object
) -> ChargingSession:
    ends = {"stopped_at": NOW, "token_verdict": "accepted", **fields}
    return ChargingSession(tariff=tariff, energy_wh=energy_wh, started_at=NOW - timedelta(minutes=minutes), **ends)


@pytest.mark.parametrize(
    ("tariff", "amount"),
    [
        (priced(), "3.26"),  # 3.2625
        (priced("0.5", "0.02"), "5.43"),  # 3.625 + 1.80 = 5.425, rounded once and up
        (priced("0", "0", "1.99"), "1.99"),
        (priced("45", currency="JPY"), "326"),
        (priced("0.1234", currency="KWD"), "0.895"),
        (priced("0"), "0.00"),
    ],
)
def test_energy_minutes_and_start_are_added_and_rounded_once_to_the_currency(tariff, amount):
    found = costs.of(session(tariff), at=NOW)
    assert found is not None
    assert (str(found.amount), found.currency) == (amount, tariff.currency)


def test_who_got_nothing_pays_nothing():
    found = costs.of(session(priced("0.45", "0.1", "2"), energy_wh=0), at=NOW)
    assert found is not None and found.amount == 0


def test_a_running_session_costs_what_it_has_cost_so_far():
    running = session(priced("0.4", "0.1"), energy_wh=1000, minutes=10, stopped_at=None)
    assert [costs.of(running, at=NOW + timedelta(minutes=m)).amount for m in (0, 10)] == [  # type: ignore[union-attr]
        Decimal("1.40"),
        Decimal("2.40"),
    ]


@pytest.mark.parametrize(
    ("doubtful", "why"),
    [
        (session(None), costs.NO_TARIFF),
        (session(priced(), needs_review=True), costs.DOUBT),
        (session(priced(), energy_wh=None), costs.NO_ENERGY),
        (session(priced(), token_verdict="blocked"), costs.NO_CARD),
        (session(priced(), stopped_at=None, is_superseded=True), costs.NO_END),
    ],
)
def test_nothing_is_said_where_it_is_in_doubt(doubtful, why):
    assert costs.of(doubtful, at=NOW) is None
    assert costs.why_none(doubtful) == why


@given(
    wh=st.integers(0, 500_000),
    more_wh=st.integers(0, 500_000),
    per_kwh=st.decimals(0, 100, places=5),
    per_minute=st.decimals(0, 10, places=5),
)
def test_more_energy_never_costs_less_and_the_sum_is_right_to_half_a_cent(wh, more_wh, per_kwh, per_minute):
    tariff = priced(str(per_kwh), str(per_minute))
    less, more = (costs.of(session(tariff, energy_wh=each), at=NOW) for each in (wh, wh + more_wh))
    assert less is not None and more is not None
    assert more.amount >= less.amount
    assert abs(more.amount - (more.energy + more.time + more.start_fee)) <= Decimal("0.005")


@pytest.fixture
def site(db):
    return Site.objects.create(name="Yard")


def put(site, per_kwh, *, days_ago=0):
    return tariffs.set_tariff(
        site, currency="EUR", per_kwh=Decimal(per_kwh), at=NOW - timedelta(days=days_ago), by=None, via="test"
    )


def test_a_site_has_its_own_tariff_or_the_one_for_all(site):
    assert tariffs.in_force(site, at=NOW) is None
    for_all = put(None, "0.60", days_ago=3)
    own = put(site, "0.40", days_ago=2)
    assert tariffs.in_force(site, at=NOW) == own
    assert tariffs.in_force(site, at=NOW - timedelta(days=2, hours=1)) == for_all
    assert tariffs.in_force(None, at=NOW) == for_all
    tariffs.withdraw(site, at=NOW - timedelta(days=1), by=None)
    assert tariffs.in_force(site, at=NOW) == for_all
    tariffs.withdraw(None, at=NOW - timedelta(hours=1), by=None)
    assert tariffs.in_force(site, at=NOW) is None


def test_a_session_keeps_the_tariff_of_its_beginning_whatever_comes(site, django_assert_num_queries):
    charger = Charger.objects.create(identity="CP-1", site=site)
    first, second = put(site, "0.40", days_ago=2), put(site, "0.50", days_ago=1)
    before, old, new = (
        ChargingSession(charger=charger, started_at=NOW - timedelta(days=days)) for days in (3, 1.5, 0.5)
    )
    with django_assert_num_queries(1):
        tariffs.pin([before, old, new, new])
    assert [each.tariff_id for each in (before, old, new)] == [None, first.pk, second.pk]


def test_a_tariff_outlives_its_site_and_is_never_taken_for_the_one_of_all(site):
    own = put(site, "0.40")
    site.delete()
    own.refresh_from_db()
    assert own.site is None
    assert tariffs.in_force(None, at=NOW) is None


@pytest.mark.parametrize("bad", [{"currency": "Euro"}, {"per_kwh": Decimal("NaN")}, {"start_fee": Decimal(99_999)}])
def test_what_is_no_tariff_is_refused_with_its_value(site, bad):
    with pytest.raises(tariffs.BadTariff, match=str(next(iter(bad.values())))):
        tariffs.set_tariff(site, **{"currency": "EUR", "per_kwh": Decimal(1), **bad}, at=NOW, by=None)
    assert not Tariff.objects.exists()
