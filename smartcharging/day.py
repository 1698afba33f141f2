"""A site's power over the day: what plans saw, kept by five minutes, and what that comes to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Sum

from chargers.models import Site
from sessions.models import ChargingSession, SessionHour
from smartcharging.allocation import Floats
from smartcharging.bookkeeping import Books
from smartcharging.models import EnergyPrice, SiteSample

STEP = timedelta(minutes=5)
LONGEST = timedelta(seconds=30)  # a plan speaks for the time since the last one, but not for a night without planner
METER_IS_OLD = timedelta(minutes=10)
HOUR = timedelta(hours=1)


def record(
    books: Books,
    *,
    given_a: Floats,
    wanted_a: Floats,
    worst_a: Floats | None = None,
    pauses: int = 0,
    since: datetime | None = None,
) -> SiteSample:
    """Add what a plan saw to its five minutes; the plan's row is locked, so nobody else does."""
    bucket = books.at.replace(minute=books.at.minute // 5 * 5, second=0, microsecond=0)
    span = min(books.at - since, LONGEST) if since is not None else timedelta(0)
    hours = max(0.0, span / HOUR)
    limit, building, cars, worst = currents(books, worst_a)
    row = SiteSample.objects.filter(site=books.plan.site_id, at=bucket).first()
    if row is None:
        row = SiteSample(
            site_id=books.plan.site_id, at=bucket, limit_a=limit, building_a=building, cars_a=cars, worst_a=worst
        )
    row.limit_a = _each(min, row.limit_a, limit)
    row.building_a = _each(max, row.building_a, building)
    row.cars_a = _each(max, row.cars_a, cars)
    row.worst_a = _each(max, row.worst_a, worst)
    row.cars_w = max(row.cars_w, sum(cars) * books.plan.volts)
    row.queued = max(row.queued, sum(outlet.is_queued for outlet in books.outlets))
    row.pauses += pauses
    row.wanted_ah += float(wanted_a.sum()) * hours
    row.given_ah += float(given_a.sum()) * hours
    if any(b + c > most + 1e-6 for b, c, most in zip(building, cars, limit, strict=True)):
        row.overload_s += span.total_seconds()
    row.save()
    return row


def _each(choose: Callable[[float, float], float], one: Sequence[float], other: Sequence[float]) -> list[float]:
    return [choose(a, b) for a, b in zip(one, other, strict=True)]


def currents(books: Books, worst: Floats | None = None) -> tuple[list[float], list[float], list[float], list[float]]:
    """Limit, building, cars as measured, cars at worst: amperes on L1, L2, L3 of the grid connection.

    ``worst``: of each EVSE, if it is known already.
    """
    site, root = books.site, books.site.root
    signals = [signal.limit_w for signal in site.signals if signal.is_on(books.at, books.at)]
    watts = [limit_w for limit_w in (root.limit_w, *signals) if limit_w is not None]
    phases = sum(limit > 0 for limit in root.limits_a) or 1
    most = min(watts, default=np.inf) / site.volts / phases
    limit = [min(amperes - root.buffer_a, most) if amperes else 0.0 for amperes in root.limits_a]
    on = site.on.astype(float)
    drawn = np.zeros(len(books.outlets))
    for index, session in books.busy:
        drawn[index] = _drawn_a(books, index, session)
    worst = books.ledger.worst_a(books.at.timestamp()) if worst is None else worst
    rounded = [[round(float(value), 2) for value in row] for row in (on @ drawn, on @ worst)]
    return limit, list(site.load_a(books.at)), rounded[0], rounded[1]


def _drawn_a(books: Books, index: int, session: ChargingSession) -> float:
    """By its meter; where that is old, what it was given."""
    drawn_a, at = getattr(session, "drawn_a", None), getattr(session, "drawn_at", None)
    if drawn_a is None or at is None or books.at - at > METER_IS_OLD:
        return float(min(books.outlets[index].target_a, books.ledger.outlets[index].worst_a(books.at.timestamp())))
    return float(drawn_a)


@dataclass(slots=True)
class Day:
    """A day at a site, in its own time. ``cost``: None without prices.

    ``met_percent``: of what cars wanted, the part that they got, as in `smartcharging.replay`; None where none wanted
    anything.
    """

    since: datetime
    until: datetime
    samples: list[SiteSample] = field(default_factory=list)
    energy_wh: float = 0.0
    cost: float | None = None
    co2_g: float | None = None

    @property
    def met_percent(self) -> float | None:
        wanted = sum(row.wanted_ah for row in self.samples)
        return 100 * sum(row.given_ah for row in self.samples) / wanted if wanted else None

    @property
    def peak_w(self) -> float | None:
        return max((row.cars_w for row in self.samples), default=None)

    @property
    def pauses(self) -> int:
        return sum(row.pauses for row in self.samples)

    @property
    def overload_s(self) -> float:
        return sum(row.overload_s for row in self.samples)


def of(site: Site, on: date) -> Day:
    """One day of a site's own calendar, of 23, 24 or 25 hours."""
    zone = ZoneInfo(site.timezone)
    since = datetime.combine(on, time(0), zone).astimezone(UTC)
    until = datetime.combine(on + timedelta(days=1), time(0), zone).astimezone(UTC)
    day = Day(since, until, list(SiteSample.objects.filter(site=site, at__gte=since, at__lt=until)))
    hours = (
        SessionHour.objects.filter(charger__site=site, hour__gt=since - HOUR, hour__lt=until)
        .order_by()
        .values_list("hour")
        .annotate(Sum("energy_wh"))
    )
    _price(day, site, [(hour, float(energy_wh)) for hour, energy_wh in hours])
    return day


def _price(day: Day, site: Site, hours: Sequence[tuple[datetime, float]]) -> None:
    """Hours of UTC, each by the price at its beginning; at the ends of a day of half-hour zones by their share."""
    prices = list(EnergyPrice.objects.filter(site=site, from_at__lt=day.until).order_by("from_at"))
    for hour, energy_wh in hours:
        share = (min(hour + HOUR, day.until) - max(hour, day.since)) / HOUR
        day.energy_wh += energy_wh * share
        price = next((row for row in reversed(prices) if row.from_at <= max(hour, day.since)), None)
        if price is None:
            continue
        kwh = energy_wh * share / 1000
        day.cost = (day.cost or 0.0) + kwh * float(price.per_kwh)
        if price.co2_g_per_kwh is not None:
            day.co2_g = (day.co2_g or 0.0) + kwh * price.co2_g_per_kwh


def forget_old(*, before: datetime) -> int:
    """Samples older than that are gone; how many."""
    return SiteSample.objects.filter(at__lt=before).delete()[0]
