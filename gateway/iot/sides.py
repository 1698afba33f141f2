"""Whose wish is whose in the shadow `configuration`, which two sides write. Pure.

AWS keeps one ``desired`` and no author of it. So each change is laid beside what we knew of it and what we want
ourselves: what is new and not ours is theirs. Theirs comes before ours; we never write over it, nor take it out.
Paths of settings are compared ignoring case, as chargers do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Wishes = Mapping[str, str]  # path → value


def theirs(before: Wishes, *, shown: Mapping[str, Any], ours: Wishes, now: Mapping[str, Any]) -> dict[str, str]:
    """What the other side wants, now that ``desired`` is ``now``; ``before`` and ``shown`` are as we last knew them.

    What they took out, or wrote over, they want no more. A value that we want as well is ours: it goes with our wish.
    """
    values = plain(now)
    wanted_here = {path.casefold(): value for path, value in ours.items()}
    new = {
        path: value
        for path, value in values.items()
        if now[path] != shown.get(path) and value != wanted_here.get(path.casefold())
    }
    kept = {path: value for path, value in before.items() if path in values and now[path] in (value, shown.get(path))}
    return kept | new


def offer(ours: Wishes, *, desired: Wishes, shown: Mapping[str, Any]) -> dict[str, str | None]:
    """What we have to write into ``desired`` so that it holds our wishes; None takes out what was ours."""
    taken = {path.casefold() for path in desired}
    kept = {path: value for path, value in ours.items() if path.casefold() not in taken}
    there = plain(shown)
    missing = {path: value for path, value in kept.items() if there.get(path) != value}
    return {**missing, **dict.fromkeys(there.keys() - kept.keys() - desired.keys())}


def merged(shown: Mapping[str, Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """What ``desired`` is once that was written."""
    return {path: value for path, value in {**shown, **offered}.items() if value is not None}


def plain(state: Mapping[str, Any]) -> dict[str, str]:
    """The values that can be a setting's, as a charger writes them; objects and lists are nobody's wish."""
    return {path: _text(value) for path, value in state.items() if isinstance(value, str | int | float | bool)}


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
