"""A plan in words and tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from portal.capacity import figures as f
from portal.capacity.plan import APART, IOT_CORE, OWN, Plan, plan, storm_s

BROKERS = {IOT_CORE: "AWS IoT Core", OWN: "our own broker", APART: "our own, apart"}


def facts(made: Plan) -> dict[str, Any]:
    """Everything, for machines."""
    first = made.first_limit
    return {
        "chargers": made.load.chargers,
        "calls_per_s": round(made.load.calls_per_s, 2),
        "peak_per_s": round(made.load.peak_per_s, 2),
        "size": made.size.name,
        "gateways": made.gateways,
        "workers": made.workers,
        "broker": made.size.broker,
        "mqtt_connections": made.mqtt_connections,
        "database_gb": made.database_gb,
        "storm_s": round(storm_s(made.load.chargers, made), 1),
        "limits": {limit.name: round(limit.share, 3) for limit in made.limits},
        "first_limit": {"name": first.name, "share": round(first.share, 3), "way_out": first.way_out},
        "costs_usd": {name: round(usd, 2) for name, usd in made.costs.items()},
        "total_usd": round(made.total_usd, 2),
    }


def text(made: Plan) -> str:
    """For people."""
    load, size = made.load, made.size
    parts = ", ".join([
        f"{made.gateways} gateways, {made.workers} workers, {size.database} with {made.database_gb:,} GB",
        f"{made.mqtt_connections:,} MQTT connections to {BROKERS[size.broker]}",
    ])  # fmt: skip
    lines = [
        f"{load.chargers:,} chargers say {load.calls_per_s:,.1f} CALLs/s, {load.peak_per_s:,.1f} at the peak.",
        f"Parameter set {size.name}: {parts}.",
        f"After all have left, all are back in {storm_s(made.load.chargers, made):,.0f} s.",
        "",
        "used at the peak",
        *(
            f"  {limit.share:>6.0%}  {limit.name}"
            for limit in sorted(made.limits, key=lambda limit: limit.share, reverse=True)
        ),
        f"First to end: {made.first_limit.name}. Way out: {made.first_limit.way_out}.",
        "",
        "US dollars a month",
        *(f"  {usd:>10,.2f}  {name}" for name, usd in made.costs.items()),
        f"  {made.total_usd:>10,.2f}  in all, {made.total_usd / made.load.chargers:.3f} a charger",
    ]
    return "\n".join(lines)


def cost_table(columns: Iterable[tuple[int, int, str]]) -> str:
    """Markdown: what each part costs for each number of chargers, in so many zones, with that broker or the set's."""
    columns = list(columns)
    plans = [plan(count, zones=zones, broker=broker) for count, zones, broker in columns]
    twice = [plan(2 * count, zones=zones, broker=broker) for count, zones, broker in columns]
    doubled = [many.total_usd / few.total_usd for many, few in zip(twice, plans, strict=True)]
    rows = [
        ["chargers", *(f"{made.load.chargers:,}" for made in plans)],
        ["---", *("---:" for _ in plans)],
        ["parameter set", *(made.size.name for made in plans)],
        ["zones", *("two" if made.size.is_doubled else "one" for made in plans)],
        ["MQTT broker", *(BROKERS[made.size.broker] for made in plans)],
        *([name, *(f"{made.costs[name]:,.2f}" for made in plans)] for name in plans[0].costs),
        ["**in all, $ a month**", *(f"**{made.total_usd:,.0f}**" for made in plans)],
        ["a charger", *(f"{made.total_usd / made.load.chargers:.3f}" for made in plans)],
        ["twice as many chargers cost", *(f"× {factor:.2f}" for factor in doubled)],
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def scale_table(counts: Iterable[int]) -> str:
    """Markdown: what it takes at each step, what ends first and what removes it."""
    names = ["chargers", "CALLs/s, peak", "set", "gateways", "workers", "MQTT connections", "all back after"]
    names += ["first to end", "used", "what removes it"]
    lines = [f"| {' | '.join(names)} |", "|---:|---:|---|---:|---:|---:|---:|---|---:|---|"]
    for count in counts:
        made = plan(count)
        first = made.first_limit
        said = f"{made.load.calls_per_s:,.1f}, {made.load.peak_per_s:,.1f}"
        row = [f"{count:,}", said, made.size.name, str(made.gateways), str(made.workers), f"{made.mqtt_connections:,}"]
        row += [f"{storm_s(count, made):,.0f} s", first.name, f"{first.share:.0%}", first.way_out]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def sample_usd(chargers: int) -> float:
    """What the AWS OCPP gateway sample says, in proportion."""
    return f.SAMPLE_500_USD * chargers / 500


def driver_table(chargers: int, habits: Iterable[tuple[str, dict[str, int]]]) -> str:
    """Markdown: what the broker and what chargers say make of the price."""
    lines = [
        "| what chargers say | CALLs a charger and day | our own broker, $ | AWS IoT Core, $ |",
        "|---|---:|---:|---:|",
    ]
    for words, habit in habits:
        own, iot_core = plan(chargers, broker=OWN, **habit), plan(chargers, broker=IOT_CORE, **habit)
        per_day = own.load.calls_per_s * 86_400 / chargers
        lines.append(f"| {words} | {per_day:,.0f} | {own.total_usd:,.0f} | {iot_core.total_usd:,.0f} |")
    return "\n".join(lines)
