"""What the ends of a charger's connections say about its link, and what to set because of it. Knows no page.

`verdict` and `patterns` are pure; `spans` and `traffic` read the rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from statistics import median, quantiles

from django.db.models import Count, Min, Sum, Value
from django.db.models.functions import Coalesce, Length

from chargers.models import Charger, Exchange
from chargers.sentences import phrase

LOOKS_BACK = timedelta(days=30)
MOST = 5000  # connections; one that flaps for a month shows the same in its last thousands
TRAFFIC_OF = timedelta(hours=24)
MONTH = timedelta(days=30)
# Ends that nobody wanted: without a word, or given up by us because it no longer answered our pings.
LOST_CODES = {1006, 1011, None}
# What a frame costs beside its text: WebSocket header and mask, a TLS record, TCP and IP, and the acknowledgement.
PER_FRAME_BYTES = 14 + 29 + 40 + 40
PING_BYTES = 2 * (10 + 29 + 40) + 40
REGULAR = 0.15  # half of the lifetimes lie within this part of their median: a clock ends them
ENOUGH = 5

# Told to people, see chargers/sentences.py.
FORGETS_QUIET_LINES = phrase(
    "Lost connections last {span} again and again: something on the way forgets a quiet line. Three "
    "pings within that time keep it."
)
ENDED_BY_CLOCK = phrase(
    "Lost connections last {span} again and again: its provider or a proxy ends them by the clock. "
    "No ping changes that; that it comes back at once is what counts."
)
WITHOUT_PATTERN = phrase(
    "It is lost {times:.1f} times a day without a pattern, as with a weak signal. Short pings notice "
    "it soon; look at antenna, SIM and switch."
)
BEATS = phrase(
    "It beats every {seconds} s. Our pings watch the line; heartbeats only set its clock, for which 15 min will do."
)
SHORT_PING_S, LONG_PING_S = 20, 60
LONG_HEARTBEAT_S = 900


@dataclass(frozen=True, slots=True)
class Span:
    """A connection that is over. ``was_lost``: neither side meant to end it."""

    began_at: datetime
    ended_at: datetime
    code: int | None
    reason: str

    @property
    def lasted_s(self) -> float:
        return (self.ended_at - self.began_at).total_seconds()

    @property
    def was_lost(self) -> bool:
        return self.code in LOST_CODES


@dataclass(frozen=True, slots=True)
class Pattern:
    """Of many connections. Times in seconds. ``by_hour``: how many were lost in each hour of the day."""

    count: int
    lost: int
    per_day: float
    median_s: float
    longest_s: float
    regular_s: float | None  # lost ones last this long again and again
    by_hour: list[int]
    ends: list[tuple[int | None, str, int]]  # close code, reason, how often


@dataclass(frozen=True, slots=True)
class Traffic:
    """What it costs to talk with it: ``frames`` and ``text_bytes`` in ``span``; ``actions``: (name, bytes)."""

    frames: int
    text_bytes: int
    span: timedelta
    actions: list[tuple[str, int]]

    def month_bytes(self, ping_interval_s: int) -> int:
        """In 30 days, pings and the layers below included; an estimate to within a third."""
        if not self.span:
            return 0
        said = self.text_bytes + self.frames * PER_FRAME_BYTES
        pings = MONTH.total_seconds() / ping_interval_s * PING_BYTES if ping_interval_s else 0
        return round(said * (MONTH / self.span) + pings)


@dataclass(frozen=True, slots=True)
class Advice:
    """``ping_interval_s``, ``heartbeat_interval_s``: what to set, with the ``reason``, a sentence each."""

    ping_interval_s: int
    heartbeat_interval_s: int
    reason: str
    heartbeat_reason: str


def spans(charger: Charger, *, at: datetime) -> list[Span]:
    """Its connections of the last 30 days that are over, newest first."""
    rows = charger.connections.filter(connected_at__gte=at - LOOKS_BACK, disconnected_at__isnull=False)
    told = rows.values_list("connected_at", "disconnected_at", "close_code", "close_reason")[:MOST]
    return [Span(began, ended, code, reason) for began, ended, code, reason in told if ended]


def patterns(ended: Sequence[Span], *, zone: tzinfo) -> Pattern | None:
    """None without any that is over."""
    if not ended:
        return None
    lost = [span for span in ended if span.was_lost]
    by_hour = Counter(span.ended_at.astimezone(zone).hour for span in lost)
    days = max(1.0, (max(s.ended_at for s in ended) - min(s.began_at for s in ended)) / timedelta(days=1))
    ends = Counter((span.code, span.reason) for span in ended)
    return Pattern(
        count=len(ended),
        lost=len(lost),
        per_day=len(lost) / days,
        median_s=median(span.lasted_s for span in ended),
        longest_s=max(span.lasted_s for span in ended),
        regular_s=_regular([span.lasted_s for span in lost]),
        by_hour=[by_hour[hour] for hour in range(24)],
        ends=[(code, reason, count) for (code, reason), count in ends.most_common(8)],
    )


def _regular(lasted_s: Sequence[float]) -> float | None:
    """How long they last, if half of them last alike."""
    if len(lasted_s) < ENOUGH:
        return None
    first, middle, third = quantiles(lasted_s, n=4)
    return middle if middle > 0 and (third - first) / middle <= REGULAR else None


def traffic(charger: Charger, *, at: datetime) -> Traffic:
    """Of the last 24 hours, by the log; less if the log is younger."""
    rows = Exchange.objects.filter(charger=charger, requested_at__gte=at - TRAFFIC_OF).order_by()
    size = Coalesce(Sum(Length("request") + Length("response")), Value(0))
    by_action = list(rows.values_list("action").annotate(bytes=size, n=Count("pk"), first=Min("requested_at")))
    if not by_action:
        return Traffic(0, 0, timedelta(), [])
    first = min(row[3] for row in by_action)
    # An hour of a log says little about a month, but more than none.
    span = max(at - first, timedelta(hours=1))
    largest = sorted(((name or "answers", size) for name, size, _, _ in by_action), key=lambda row: -row[1])
    return Traffic(2 * sum(row[2] for row in by_action), sum(row[1] for row in by_action), span, largest[:5])


def answers_ms(charger: Charger, *, at: datetime) -> tuple[float, float] | None:
    """Middle and longest time to its answers to us in the last 24 hours: the way there and back, and its thinking."""
    rows = Exchange.objects.filter(
        charger=charger, requested_at__gte=at - TRAFFIC_OF, origin=Exchange.Origin.CSMS, responded_at__isnull=False
    )
    times = [
        (answered - asked).total_seconds() * 1000
        for asked, answered in rows.order_by("-requested_at").values_list("requested_at", "responded_at")[:200]
        if answered
    ]
    return (median(times), max(times)) if times else None


def advice(
    pattern: Pattern | None, *, ping_interval_s: int, heartbeat_interval_s: int | None, is_mobile: bool
) -> Advice:
    """What to set, given what is set. ``is_mobile``: it has a SIM card, so each byte is paid for."""
    beat_s, beat_reason = _heartbeat(heartbeat_interval_s)
    ping_s, reason = _ping(pattern, ping_interval_s, is_mobile)
    return Advice(ping_s, beat_s, reason, beat_reason)


def _ping(pattern: Pattern | None, set_s: int, is_mobile: bool) -> tuple[int, str]:
    if pattern is None or pattern.count < ENOUGH:
        return set_s, phrase("Too few connections have ended to tell; what is set is a good beginning.")
    if regular_s := pattern.regular_s:
        if regular_s <= 10 * 60:
            shorter_s = max(5, min(set_s, int(regular_s / 3)))
            return shorter_s, (FORGETS_QUIET_LINES.format(span=_span(regular_s)))
        return set_s, (ENDED_BY_CLOCK.format(span=_span(regular_s)))
    if pattern.per_day >= 1:
        return min(set_s, SHORT_PING_S), (WITHOUT_PATTERN.format(times=pattern.per_day))
    if is_mobile and pattern.per_day < 0.1 and set_s < LONG_PING_S:
        return LONG_PING_S, phrase(
            "Its link is steady and its data is paid for: longer pings cost less and lose nothing."
        )
    return set_s, phrase("Its link is steady with what is set.")


def _heartbeat(set_s: int | None) -> tuple[int, str]:
    if set_s is None:
        return LONG_HEARTBEAT_S, phrase(
            "It has not booted yet; our pings tell us sooner than a heartbeat that it is there."
        )
    if set_s < LONG_HEARTBEAT_S:
        return LONG_HEARTBEAT_S, (BEATS.format(seconds=set_s))
    return set_s, phrase("Rare enough; our pings watch the line.")


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
