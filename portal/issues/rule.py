"""What a rule is. Rules are pure questions to the tables: they write nothing, and ask about the whole fleet at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from portal.issues.models import Issue, Severity


@dataclass(frozen=True, slots=True)
class Look:
    """One look of a rule at the yard. ``patience``: how long something must be so before it is an issue."""

    at: datetime
    patience: timedelta

    @property
    def since(self) -> datetime:
        return self.at - self.patience


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong now. ``key`` is the same at each look for as long as it is the same thing."""

    key: str
    title: str
    charger_id: int | None = None
    site_id: int | None = None
    session_id: int | None = None
    evse_id: int = 0
    severity: Severity | None = None  # None: the rule's
    facts: dict[str, Any] = field(default_factory=dict)
    evidence: list[dict[str, Any]] = field(default_factory=list)


Gone = dict[int, str]  # issue pk → why we know that it is over, a sentence


@dataclass(frozen=True, slots=True)
class Rule:
    """``find`` says what is wrong; ``prove`` which issues that were not found again are proven gone.

    Not found is not gone: of a charger that has fallen silent nothing is known.
    """

    name: str
    title: str
    severity: Severity
    find: Callable[[Look], Iterable[Finding]]
    prove: Callable[[Sequence[Issue], Look], Gone]
    patience: timedelta
    patience_means: str  # completes "an issue when … for longer than"
    first_step: str  # for whoever opens it
    who: str  # who can mend it
    every: timedelta = timedelta(seconds=15)
    steps: tuple[str, ...] = ()  # what staff may let the yard do by itself, see `portal.issues.first_steps`


def fact(at: datetime | None, text: str, **opens: Any) -> dict[str, Any]:
    """A line of evidence; ``opens``: exchange, session or command, by pk."""
    return {"at": at.isoformat() if at else "", "text": text, **opens}


def span(seconds: float) -> str:
    """A duration for a sentence: "8 min", "3 h", "2 days"."""
    for size, name in ((86_400, "day"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (size == 60 and seconds >= 60):
            count = int(seconds // size)
            return f"{count} {name}{'s' if name == 'day' and count > 1 else ''}"
    return f"{int(seconds)} s"
