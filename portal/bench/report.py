"""The results as a person reads them. Knows no measurement's inside but the names in its dict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Result = dict[str, Any]

LOADS = ("mix", "peak", "young", "old", "plain_mix", "plain_peak")
TITLES = {
    "mix": "batches",
    "peak": "batches, peak",
    "young": "young yard",
    "old": "old yard",
    "plain_mix": "task per frame",
    "plain_peak": "task per frame, peak",
}
TIMES = ("p50", "p95", "p99", "max")
GENERATOR_LIMIT_CORES = 0.7


def lines(results: dict[str, Result]) -> Iterator[str]:
    """The table, line by line."""
    for name, tell in (("arrival", _arrival), ("idle", _idle), ("storm", _storm)):
        if name in results:
            yield from tell(results[name])
    results = {**results, **{name: results["growth"][name] for name in ("young", "old") if "growth" in results}}
    loads = {name: results[name] for name in LOADS if name in results}
    if loads:
        yield from _table(loads)
        yield from _parts(loads)
        yield from _ratio(loads)
        yield from _growth(results)
        yield from _generator(loads)


def _arrival(seen: Result) -> Iterator[str]:
    yield (
        f"arrival   {seen['connected']:,} of {seen['chargers']:,} chargers connected, {seen['connects_per_s']:,}/s; "
        f"handshake {_ms(seen['handshake_ms'])}"
    )
    yield (
        f"          booted, reported and plugged in after {seen['all_through_s']} s "
        f"({seen['calls']:,} CALLs; {_ms(seen['call_ms'])}; {_refusals(seen)})"
    )
    yield f"memory    gateway {seen['gateway_mib']} MiB, {seen['kib_per_connection']} KiB per connection (PSS)"


def _idle(seen: Result) -> Iterator[str]:
    busiest = sorted(seen["cores"].items(), key=lambda item: -item[1])[:4]
    told = ", ".join(f"{part} {share:.1%}" for part, share in busiest)
    yield f"idle      {seen['seconds']} s with pings: {told} of a core; {seen['lost']} connections lost"


def _storm(seen: Result) -> Iterator[str]:
    yield (
        f"storm     gateway killed under {seen['chargers']:,}: 95 % back and booted after {seen['through_95_s']} s, "
        f"all after {seen['through_all_s']} s; {seen['missing']} missing"
    )
    yield f"          handshake {_ms(seen['handshake_ms'])}; {_refusals(seen)}; {seen['unreachable']} found no door"


def _table(loads: dict[str, Result]) -> Iterator[str]:
    yield ""
    yield (
        f"{'':22} {'offered':>8} {'CALLs/s':>8} {'p50':>8} {'p95':>8} {'p99':>8} {'max ms':>8}"
        f" {'skipped':>8} {'unansw.':>8} {'errors':>7} {'queue':>6} {'µs CPU/CALL':>12}"
    )
    for name, seen in loads.items():
        times = " ".join(f"{_number(seen['call_ms'][key]):>8}" for key in TIMES)
        yield (
            f"{TITLES[name]:22} {seen.get('offered_per_s', 'closed'):>8} {seen['answered_per_s']:>8,} {times}"
            f" {seen.get('skipped', 0):>8} {seen['unanswered']:>8} {seen['errors']:>7}"
            f" {seen.get('deepest_queue', seen.get('busy_chargers', '')):>6} {seen['cpu_us_per_call_all']:>12,}"
        )


def _parts(loads: dict[str, Result]) -> Iterator[str]:
    yield ""
    for name, seen in loads.items():
        costs = ", ".join(f"{part} {us}" for part, us in seen["cpu_us_per_call"].items() if us)
        yield f"{TITLES[name]:22} µs CPU per CALL: {costs}; the yard used {seen['yard_cores']} cores"


def _ratio(loads: dict[str, Result]) -> Iterator[str]:
    if {"peak", "plain_peak"} <= loads.keys():
        ours, plain = loads["peak"], loads["plain_peak"]
        yield ""
        yield (
            f"batches against one Celery task per frame: "
            f"{ours['answered_per_s'] / max(1, plain['answered_per_s']):.1f} × the CALLs at the peak, "
            f"{plain['cpu_us_per_call_all'] / max(1, ours['cpu_us_per_call_all']):.1f} × less CPU for each"
        )


def _growth(results: dict[str, Result]) -> Iterator[str]:
    if seen := results.get("growth"):
        yield ""
        yield (
            f"growth    with {seen['registered']:,} chargers and {seen['meter_values']:,} meter values in the books "
            f"a CALL costs {seen['cpu_ratio']} × the CPU and takes {seen['p50_ratio']} × the time (p50) that it did "
            f"with {seen['chargers']:,} and none"
        )
        yield f"          filling the books took {seen['aging_s']:,} s"


def _generator(loads: dict[str, Result]) -> Iterator[str]:
    busiest = max(seen["generator_cores"] for seen in loads.values())
    verdict = "not the limit" if busiest < GENERATOR_LIMIT_CORES else "SO BUSY THAT IT MAY BE THE LIMIT"
    late = ", ".join(_ms(seen["generator_late_ms"]) for seen in loads.values() if "generator_late_ms" in seen)
    yield f"load generator: {busiest} of a core at most, {verdict}"
    if late:
        yield f"                it sent late by {late}"


def _refusals(seen: Result) -> str:
    told = ", ".join(f"{times} × {status}" for status, times in sorted(seen["refusals"].items()))
    return f"refused {told}" if told else "none refused"


def _ms(times: dict[str, float | None]) -> str:
    return "p50 / p99 / max " + " / ".join(_number(times[key]) for key in ("p50", "p99", "max")) + " ms"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
