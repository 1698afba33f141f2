"""The results as a person reads them. Knows no measurement's inside but the names in its dict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Result = dict[str, Any]

LOADS = ("mix", "peak", "pages", "young", "old", "plain_mix", "plain_peak")
TITLES = {
    "mix": "batches",
    "peak": "batches, peak",
    "pages": "batches, and pages",
    "young": "young yard",
    "old": "old yard",
    "plain_mix": "task per frame",
    "plain_peak": "task per frame, peak",
}
LINES = {"worker": "waiting in the worker", "broker_or_hand": "with the broker or in a batch"}
TIMES = ("p50", "p95", "p99", "max")
GENERATOR_LIMIT_CORES = 0.7


def lines(results: dict[str, Result]) -> Iterator[str]:
    """The table, line by line."""
    for name, tell in STORIES:
        if name in results:
            yield from tell(results[name])
    results = {**results, **{name: results["growth"][name] for name in ("young", "old") if "growth" in results}}
    loads = {name: results[name] for name in LOADS if name in results}
    if loads:
        yield from _table(loads)
        yield from _parts(loads)
        yield from _standing(loads)
        yield from _ratio(loads)
    yield from _growth(results)
    yield from _generator(results)


def _arrival(seen: Result) -> Iterator[str]:
    yield (
        f"arrival   {seen['connected']:,} of {seen['chargers']:,} chargers connected, {seen['connects_per_s']:,}/s; "
        f"handshake {_ms(seen['handshake_ms'])}"
    )
    said = {"silence": "in", "arrival": "booted and reported", "opening": "booted, reported and plugged in"}
    yield (
        f"          all {said[seen['script']]} after {seen['all_through_s']} s "
        f"({seen['calls']:,} CALLs; {_ms(seen['call_ms'])}; {_refusals(seen)})"
    )
    yield f"memory    gateway {seen['gateway_mib']} MiB, {seen['kib_per_connection']} KiB per connection (PSS)"


def _idle(seen: Result) -> Iterator[str]:
    busiest = sorted(seen["cores"].items(), key=lambda item: -item[1])[:4]
    told = ", ".join(f"{part} {share:.1%}" for part, share in busiest)
    yield f"idle      {seen['seconds']} s with pings: {told} of a core; {seen['lost']} connections lost"
    yield (
        f"          {seen['chargers']:,} chargers on {seen['gateway_processes']} gateway processes of "
        f"{seen['gateway_mib']:,} MiB in all: {seen['kib_per_charger']} KiB each; broker {seen['broker_mib']} MiB"
    )


def _storm(seen: Result) -> Iterator[str]:
    yield (
        f"storm     gateway killed under {seen['chargers']:,}: first in after {seen['first_open_s']} s, 95 % back and "
        f"booted after {seen['through_95_s']} s, all after {seen['through_all_s']} s; {seen['missing']} missing"
    )
    yield from _doors(seen)


def _leave(seen: Result) -> Iterator[str]:
    yield (
        f"leave     {seen['chargers']:,} vanish, as many others dial 5 s later: all in after {seen['opened_all_s']} s, "
        f"booted after {seen['through_all_s']} s; {seen['missing']} missing"
    )
    yield from _doors(seen)


def _doors(seen: Result) -> Iterator[str]:
    yield f"          handshake {_ms(seen['handshake_ms'])}; refusal {_ms(seen['refused_after_ms'])}"
    yield f"          {_refusals(seen)}; {seen['unreachable']:,} times no door; CPU s: {_costs(seen['cpu_s'])}"


def _pages(seen: Result) -> Iterator[str]:
    told = "; ".join(f"{name} {_ms(times)}" for name, times in seen["page_ms"].items())
    yield f"pages     {seen['people']} people, {seen['visits']} visits, {seen['failures']} failed: {told}"
    yield (
        f"          live news {_ms(seen['live_lag_ms'])} after the answer ({seen['live_news']} times, "
        f"{seen['unheard']} not within 30 s)"
    )


def _flood(seen: Result) -> Iterator[str]:
    yield (
        f"flood     others without it {_ms(seen['quiet_ms'])}, with it {_ms(seen['rough_ms'])}; by turns "
        f"p99 {_signed(seen['p99_more_percent'])} %"
    )
    yield (
        f"          the flooder alone: p99 {_signed(seen['flooder_p99_more_percent'])} %; "
        f"the deaf one alone: p99 {_signed(seen['deaf_p99_more_percent'])} %"
    )
    told = "; ".join(f"{who} {', '.join(map(_number, turns))}" for who, turns in seen["turns_p99_ms"].items())
    yield f"          p99 of each turn, ms: {told}"
    yield (
        f"          the flooder sent {seen['flooder_sent']:,} and heard {seen['flooder_heard']:,}, the deaf one sent "
        f"{seen['deaf_sent']:,}; thrown out {seen['thrown_out']} times"
    )


STORIES = (
    ("arrival", _arrival),
    ("idle", _idle),
    ("storm", _storm),
    ("leave", _leave),
    ("pages", _pages),
    ("flood", _flood),
)


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
        costs = _costs(seen["cpu_us_per_call"])
        yield f"{TITLES[name]:22} µs CPU per CALL: {costs}; the yard used {seen['yard_cores']} cores"


def _standing(loads: dict[str, Result]) -> Iterator[str]:
    for name, seen in loads.items():
        if lines := seen.get("standing"):
            told = "; ".join(f"{LINES[line]} {each['mean']}, at most {each['max']}" for line, each in lines.items())
            yield f"{TITLES[name]:22} frames in line, once a second: {told}"


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


def _generator(results: dict[str, Result]) -> Iterator[str]:
    """How one knows that the load was not the limit: its processes had time to spare and kept to their plan."""
    busy = {name: seen["generator_cores"] for name, seen in results.items() if "generator_cores" in seen}
    if not busy:
        return
    busiest = max(busy, key=lambda name: busy[name])
    verdict = "not the limit" if busy[busiest] < GENERATOR_LIMIT_CORES else "SO BUSY THAT IT MAY BE THE LIMIT"
    yield ""
    yield f"load generator: on the last core; {busy[busiest]} of a core at most ({busiest}), {verdict}"
    for name, seen in results.items():
        if "generator_late_ms" in seen:
            yield f"                {name}: each CALL was sent {_ms(seen['generator_late_ms'])} after it was due"


def _costs(costs: dict[str, float]) -> str:
    return ", ".join(f"{part} {cost}" for part, cost in costs.items() if cost)


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+}"


def _refusals(seen: Result) -> str:
    told = ", ".join(f"{times} × {status}" for status, times in sorted(seen["refusals"].items()))
    return f"refused {told}" if told else "none refused"


def _ms(times: dict[str, float | None]) -> str:
    return "p50 / p99 / max " + " / ".join(_number(times[key]) for key in ("p50", "p99", "max")) + " ms"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
