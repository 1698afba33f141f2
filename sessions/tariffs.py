"""What drivers pay: tariffs of sites, and one for all that have none. A new one is a new row; sessions keep theirs.

Not what energy costs the operator: that is planned with (`smartcharging.models.EnergyPrice`) and never billed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import prefetch_related_objects

from chargers import statements
from chargers.models import Site
from chargers.sentences import phrase
from sessions.models import ChargingSession, Tariff

MOST = Decimal(10_000)  # of each amount: above it somebody forgot the decimal point
_TABLE = Tariff._meta.db_table
_ASKED = (("site_id", "bigint"), ("at", "timestamptz"))
_LATEST = (
    f"(SELECT CASE WHEN t.is_withdrawn THEN NULL ELSE t.id END FROM {_TABLE} AS t "  # noqa: S608 - our names
    "WHERE {of} AND t.from_at <= v.at ORDER BY t.from_at DESC, t.id DESC LIMIT 1)"
)

# Told to people, see chargers/sentences.py.
NO_CURRENCY = phrase("{currency!r} is no currency; it looks like EUR (ISO 4217).")
NO_PRICE = phrase("{amount} {name} is no price; 0 to {most} can be set.")
_OWN, _FOR_ALL = _LATEST.format(of="t.site_id = v.site_id"), _LATEST.format(of="t.is_for_all")
_IN_FORCE = f"SELECT COALESCE({_OWN}, {_FOR_ALL}) FROM "  # noqa: S608


class BadTariff(ValueError):
    """These amounts are no tariff; the text is for people."""


@transaction.atomic
def set_tariff(
    site: Site | None,
    *,
    currency: str,
    per_kwh: Decimal,
    per_minute: Decimal = Decimal(0),
    start_fee: Decimal = Decimal(0),
    at: datetime,
    by: AbstractBaseUser | None,
    via: str = "portal",
) -> Tariff:
    """For sessions that begin at a site (None: at every site that has none of its own) from now on.

    Raises `BadTariff`.
    """
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise BadTariff(NO_CURRENCY.format(currency=currency))
    for name, amount in (
        (phrase("per kWh"), per_kwh),
        (phrase("per minute"), per_minute),
        (phrase("to start"), start_fee),
    ):
        if not (amount.is_finite() and 0 <= amount <= MOST):
            raise BadTariff(NO_PRICE.format(amount=amount, name=name, most=MOST))
    return Tariff.objects.create(
        site=site,
        is_for_all=site is None,
        from_at=at,
        currency=currency,
        per_kwh=per_kwh,
        per_minute=per_minute,
        start_fee=start_fee,
        set_by=by,  # type: ignore[misc]
        via=via[:40],
    )


def withdraw(site: Site | None, *, at: datetime, by: AbstractBaseUser | None, via: str = "portal") -> None:
    """From now on the site has none of its own; without a site: those that have none cost nothing that we know of."""
    Tariff.objects.create(
        site=site,
        is_for_all=site is None,
        from_at=at,
        currency="",
        per_kwh=0,
        is_withdrawn=True,
        set_by=by,  # type: ignore[misc]
        via=via[:40],
    )


def in_force(site: Site | None, *, at: datetime) -> Tariff | None:
    """What somebody pays whose session begins now; the site's own, else the one for all."""
    (found,) = _in_force([(site.pk if site else None, at)])
    return Tariff.objects.get(pk=found) if found else None


def pin(sessions: Iterable[ChargingSession]) -> None:
    """Give each session, with its charger, the tariff in force when it began; the caller stores them."""
    asked = list(sessions)
    found = _in_force([(session.charger.site_id, session.started_at) for session in asked])
    for session, tariff_id in zip(asked, found, strict=True):
        session.tariff_id = tariff_id


def load(sessions: Iterable[ChargingSession]) -> None:
    """Read the tariffs of sessions in one query; none if none has one."""
    prefetch_related_objects(list(sessions), "tariff")


def _in_force(asked: list[tuple[int | None, datetime]]) -> list[int | None]:
    """The keys of the tariffs, one for each site and moment; one query, however many there are."""
    if not asked:
        return []
    adapt = connection.ops.adapt_datetimefield_value
    different = list(dict.fromkeys(asked))
    rows = [(site_id, str(adapt(at))) for site_id, at in different]
    found = statements.execute(_IN_FORCE + statements.recordset("v", _ASKED), statements.records(_ASKED, rows))
    keys = {each: key for each, (key,) in zip(different, found, strict=True)}
    return [keys[each] for each in asked]
