"""Limits over time as an SVG of steps, drawn here: nothing to load, nothing to run.

It is stretched to the room that it has; the words at its axes are beside it, and keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portal.views import formats

WIDTH, HEIGHT = 1440, 200
Points = Sequence[tuple[float, float | None]]  # seconds, limit; None: none is said


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    look: str  # a class of `desk.css`
    points: Points


def drawing(lines: Sequence[Line], *, span_s: float, unit: str, hours: Sequence[str]) -> dict[str, Any]:
    """What `parts/stairs.html` draws. ``hours``: words below the axis, evenly spread from its one end to the other."""
    top = _top(max((y for line in lines for _, y in line.points if y is not None), default=0), unit)

    def x(at: float) -> float:
        return round(WIDTH * min(at, span_s) / span_s, 1)

    def y(limit: float) -> float:
        return round(HEIGHT * (1 - limit / top), 1)

    return {
        "width": WIDTH,
        "height": HEIGHT,
        "lines": [{"name": line.name, "look": line.look, "path": _path(line.points, x, y, span_s)} for line in lines],
        "grid": [{"y": y(top * n / 4), "word": _word(top * n / 4, unit)} for n in reversed(range(5))],
        "hours": hours,
    }


def _path(points: Points, x: Any, y: Any, span_s: float) -> str:
    """A pen that is lifted where nobody says a limit."""
    parts = []
    is_down = False
    for index, (at, limit) in enumerate(points):
        if at > span_s:
            break
        ends = min(points[index + 1][0], span_s) if index + 1 < len(points) else span_s
        if limit is None:
            is_down = False
            continue
        parts.append(f"{'L' if is_down else 'M'}{x(at)} {y(limit)}H{x(ends)}")
        is_down = True
    return "".join(parts)


def _top(highest: float, unit: str) -> float:
    """A round figure above the highest line, that four parts divide well."""
    wanted = max(highest * 1.08, 16.0 if unit == "A" else 4000.0)
    scale = 10.0 ** math.floor(math.log10(wanted))
    return next(scale * part for part in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10) if scale * part >= wanted - 1e-9)


def _word(value: float, unit: str) -> str:
    return f"{formats.figure(value / 1000)} kW" if unit == "W" else f"{formats.figure(value)} A"
