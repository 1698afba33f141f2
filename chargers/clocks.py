"""What a charger's clock says, and how far to believe it.

Ordering and uptime use server time; a charger's time is data. Its text is kept as sent beside what we make of it here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from chargers.models import Charger
from chargers.sentences import phrase

# A message cannot arrive before it happened; the rest is clock drift that nobody minds.
AHEAD = timedelta(minutes=5)
# A charger may be out of reach for a season and then tell what it did.
BEHIND = timedelta(days=400)
SUSPICIOUS_S = 60
TEXT_LIMIT = 64  # of the columns that keep the charger's text

# Told to people, see chargers/sentences.py.
UNREADABLE = phrase("Its time {told!r} cannot be read; we use ours.")
IS_AHEAD = phrase("Its clock is {seconds:,.0f} s ahead of ours.")
IS_BEHIND = phrase("Its clock is {seconds:,.0f} s behind ours.")

_SHAPE = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})[Tt ]"
    r"(?P<hour>\d{2}):(?P<minute>\d{2})(:(?P<second>\d{2})([.,](?P<fraction>\d+))?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d{2}(:?\d{2})?)?"
)


def parse(text: object) -> datetime | None:
    """A charger's time as aware UTC; None if it makes no sense.

    Lenient as the field needs it: no zone means UTC, ``+02`` is a zone, nine digits of a second are cut to six,
    24:00 is the next day's 00:00, second 60 is the next minute.
    """
    match = _SHAPE.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return None
    seconds = int(match["second"] or 0)
    micros = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    hour, minute = int(match["hour"]), int(match["minute"])
    if hour > 24 or minute > 59 or seconds > 60 or (hour == 24 and (minute or seconds or micros)):
        return None
    try:
        midnight = datetime(int(match["year"]), int(match["month"]), int(match["day"]), tzinfo=UTC)
        since = timedelta(hours=hour, minutes=minute, seconds=seconds, microseconds=micros)
        return midnight + since - _zone(match["zone"])
    except (ValueError, OverflowError):  # 30 February; year 0
        return None


def _zone(text: str | None) -> timedelta:
    if text is None or text in "Zz":
        return timedelta(0)
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if text[0] == "-" else offset


def is_plausible(moment: datetime | None, *, at: datetime) -> bool:
    """Whether something received ``at`` can have happened at ``moment``."""
    return moment is not None and at - BEHIND <= moment <= at + AHEAD


def happened_at(text: object, *, at: datetime) -> datetime:
    """When something happened: the charger's time if it is plausible, else when we received it."""
    moment = parse(text)
    return moment if moment is not None and is_plausible(moment, at=at) else at


def kept(text: object) -> str:
    """The charger's text as the ``device_time`` columns keep it."""
    return text[:TEXT_LIMIT] if isinstance(text, str) else ""


def observe(charger: Charger, text: object, *, at: datetime) -> str | None:
    """Note a live message's time as the charger's clock; the finding in words if it is off by more than a minute.

    Writes ``Charger.clock_offset_s`` only when the estimate moved by more than 5 s, so a quiet clock costs nothing.
    """
    moment = parse(text)
    if moment is None:
        return UNREADABLE.format(told=str(text)[:40]) if text else None
    offset_s = round((moment - at).total_seconds(), 1)
    known_s = charger.clock_offset_s
    if known_s is None or abs(offset_s - known_s) > 5:
        charger.clock_offset_s = offset_s
        Charger.objects.filter(pk=charger.pk).update(clock_offset_s=offset_s)
    if abs(offset_s) <= SUSPICIOUS_S:
        return None
    return (IS_AHEAD if offset_s > 0 else IS_BEHIND).format(seconds=abs(offset_s))
