"""A site's power over the day: what plans saw, kept by five minutes, and what that comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Sum

from chargers.models import Site
from sessions.models import ChargingSession, SessionHour
from smartcharging import sampling
from smartcharging.allocation import Floats
from smartcharging.bookkeeping import Books
from smartcharging.cars import Given
from smartcharging.models import EnergyPrice, SitePlan, SiteSample
from smartcharging.sampling import Sample

STEP = timedelta(seconds=sampling.STEP_S)
HOUR = timedelta(hours=1)
_HIGHEST = ("cars_w", "queued")
_PHASES = ("limit_a", "building_a", "cars_a", "worst_a")
_COLUMNS = (*_PHASES, *_HIGHEST, *sampling.SUMS)


def record(books: Books, given: Given, *, worst_a: Floats, pauses: int, since: datetime | None) -> None:
    """Add what a plan saw to its five minutes; the plan's row is locked, so nobody else does."""
    since_s = since.timestamp() if since is not None else None
    _add(
        books.plan,
        sampling.seen(
            books.site, books.at, given, drawn_a=drawn_a(books), worst_a=worst_a, pauses=pauses, since=since_s
        ),
    )


def drawn_a(books: Books) -> Floats:
    """What each outlet draws now, per phase."""
    drawn = np.zeros(len(books.outlets))
    for index, session in books.busy:
        drawn[index] = _drawn_a(books, index, session)
    return drawn


def _drawn_a(books: Books, index: int, session: ChargingSession) -> float:
    """By its meter; where that is old, what it was given."""
    drawn_a, at = getattr(session, "drawn_a", None), getattr(session, "drawn_at", None)
    if drawn_a is None or at is None or (books.at - at).total_seconds() > sampling.METER_IS_OLD_S:
        return float(min(books.outlets[index].target_a, books.ledger.outlets[index].worst_a(books.at.timestamp())))
    return float(drawn_a)


def told_by_edge(plan: SitePlan, told: Sequence[Sample], *, at: datetime) -> None:
    """What the edge of a site saw while it led, each of its five minutes from their beginning, as often as it likes.

    Nothing is added twice: ``plan.edge_sample`` is the last one that was, as it was then. Not saved; the plan's row is
    locked. What is yet to come, by an edge whose clock is wrong, is left aside.
    """
    last = sampling.read(plan.edge_sample) if plan.edge_sample else None
    for sample in sorted(told, key=_order):
        if sample.at > (at + STEP).timestamp() or (last is not None and _order(sample) < _order(last)):
            continue
        news = replace(sample)
        if last is not None and _order(sample) == _order(last):
            for name in sampling.SUMS:
                setattr(news, name, max(0, getattr(sample, name) - getattr(last, name)))
        _add(plan, news)
        last = sample
    plan.edge_sample = asdict(last) if last is not None else None


def _order(sample: Sample) -> tuple[float, float]:
    return sample.at, sample.since


def _add(plan: SitePlan, sample: Sample) -> None:
    at = datetime.fromtimestamp(sample.at, UTC)
    row = SiteSample.objects.filter(site=plan.site_id, at=at).first()
    if row is None:
        row = SiteSample(site_id=plan.site_id, at=at)
    else:
        kept = Sample(sample.at, 0.0, **{name: getattr(row, name) for name in _COLUMNS})
        sampling.add(kept, sample)
        sample = kept
    for name in _COLUMNS:
        setattr(row, name, getattr(sample, name))
    row.save()


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
