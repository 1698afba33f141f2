"""How well chargers keep to the protocol: what was tolerated or refused, counted per charger and firmware.

Handshakes are counted as they happen. All else is counted by a reader of the journal, rung by beat. It remembers the
row it has come to in the transaction that counts, so a count is neither lost nor made twice, however often it is rung
and wherever it is killed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q

from chargers.models import Boot, Breach, Charger, Exchange, JournalMark

READER = "breaches"
# By then a row has been committed by whoever holds its number, and an answer has come to what we asked.
SETTLED = timedelta(minutes=2)
PORTION = 20_000  # rows of the journal in one transaction
BY_PACK = "By pack "  # how `gateway.behaviour` begins what it put right on purpose
REFUSED = (Exchange.Outcome.ERROR, Exchange.Outcome.UNREADABLE)
LONGEST_KIND = 200
NO_EXAMPLE = 0  # among the numbers of the journal's rows

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"[-+]?\d(?:[\d.,:]*\d)?")


class Way(NamedTuple):
    """What is counted together."""

    charger_id: int
    firmware_version: str
    action: str
    kind: str
    is_refused: bool


@dataclass(slots=True)
class Count:
    first_at: datetime
    last_at: datetime
    exchange_id: int
    times: int = 0
    by_hour: dict[datetime, int] = field(default_factory=dict)


def kind_of(finding: str) -> str:
    """A finding without what differs from time to time: values in quotes and numbers."""
    return _NUMBER.sub("#", _QUOTED.sub("'…'", finding))[:LONGEST_KIND]


def roll_up(*, at: datetime) -> bool:
    """Count what has come since; True if there is more than one portion. Safe to repeat and to run twice at once."""
    JournalMark.objects.get_or_create(reader=READER)
    with transaction.atomic():
        mark = JournalMark.objects.select_for_update().get(reader=READER)
        settled = Exchange.objects.filter(requested_at__lte=at - SETTLED).order_by("-pk").values_list("pk", flat=True)
        last = settled.first() or 0
        if last <= mark.exchange_id:
            return False
        # From the next row that there is: numbers may leap, by a restored or imported journal, and every turn over
        # nothing would ring for another.
        ahead = Exchange.objects.filter(pk__gt=mark.exchange_id).order_by("pk").values_list("pk", flat=True)
        until = min(last, ahead[0] + PORTION - 1)
        _add(_count(_broken(mark.exchange_id, until)))
        mark.exchange_id = until
        mark.save(update_fields=["exchange_id"])
        return until < last


@transaction.atomic
def tolerated(findings: Iterable[tuple[Charger, Iterable[str]]], action: str, *, at: datetime) -> None:
    """Count what no frame tells, so that the journal does not have it: handshakes, those of many chargers together."""
    hour = at.replace(minute=0, second=0, microsecond=0)
    counts: dict[Way, Count] = {}
    for charger, texts in findings:
        for kind in {kind_of(text) for text in texts}:
            way = Way(charger.pk, charger.firmware_version, action, kind, is_refused=False)
            count = counts.setdefault(way, Count(at, at, NO_EXAMPLE, by_hour={hour: 0}))
            count.times += 1
            count.by_hour[hour] += 1
    _add(counts)


def _broken(after: int, until: int) -> Iterator[Exchange]:
    rows = Exchange.objects.filter(pk__gt=after, pk__lte=until).filter(~Q(findings=[]) | Q(outcome__in=REFUSED))
    yield from rows.order_by("pk").defer("request", "response").iterator()


def _count(rows: Iterable[Exchange]) -> dict[Way, Count]:
    exchanges = list(rows)
    firmware = _firmware({row.charger_id for row in exchanges})
    counts: dict[Way, Count] = {}
    for row in exchanges:
        is_refused = row.outcome in REFUSED
        kinds = {kind_of(text) for text in row.findings if not str(text).startswith(BY_PACK)}
        if is_refused:
            kinds.add(row.error_code or str(row.outcome))
        hour = row.requested_at.replace(minute=0, second=0, microsecond=0)
        for kind in kinds:
            version = _version_at(firmware.get(row.charger_id, []), row.requested_at)
            way = Way(row.charger_id, version, row.action, kind, is_refused)
            count = counts.setdefault(way, Count(row.requested_at, row.requested_at, row.pk))
            count.times += 1
            count.last_at, count.exchange_id = max(count.last_at, row.requested_at), row.pk
            count.by_hour[hour] = count.by_hour.get(hour, 0) + 1
    return counts


def _firmware(charger_ids: set[int]) -> dict[int, list[tuple[datetime, str]]]:
    """Of each charger, when it booted with which firmware, the latest first."""
    found: dict[int, list[tuple[datetime, str]]] = {}
    boots = Boot.objects.filter(charger__in=charger_ids).exclude(firmware_version="").order_by("-received_at")
    for charger_id, at, version in boots.values_list("charger", "received_at", "firmware_version"):
        known = found.setdefault(charger_id, [])
        if known and known[-1][1] == version:
            known[-1] = (at, version)
        else:
            known.append((at, version))
    return found


def _version_at(boots: list[tuple[datetime, str]], at: datetime) -> str:
    return next((version for booted_at, version in boots if booted_at <= at), boots[-1][1] if boots else "")


def _add(counts: dict[Way, Count]) -> None:
    known = {
        Way(row.charger_id, row.firmware_version, row.action, row.kind, row.is_refused): row
        for row in Breach.objects.filter(charger__in={way.charger_id for way in counts})
    }
    fresh, grown = [], []
    for way, count in counts.items():
        row = known.get(way)
        if row is None:
            row = Breach(
                **way._asdict(),
                first_at=count.first_at,
                last_at=count.last_at,
                hour=min(count.by_hour),
                exchange_id=count.exchange_id,
            )
            fresh.append(row)
        else:
            grown.append(row)
        row.count += count.times
        row.last_at, row.exchange_id = max(row.last_at, count.last_at), count.exchange_id
        hour = max(count.by_hour)
        row.hour_count = count.by_hour[hour] + (row.hour_count if row.hour == hour else 0)
        row.hour = hour
    # Another gateway may have counted a charger's first slip a moment ago; that is no reason to lose those of others.
    Breach.objects.bulk_create(fresh, ignore_conflicts=True)
    Breach.objects.bulk_update(grown, ["count", "last_at", "exchange_id", "hour", "hour_count"], batch_size=200)
