"""What happened around the opening of an issue: sockets, boots, states, orders and troubled frames of its charger.

Gathered once, for all issues of one look together: five statements, however many chargers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from chargers.models import Boot, Command, Connection, Exchange, StatusChange
from chargers.origins import US
from portal.issues.models import Issue
from portal.issues.rule import fact

BEFORE = timedelta(minutes=30)
MOST_ISSUES = 50  # of a storm the first ones tell enough
MOST_LINES = 16  # before each
TROUBLE = (Exchange.Outcome.ERROR, Exchange.Outcome.UNREADABLE)


def gather(issues: Sequence[Issue], *, at: datetime) -> None:
    """Add what happened before to the issues' evidence, in order of time. Changes the instances, writes nothing."""
    wanted = [issue for issue in issues if issue.charger_id][:MOST_ISSUES]
    if not wanted:
        return
    lines: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for charger_id, line in _lines([issue.charger_id or 0 for issue in wanted], at - BEFORE):
        lines[charger_id].append(line)
    for issue in wanted:
        before = sorted(lines[issue.charger_id or 0], key=_at)[-MOST_LINES:]
        issue.evidence = sorted([*issue.evidence, *before], key=_at)


def _at(line: dict[str, Any]) -> str:
    return str(line["at"])


def _lines(chargers: Sequence[int], since: datetime) -> Iterator[tuple[int, dict[str, Any]]]:
    for row in Connection.objects.filter(charger__in=chargers, connected_at__gte=since - timedelta(days=1)).order_by():
        if row.connected_at >= since:
            yield row.charger_id, fact(row.connected_at, f"It connected from {row.remote_address or 'unknown'}.")
        if row.disconnected_at and row.disconnected_at >= since:
            why = row.close_reason or "without a word"
            yield row.charger_id, fact(row.disconnected_at, f"Its connection ended: {why} ({row.close_code or '–'}).")
    for boot in Boot.objects.filter(charger__in=chargers, received_at__gte=since).order_by():
        yield boot.charger_id, fact(boot.received_at, f"It booted, {boot.firmware_version or 'firmware not told'}.")
    for change in StatusChange.objects.filter(charger__in=chargers, received_at__gte=since).order_by():
        text = ", ".join(filter(None, [change.get_status_display(), change.error_code, change.vendor_error_code]))
        where = f"Connector {change.evse_id}" if change.evse_id else "The charger as a whole"
        yield change.charger_id, fact(change.received_at, f"{where}: {text}.")
    for command in Command.objects.filter(charger__in=chargers, created_at__gte=since).order_by():
        name = command.action or command.verb
        by = command.requested_via or US
        yield (
            command.charger_id,
            fact(
                command.created_at,
                f"{name} was ordered by {by}: {command.get_status_display()}.",
                command=str(command.pk),
            ),
        )
    trouble = Exchange.objects.filter(charger__in=chargers, requested_at__gte=since, outcome__in=TROUBLE)
    for exchange in trouble.defer("request", "response").order_by("-requested_at")[: MOST_LINES * len(chargers)]:
        name = exchange.action or "A frame"
        yield (
            exchange.charger_id,
            fact(
                exchange.requested_at,
                f"{name} failed: {exchange.error_code or exchange.outcome}.",
                exchange=exchange.pk,
            ),
        )
