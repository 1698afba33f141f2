"""A charging profile as people write it down, before it goes anywhere, and as one charger gets it. Pure.

A *draft* is a plain object in the words of the order ``set_profile`` (docs/rest.md), without number, place and session.
Instead of a moment it may say a time of the local clock, ``start_local`` ("06:30") and ``weekday`` (0: Monday): each
charger gets the moment that this is at its site.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any

from django.utils.translation import gettext_lazy as _

from chargers.sentences import phrase
from smartcharging.rules import Case, Objection, objections
from smartcharging.schedules import Profile

PURPOSES = {
    "tx_default": _("Every session"),
    "tx": _("The sessions that run now"),
    "charger_max": _("The charger as a whole, at most"),
    "priority": _("Sessions with priority (2.1)"),
    "local_generation": _("What is generated on the spot (2.1)"),
}
KINDS = {
    "absolute": _("Once, from a moment on"),
    "recurring": _("Again and again, by the clock"),
    "relative": _("From the start of each session on"),
    "dynamic": _("Until it is changed while it runs (2.1)"),
}
RECURRENCIES = {"daily": _("each day"), "weekly": _("each week")}
VERSIONS = ("1.6", "2.0.1", "2.1")
POWERS = tuple(
    f"{kind}{phase}"
    for kind in ("limit", "discharge_limit", "setpoint", "setpoint_reactive")
    for phase in ("", "_l2", "_l3")
)
WHOLE = {"phases": 3, "phase_to_use": 3}
MOST_PERIODS = 1024  # the schema of 2.x
MOST_S = 366 * 86_400
MOST_POWER = 10_000_000.0
_CLOCK = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d))?")

# Told to people, see chargers/sentences.py.
NO_TIME = phrase("{text!r} is no time such as 06:30")
NOT_WITHIN_A_YEAR = phrase("{value!r} is not within a year")
NONE_OF = phrase("{name!r} is {value!r}; it is one of {choices}.")
NO_WHOLE_NUMBER = phrase("{where}{name!r} is {value!r}; it must be a whole number from {least} to {most}.")
NO_NUMBER = phrase("{where} is {value!r}; it must be a number.")
NO_MOMENT = phrase("{name!r} is {value!r}; it must be a time like 2026-01-31T18:30:00Z.")
NO_TIME_OF_DAY = phrase("'start_local' is {value!r}; it must be a time of day like 06:30.")
TOO_MANY_STEPS = phrase("{steps} steps are more than the {most} that a schedule can have.")
STEP = phrase("Step {number}")
UNKNOWN_PARTS = phrase("{where} says {parts}, which no period knows.")


class Unreadable(ValueError):
    """A draft that is none; ``sentences`` say what and where."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = list(sentences)


def read(told: Mapping[str, Any]) -> dict[str, Any]:
    """A draft out of what a person or a program told: numbers are numbers, what is empty is gone. Raises Unreadable."""
    reading = _Reading(told)
    draft = reading.draft()
    if reading.wrong:
        raise Unreadable(reading.wrong)
    return draft


def seconds(value: object) -> int:
    """Seconds of "06:30", "30:00", "00:00:15" or a number. Raises ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        found = int(value)
    else:
        text = str(value).strip()
        match = _CLOCK.fullmatch(text)
        if match is None and not text.isdecimal():
            raise ValueError(NO_TIME.format(text=text))
        found = (
            int(text)
            if match is None
            else sum(int(p or 0) * f for p, f in zip(match.groups(), (3600, 60, 1), strict=True))
        )
    if not 0 <= found <= MOST_S:
        raise ValueError(NOT_WITHIN_A_YEAR.format(value=value))
    return found


def clock(seconds_: float) -> str:
    """The other way round: 23400 → "06:30"."""
    whole = int(seconds_)
    text = f"{whole // 3600:02}:{whole % 3600 // 60:02}"
    return f"{text}:{whole % 60:02}" if whole % 60 else text


class _Reading:
    def __init__(self, told: Mapping[str, Any]) -> None:
        self.told, self.wrong = told, list[str]()

    def draft(self) -> dict[str, Any]:
        kind = self._one_of("kind", KINDS, "absolute")
        recurrency = self._one_of("recurrency", RECURRENCIES, "daily") if kind == "recurring" else None
        draft = {
            "purpose": self._one_of("purpose", PURPOSES, "tx_default"),
            "kind": kind,
            "recurrency": recurrency,
            "stack_level": self._whole("stack_level", 0, 1_000_000) or 0,
            "unit": self._one_of("unit", {"A": "", "W": ""}, "A"),
            "periods": self._periods(),
            "duration_s": self._span("duration_s"),
            "min_rate": self._power(self.told, "min_rate", phrase("The least rate")),
            "start_at": self._moment("start_at") if kind in ("absolute", "dynamic") else None,
            "start_local": self._local() if kind == "recurring" else None,
            "weekday": self._whole("weekday", 0, 6) if recurrency == "weekly" else None,
            "valid_from": self._moment("valid_from"),
            "valid_to": self._moment("valid_to"),
            "use_local_time": bool(self.told.get("use_local_time")) or None,
            "random_delay_s": self._whole("random_delay_s", 0, 86_400),
            "update_interval_s": self._whole("update_interval_s", 1, 86_400) if kind == "dynamic" else None,
            "max_offline_s": self._whole("max_offline_s", 0, MOST_S),
        }
        return {name: value for name, value in draft.items() if value is not None}

    def _one_of(self, name: str, words: Mapping[str, object], default: str) -> str:
        value = self.told.get(name) or default
        if not isinstance(value, str) or value not in words:
            self.wrong.append(NONE_OF.format(name=name, value=value, choices=", ".join(words)))
            return default
        return value

    def _whole(
        self, name: str, least: int, most: int, told: Mapping[str, Any] | None = None, where: str = ""
    ) -> int | None:
        value = (self.told if told is None else told).get(name)
        if value in (None, ""):
            return None
        try:
            number = int(str(value))
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            self.wrong.append(
                NO_WHOLE_NUMBER.format(
                    where=f"{where}: " if where else "", name=name, value=value, least=least, most=most
                )
            )
            return None
        return number

    def _span(self, name: str) -> int | None:
        value = self.told.get(name)
        if value in (None, ""):
            return None
        try:
            return seconds(value)
        except ValueError as error:
            self.wrong.append(f"{name!r}: {error}.")
            return None

    def _power(self, told: Mapping[str, Any], name: str, where: str) -> float | None:
        value = told.get(name)
        if value in (None, ""):
            return None
        try:
            number = float(str(value).replace(",", "."))
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or abs(number) > MOST_POWER:
            self.wrong.append(NO_NUMBER.format(where=where, value=value))
            return None
        return round(number, 1)

    def _moment(self, name: str) -> str | None:
        value = self.told.get(name)
        if value in (None, ""):
            return None
        try:
            at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            self.wrong.append(NO_MOMENT.format(name=name, value=value))
            return None

    def _local(self) -> str:
        value = str(self.told.get("start_local") or "00:00")
        try:
            return time.fromisoformat(value).strftime("%H:%M")
        except ValueError:
            self.wrong.append(NO_TIME_OF_DAY.format(value=value))
            return "00:00"

    def _periods(self) -> list[dict[str, Any]]:
        told = self.told.get("periods")
        if not isinstance(told, list) or not told or not all(isinstance(period, Mapping) for period in told):
            self.wrong.append(phrase("A charging profile needs at least one step with a limit."))
            return []
        if len(told) > MOST_PERIODS:
            self.wrong.append(TOO_MANY_STEPS.format(steps=len(told), most=MOST_PERIODS))
            return []
        return [self._period(number, period) for number, period in enumerate(told, 1)]

    def _period(self, number: int, told: Mapping[str, Any]) -> dict[str, Any]:
        where = STEP.format(number=number)
        unknown = sorted(set(told) - {"start_s", "operation_mode", *POWERS, *WHOLE})
        if unknown:
            self.wrong.append(UNKNOWN_PARTS.format(where=where, parts=", ".join(map(repr, unknown))))
        try:
            start_s = seconds(told.get("start_s", 0))
        except ValueError as error:
            self.wrong.append(f"{where}: {error}.")
            start_s = 0
        powers = {name: self._power(told, name, f"{where}: {name}") for name in POWERS}
        period: dict[str, Any] = {"start_s": start_s, **{name: v for name, v in powers.items() if v is not None}}
        for name, most in WHOLE.items():
            if (value := self._whole(name, 1, most, told, where)) is not None:
                period[name] = value
        if mode := told.get("operation_mode"):
            period["operation_mode"] = str(mode)[:40]  # the table of modes judges it
        return period


# -- for one charger ---------------------------------------------------------------------------------------------------


def for_charger(draft: Mapping[str, Any], *, zone: tzinfo, at: datetime) -> dict[str, Any]:
    """The ``profile`` of an order, with moments instead of local times; still without number and session."""
    told = {name: value for name, value in draft.items() if name not in ("start_local", "weekday")}
    if draft["kind"] == "recurring":
        told["start_at"] = _last_local(draft, zone, at).astimezone(UTC).isoformat()
    elif draft["kind"] == "absolute" and "start_at" not in draft:
        # A schedule that is yet to start leaves a gap until then: it has begun, on a whole minute.
        told["start_at"] = at.replace(second=0, microsecond=0).astimezone(UTC).isoformat()
    return told


def _last_local(draft: Mapping[str, Any], zone: tzinfo, at: datetime) -> datetime:
    """The last time that the local clock showed its start."""
    today = at.astimezone(zone)
    hour, minute = map(int, str(draft.get("start_local") or "00:00").split(":"))
    start = today.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if draft.get("recurrency") == "weekly":
        start -= timedelta(days=(start.weekday() - int(draft.get("weekday") or 0)) % 7)
    while start > today:
        start -= timedelta(days=7 if draft.get("recurrency") == "weekly" else 1)
    return start


SCHEDULE = ("unit", "periods", "duration_s", "start_at", "min_rate", "use_local_time", "random_delay_s")


def as_profile(told: Mapping[str, Any], *, number: int, evse_id: int, transaction_id: str = "") -> Profile:
    """What `for_charger` gave, as the pure modules take it."""
    return Profile(
        profile_id=number,
        stack_level=told.get("stack_level", 0),
        purpose=told["purpose"],
        kind=told["kind"],
        recurrency=told.get("recurrency") or "",
        transaction_id=transaction_id,
        valid_from=_parsed(told.get("valid_from")),
        valid_to=_parsed(told.get("valid_to")),
        schedules=[{name: told[name] for name in SCHEDULE if told.get(name) is not None}],
        evse_id=evse_id,
        max_offline_s=told.get("max_offline_s"),
    )


def _parsed(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def refused_by(draft: Mapping[str, Any], *, at: datetime) -> dict[str, list[Objection]]:
    """What each version has against a draft wherever it goes: version → objections; those that take it are missing."""
    evse_id = 0 if draft["purpose"] == "charger_max" else 1
    profile = as_profile(
        for_charger(draft, zone=UTC, at=at), number=1, evse_id=evse_id,
        transaction_id="any" if draft["purpose"] == "tx" else "",
    )  # fmt: skip
    found = {version: objections(Case(profile, version, running={1: "any"})) for version in VERSIONS}
    return {version: objections_ for version, objections_ in found.items() if objections_}
