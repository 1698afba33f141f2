"""The harsher measurements: a storm, a mass departure, people at the portal, chargers that do harm. As in `measure`."""

from __future__ import annotations

import time
from collections import defaultdict
from statistics import median

from portal.bench.crew import Crew, Desk, Report
from portal.bench.histogram import Histogram
from portal.bench.load import NO_WINDOW
from portal.bench.measure import WARM_UP_S, Result, accounted, generator_cores, offered, quantiles_ms, rounded
from portal.bench.yard import Yard

STORM_S = 240.0
OTHERS_AFTER_S = 4.0  # and the second in which all leave
PEOPLE = 2
DESK_PAGES = ("fleet", "rows", "charger")
FLOODER, DEAF = ("flooder",), ("deaf",)
BOTH = FLOODER + DEAF
# A quiet turn before each, and round after round: what a machine does by itself changes from minute to minute, and one
# hiccup of it decides the p99 of a turn. So turns are compared, by their medians.
FLOOD_ROUND = ((), BOTH, (), FLOODER, (), DEAF)
FLOOD_ROUNDS = 3


def storm(crew: Crew, yard: Yard, chargers: int) -> Result:
    """The gateway is killed, all dial again at once, boot and report their connectors."""
    crew.order("storm", limit_s=STORM_S)
    time.sleep(0.5)  # until the generators have read that
    with accounted() as spent:
        yard.kill_gateways()
        seen = crew.report()
    through = seen.times("through_at")
    return {
        "chargers": chargers,
        "missing": seen["missing"],
        "refusals": seen.refusals(),
        "unreachable": seen["unreachable"],
        "handshake_ms": quantiles_ms(seen.times("handshakes")),
        "refused_after_ms": quantiles_ms(seen.times("refused_after")),
        "first_open_s": rounded(seen.times("opened_at").quantile(0.0)),
        "opened_all_s": rounded(seen.times("opened_at").quantile(1.0)),
        "through_95_s": rounded(through.quantile(0.95)),
        "through_all_s": rounded(through.quantile(1.0)),
        "cpu_s": spent["cpu_s"],
        "generator_cores": generator_cores(spent),
    }


def pages(crew: Crew, yard: Yard, rate: float, seconds: float, *, number: int) -> Result:
    """The mix while people look at pages; ``number``: a charger of nobody's, whose news the live feed has to bring."""
    crew.do("offer", rate=crew.split(rate), seconds=WARM_UP_S)
    with Desk(yard, number=number, people=PEOPLE, seconds=seconds) as desk, accounted() as spent:
        seen = crew.do("offer", rate=crew.split(rate), seconds=seconds)
        looked = desk.report()
    times = {name: quantiles_ms(Histogram.load(looked[name])) for name in DESK_PAGES}
    lags = Histogram.load(looked["lags"])
    return {
        "people": PEOPLE,
        "page_ms": times,
        "visits": sum(Histogram.load(looked[name]).count for name in DESK_PAGES),
        "slowest_p95_ms": max((times[name]["p95"] or 0.0 for name in times), default=None),
        "failures": looked["failures"],
        "live_lag_ms": quantiles_ms(lags),
        "live_news": lags.count,
        "unheard": looked["unheard"],
        "longest_lag_s": rounded(lags.quantile(1.0)),
        **offered(seen, spent, rate, seconds),
    }


def flood(crew: Crew, yard: Yard, rate: float, seconds: float, *, first: int, rounds: int) -> Result:
    """The mix by turns of ``seconds`` without and with chargers that do harm, ``first`` and the next: both, and each
    alone.
    """
    turns: defaultdict[tuple[str, ...], list[Histogram]] = defaultdict(list)
    rude_seen: list[Report] = []
    with Crew(2, ports=yard.doors[:1], password=yard.password, first=first) as rude, accounted() as spent:
        crew.do("offer", rate=crew.split(rate), seconds=WARM_UP_S)
        for who in FLOOD_ROUND * rounds:
            if who:
                rude.order("flood", seconds=seconds, who=who)
            turns[who].append(crew.do("offer", rate=crew.split(rate), seconds=seconds).times("answers"))
            if who:
                rude_seen.append(rude.report())
    p99_ms = {who: [quantiles_ms(turn)["p99"] or 0.0 for turn in of_kind] for who, of_kind in turns.items()}
    quiet_ms = median(p99_ms[()])
    counts = {name: sum(each[name] for each in rude_seen) for name in ("flooder_sent", "flooder_heard", "deaf_sent")}
    return {
        "offered_per_s": rate,
        "seconds": seconds * rounds * len(FLOOD_ROUND),
        "quiet_ms": quantiles_ms(sum(turns[()], Histogram())),
        "rough_ms": quantiles_ms(sum(turns[BOTH], Histogram())),
        "turns_p99_ms": {" and ".join(who) or "quiet": of_kind for who, of_kind in p99_ms.items()},
        "p99_more_percent": _more(quiet_ms, p99_ms[BOTH]),
        "flooder_p99_more_percent": _more(quiet_ms, p99_ms[FLOODER]),
        "deaf_p99_more_percent": _more(quiet_ms, p99_ms[DEAF]),
        "thrown_out": sum(each["lost"] for each in rude_seen),
        **counts,
        "generator_cores": generator_cores(spent),
    }


def _more(quiet_ms: float, rough_ms: list[float]) -> float | None:
    """By how many percent the median is more."""
    return rounded((median(rough_ms) / quiet_ms - 1) * 100) if quiet_ms else None


def leave(crew: Crew, yard: Yard, chargers: int, *, first: int) -> Result:
    """All vanish at once; 5 s later as many others, from number ``first`` on, dial at once, boot and report."""
    with Crew(chargers, ports=yard.doors, password=yard.password, first=first) as others:
        crew.do("vanish")
        time.sleep(OTHERS_AFTER_S)
        with accounted() as spent:
            seen = others.do("arrive", window=NO_WINDOW, script="arrival", limit_s=STORM_S)
        others.do("leave")
    through = seen.times("through_at")
    return {
        "chargers": chargers,
        "missing": seen["missing"],
        "refusals": seen.refusals(),
        "unreachable": seen["unreachable"],
        "handshake_ms": quantiles_ms(seen.times("handshakes")),
        "refused_after_ms": quantiles_ms(seen.times("refused_after")),
        "opened_all_s": rounded(seen.times("opened_at").quantile(1.0)),
        "through_all_s": rounded(through.quantile(1.0)),
        "cpu_s": spent["cpu_s"],
        "generator_cores": generator_cores(spent),
    }
