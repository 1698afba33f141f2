"""The outcome of a chaos as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator

from portal.chaos.drama import Act, Outcome

SOON_S = 15.0  # our goal for a recovery
PROMISES = {
    "lost": "confirmed and not stored",
    "double": "stored more than once",
    "wrong owner": "stored with another charger or session",
    "invented": "stored and never said",
    "one stop": "sessions with two stops, or a stop without effect",
    "sequence": "incomplete and not flagged, or flagged and complete",
    "energy": "not what the registers say",
    "orders open": "orders without an end",
    "orders lost": "accepted and not stored",
    "orders twice": "given twice, or given although over",
    "presence": "connected and counted otherwise",
    "conflicts": "facts in two versions",
    "dead letters": "frames that could not be digested",
}


def lines(outcome: Outcome) -> Iterator[str]:
    yield from _acts(outcome.acts)
    if outcome.not_reached:
        yield f"no time left for {', '.join(outcome.not_reached)}; --minutes gives more"
    yield ""
    yield from _totals(outcome)
    yield ""
    yield from _promises(outcome)


def _acts(acts: list[Act]) -> Iterator[str]:
    yield f"{'':24} {'lasted':>7} {'confirmed':>10} {'all':>6} {'caught':>7}   {'p50 / p99 ms':^45}   burned  away"
    yield (
        f"{'fault':24} {'s':>7} {'again s':>10} {'back s':>6} {'up s':>7}   {'before':^15}{'during':^15}{'after':^15}"
        "    tries max s  closed, refused"
    )
    for act in acts:
        times = "".join(f"{_times(each):^15}" for each in (act.before_ms, act.during_ms, act.after_ms))
        slow = "" if act.recovered_s is not None and act.recovered_s <= SOON_S else "!"
        yield (
            f"{act.fault:24} {act.lasted_s:>7} {_seconds(act.recovered_s) + slow:>10} {_seconds(act.all_back_s):>6} "
            f"{_seconds(act.caught_up_s):>7}   {times}   {act.burned:>6} {act.longest_away_s:>5.0f}  "
            f"{_counts(act.closes)}{_counts(act.refusals)}".rstrip()
        )


def _totals(outcome: Outcome) -> Iterator[str]:
    seen = outcome.figures
    yield (
        f"frames sent {outcome.sent:,} · records attempted {seen['attempted']:,}, confirmed {seen['acknowledged']:,},"
        f" never confirmed {outcome.unconfirmed:,} · facts stored {seen['stored']:,} in {seen['sessions']:,} sessions"
    )
    yield (
        f"orders {seen['orders']:,}, obeyed {seen['obeyed']:,} · sessions for review {seen['for review']:,} · "
        f"attempts burned on an open socket {outcome.burned:,}"
    )


def _promises(outcome: Outcome) -> Iterator[str]:
    for promise, meaning in PROMISES.items():
        found = outcome.counts.get(promise, 0)
        yield f"{found:>7,}  {promise:13} {meaning}"
        for sentence in outcome.breaches.get(promise, [])[:10]:
            yield f"           {sentence}"
    yield ""
    slow = [act.fault for act in outcome.acts if act.recovered_s is None or act.recovered_s > SOON_S]
    if slow:
        yield f"slower than {SOON_S:.0f} s to recover (!): {', '.join(slow)}"
    yield "Every promise held." if outcome.is_clean else "A PROMISE BROKE."


def _times(ms: dict[str, float | None]) -> str:
    return " / ".join("–" if value is None else f"{value:,.0f}" for value in ms.values())


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f}"


def _counts(counts: dict[str, int]) -> str:
    return "".join(f"{times}×{code} " for code, times in sorted(counts.items()))
