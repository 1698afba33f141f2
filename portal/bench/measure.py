"""The measurements, one function each: an order to the crew between two looks at the accounts. Results are plain dicts,
for the table and for JSON; times in milliseconds or seconds as their names say. What is harsher is in `ordeals`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from portal.bench import account, depth
from portal.bench.crew import Crew, Report
from portal.bench.histogram import Histogram
from portal.bench.yard import Yard

Result = dict[str, Any]

WINDOW = 500  # chargers at the door at a time, unless all come at once
ARRIVAL_S = 300.0
WARM_UP_S = 2.0
PEAK_CHARGERS = 500


@contextmanager
def accounted() -> Iterator[Result]:
    """CPU seconds by part and elapsed seconds of the block, filled in at its end."""
    spent: Result = {}
    before, began = account.cpu_s(), time.monotonic()
    yield spent
    spent["elapsed_s"] = time.monotonic() - began
    spent["cpu_s"] = account.spent(before, account.cpu_s())


def arrival(crew: Crew, chargers: int, *, window: int = WINDOW, script: str = "opening") -> Result:
    """All chargers dial and say what ``script`` has (`load.SCRIPTS`); what a connection then holds in the gateway."""
    empty_bytes = account.memory_bytes("gateway")
    with accounted() as spent:
        seen = crew.do("arrive", window=window, script=script, limit_s=ARRIVAL_S)
        crew.do("rest", seconds=0.2)
    opened, through = seen.times("opened_at"), seen.times("through_at")
    took_s = opened.quantile(1.0) or 0.0
    return {
        "chargers": chargers,
        "script": script,
        "connected": opened.count - seen["lost"],
        "missing": seen["missing"],
        "refusals": seen.refusals(),
        "connects_per_s": round(opened.count / took_s) if took_s else 0,
        "handshake_ms": quantiles_ms(seen.times("handshakes")),
        "all_through_s": rounded(through.quantile(1.0)),
        "calls": seen["answered"],
        "call_ms": quantiles_ms(seen.times("answers")),
        "kib_per_connection": round((account.memory_bytes("gateway") - empty_bytes) / 1024 / max(1, chargers), 1),
        "gateway_mib": round(account.memory_bytes("gateway") / 2**20),
        **_cost(spent, seen["answered"]),
    }


def idle(crew: Crew, chargers: int, seconds: float) -> Result:
    """Nobody says anything; pings go on. Memory is all that the gateway processes hold, shared by the chargers."""
    with accounted() as spent:
        seen = crew.do("rest", seconds=seconds)
    cores = {part: round(cpu_s / spent["elapsed_s"], 4) for part, cpu_s in spent["cpu_s"].items()}
    gateway_bytes = account.memory_bytes("gateway")
    return {
        "chargers": chargers,
        "seconds": round(spent["elapsed_s"], 1),
        "lost": seen["lost"],
        "cores": cores,
        "gateway_processes": sum(member.part == "gateway" for member in account.members()),
        "gateway_mib": round(gateway_bytes / 2**20),
        "broker_mib": round(account.memory_bytes("broker") / 2**20),
        "kib_per_charger": round(gateway_bytes / 1024 / max(1, chargers), 1),
    }


def mix(crew: Crew, yard: Yard, rate: float, seconds: float) -> Result:
    """The mix at an offered rate: an open loop."""
    crew.do("offer", rate=crew.split(rate), seconds=WARM_UP_S)
    with accounted() as spent, depth.watched(*yard.figures) as standing:
        seen = crew.do("offer", rate=crew.split(rate), seconds=seconds)
    return offered(seen, spent, rate, seconds) | {"standing": standing}


def plain_mix(crew: Crew, rate: float, seconds: float) -> Result:
    """The mix on the plain design, whose parts tell no depth."""
    crew.do("offer", rate=crew.split(rate), seconds=WARM_UP_S)
    with accounted() as spent:
        seen = crew.do("offer", rate=crew.split(rate), seconds=seconds)
    return offered(seen, spent, rate, seconds)


def offered(seen: Report, spent: Result, rate: float, seconds: float) -> Result:
    """What an open loop has shown."""
    return {
        "offered_per_s": rate,
        "seconds": seconds,
        "answered_per_s": round(seen["answered"] / seconds),
        "skipped": seen["skipped"],
        "deepest_queue": seen["deepest"],
        "generator_late_ms": quantiles_ms(seen.times("lateness")),
        **_answers(seen),
        **_cost(spent, seen["answered"]),
    }


def peak(crew: Crew, chargers: int, seconds: float) -> Result:
    """As much as the yard can do: each of ``chargers`` asks again the moment it is answered."""
    busy = min(chargers, PEAK_CHARGERS)
    with accounted() as spent:
        seen = crew.do("peak", chargers=int(crew.split(busy)), seconds=seconds)
    return {
        "busy_chargers": busy,
        "seconds": seconds,
        "answered_per_s": round(seen["in_time"] / seconds),
        **_answers(seen),
        **_cost(spent, seen["answered"]),
    }


def growth(crew: Crew, site: Yard, rate: float, seconds: float, age: Callable[[], None]) -> Result:
    """The same mix before and after the yard has aged, and what a CALL costs then, as a multiple of before."""
    young = mix(crew, site, rate, seconds)
    began = time.monotonic()
    age()
    aging_s = time.monotonic() - began
    old = mix(crew, site, rate, seconds)
    return {
        "young": young,
        "old": old,
        "aging_s": round(aging_s),
        "cpu_ratio": _ratio(old["cpu_us_per_call_all"], young["cpu_us_per_call_all"]),
        "p50_ratio": _ratio(old["call_ms"]["p50"], young["call_ms"]["p50"]),
    }


def _ratio(after: float | None, before: float | None) -> float | None:
    return round(after / before, 2) if after is not None and before else None


def quantiles_ms(times: Histogram) -> dict[str, float | None]:
    """p50, p95, p99 and the largest, in milliseconds."""
    shares = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))
    return {name: rounded(times.quantile(share), 1000) for name, share in shares}


def rounded(seconds: float | None, unit: float = 1.0) -> float | None:
    return None if seconds is None else round(seconds * unit, 1)


def generator_cores(spent: Result) -> float:
    """How busy the load itself was; it belongs to nobody's yard."""
    used_s: float = spent["cpu_s"].get("generator", 0.0)
    elapsed_s: float = spent["elapsed_s"]
    return round(used_s / elapsed_s, 2)


def _answers(seen: Report) -> Result:
    return {
        "answered": seen["answered"],
        "errors": seen["errors"],
        "unanswered": seen["unanswered"],
        "lost": seen["lost"],
        "call_ms": quantiles_ms(seen.times("answers")),
    }


def _cost(spent: Result, calls: int) -> Result:
    """CPU of each part for one CALL. The generator's is told apart: it belongs to nobody's yard."""
    used: dict[str, float] = dict(spent["cpu_s"])
    used.pop("generator", None)
    if "plain worker" in used:
        for idle_part in ("gateway", "worker"):  # ours stand by while the plain variant is measured
            used.pop(idle_part, None)
    us = {part: round(cpu_s / max(1, calls) * 1e6) for part, cpu_s in sorted(used.items())}
    return {
        "cpu_us_per_call": us,
        "cpu_us_per_call_all": sum(us.values()),
        "generator_cores": generator_cores(spent),
        "yard_cores": round(sum(used.values()) / spent["elapsed_s"], 2),
    }
