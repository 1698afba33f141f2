"""Cars that do not get what they came for: starts that fail, sessions that hang, a plug that nobody can use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q

from chargers.models import Connector, ConnectorStatus
from chargers.sentences import phrase
from portal.issues.models import Issue, Severity
from portal.issues.rule import Finding, Gone, Look, Rule, fact, span
from sessions.models import ChargingSession

OPEN = Q(stopped_at=None, is_superseded=False)

# -- starts that fail ------------------------------------------------------------------------------------------------
FAILED_WITHIN = timedelta(minutes=3)
NOTHING_WH = 100
IN_A_ROW = 3


def _failed(lasted: timedelta, energy_wh: int | None) -> bool:
    return lasted <= FAILED_WITHIN and (energy_wh or 0) < NOTHING_WH


def find_failed_starts(look: Look) -> Iterator[Finding]:
    """Three sessions in a row at one plug that ended at once with nothing; by two cards, for it may be the car."""
    ended = ChargingSession.objects.filter(started_at__gte=look.since, stopped_at__isnull=False, evse_id__gt=0)
    rows = ended.filter(token_verdict__in=("", "accepted")).order_by("started_at").select_related("charger")
    by_plug: defaultdict[tuple[int, int], list[ChargingSession]] = defaultdict(list)
    for session in rows:
        assert session.stopped_at is not None
        row = by_plug[session.charger_id, session.evse_id]
        if _failed(session.stopped_at - session.started_at, session.energy_wh):
            row.append(session)
        else:
            row.clear()
    for (charger_id, evse_id), row in by_plug.items():
        if len(row) < IN_A_ROW or len({session.token_value.casefold() for session in row}) < 2:
            continue
        identity = row[0].charger.identity
        yield Finding(
            key=f"starts:{charger_id}:{evse_id}",
            title=f"{identity}, connector {evse_id}: the last {len(row)} sessions ended at once and drew nothing.",
            charger_id=charger_id,
            evse_id=evse_id,
            evidence=[
                fact(
                    s.started_at,
                    f"Session {s.pk}: {s.energy_wh or 0} Wh, ended by {s.stop_reason or '–'}.",
                    session=s.pk,
                )
                for s in row[-10:]
            ],
        )


def prove_failed_starts(issues: Sequence[Issue], look: Look) -> Gone:
    since = min(issue.opened_at for issue in issues)
    good = ChargingSession.objects.filter(
        charger__in=[issue.charger_id for issue in issues], started_at__gte=since, energy_wh__gte=NOTHING_WH
    ).order_by("started_at")
    found = {(s.charger_id, s.evse_id): s for s in good}
    return {
        issue.pk: f"Session {session.pk} drew {(session.energy_wh or 0) / 1000:.2f} kWh there."
        for issue in issues
        if (session := found.get((issue.charger_id or 0, issue.evse_id))) and session.started_at >= issue.opened_at
    }


# -- sessions that hang ----------------------------------------------------------------------------------------------
FREE_AGAIN = timedelta(minutes=10)


def find_stuck(look: Look) -> Iterator[Finding]:
    """Open, while its connector is free again, or without a reading for longer than our patience."""
    running = ChargingSession.objects.filter(
        OPEN, charger__is_online=True, started_received_at__lte=look.at - FREE_AGAIN
    )
    rows = running.select_related("charger").order_by()
    free = {
        (charger_id, evse_id): at
        for charger_id, evse_id, at in Connector.objects.filter(
            charger__in=rows.values("charger"), status=ConnectorStatus.AVAILABLE, status_at__lte=look.at - FREE_AGAIN
        )
        .order_by()
        .values_list("charger", "evse_id", "status_at")
    }
    for session in rows:
        free_at = free.get((session.charger_id, session.evse_id))
        heard_at = session.metered_at or session.started_received_at
        if free_at and free_at > session.started_received_at:
            why = f"its connector has been free for {span((look.at - free_at).total_seconds())}"
        elif heard_at <= look.since:
            why = f"nothing was metered for {span((look.at - heard_at).total_seconds())}"
        else:
            continue
        yield Finding(
            key=f"stuck:{session.pk}",
            title=f"Session {session.pk} on {session.charger.identity} looks stuck: {why}, and no stop came.",
            charger_id=session.charger_id,
            session_id=session.pk,
            evse_id=session.evse_id,
            evidence=[
                fact(session.started_at, "The session started.", session=session.pk),
                fact(session.metered_at, "Its last reading.") if session.metered_at else fact(None, "No reading came."),
            ],
        )


def prove_stuck(issues: Sequence[Issue], look: Look) -> Gone:
    sessions = ChargingSession.objects.in_bulk([issue.session_id for issue in issues if issue.session_id])
    gone: Gone = {}
    for issue in issues:
        session = sessions.get(issue.session_id or 0)
        if session is None or not session.is_open:
            gone[issue.pk] = "The session has ended."
        elif session.metered_at and session.metered_at > issue.seen_at:
            gone[issue.pk] = "It is metered again."
    return gone


# -- a plug that nobody uses any more --------------------------------------------------------------------------------
RHYTHM_OVER = timedelta(days=28)
FEWEST_SESSIONS = 20
LONGER_THAN_EVER = 1.5


def find_silent(look: Look) -> Iterator[Finding]:
    """A plug with a rhythm (20 sessions in four weeks) that is quiet for half as long again as it ever was."""
    recent = ChargingSession.objects.filter(
        started_at__gte=look.at - RHYTHM_OVER, started_at__lte=look.at, evse_id__gt=0
    )
    quiet = list(
        recent.order_by()
        .values("charger", "evse_id", "charger__identity")
        .annotate(n=Count("pk"), first_at=Min("started_at"), last_at=Max("started_at"), open=Count("pk", filter=OPEN))
        .filter(n__gte=FEWEST_SESSIONS, last_at__lte=look.since, open=0, charger__is_online=True)
    )
    longest = _longest_gaps([(row["charger"], row["evse_id"]) for row in quiet], look)
    for row in quiet:
        silence, usual = look.at - row["last_at"], longest[row["charger"], row["evse_id"]]
        if silence < usual * LONGER_THAN_EVER:
            continue
        every = (row["last_at"] - row["first_at"]) / (row["n"] - 1)
        yield Finding(
            key=f"silent:{row['charger']}:{row['evse_id']}",
            title=f"{row['charger__identity']}, connector {row['evse_id']}: no session for "
            f"{span(silence.total_seconds())}; usually one every {span(every.total_seconds())}.",
            charger_id=row["charger"],
            evse_id=row["evse_id"],
            evidence=[
                fact(row["last_at"], "The last session started."),
                fact(
                    None, f"Its longest pause in four weeks was {span(usual.total_seconds())}, in {row['n']} sessions."
                ),
            ],
        )


def _longest_gaps(plugs: Sequence[tuple[int, int]], look: Look) -> dict[tuple[int, int], timedelta]:
    longest = dict.fromkeys(plugs, timedelta(0))
    before: dict[tuple[int, int], datetime] = {}
    rows = ChargingSession.objects.filter(
        charger__in={charger_id for charger_id, _ in plugs}, started_at__gte=look.at - RHYTHM_OVER
    ).order_by("started_at")
    for charger_id, evse_id, at in rows.values_list("charger", "evse_id", "started_at"):
        plug = (charger_id, evse_id)
        if plug in longest and plug in before:
            longest[plug] = max(longest[plug], at - before[plug])
        before[plug] = at
    return longest


def prove_silent(issues: Sequence[Issue], look: Look) -> Gone:
    since = min(issue.opened_at for issue in issues)
    rows = ChargingSession.objects.filter(charger__in=[issue.charger_id for issue in issues], started_at__gte=since)
    started = set(rows.order_by().values_list("charger", "evse_id"))
    return {
        issue.pk: "A session has started there." for issue in issues if (issue.charger_id, issue.evse_id) in started
    }


FAILED_STARTS = Rule(
    name="failed_starts",
    title=phrase("Starts fail"),
    severity=Severity.MAJOR,
    find=find_failed_starts,
    prove=prove_failed_starts,
    patience=timedelta(hours=6),
    patience_means=phrase("sessions are looked at; three failed in a row within"),
    first_step=phrase("Open one of the sessions: what stopped it? Then restart the charger while no car charges."),
    who=phrase("you; then a technician"),
    every=timedelta(minutes=1),
    steps=("fetch_log", "restart"),
)
STUCK_SESSION = Rule(
    name="stuck_session",
    title=phrase("Session looks stuck"),
    severity=Severity.MINOR,
    find=find_stuck,
    prove=prove_stuck,
    patience=timedelta(hours=6),
    patience_means=phrase("an open session tells no reading"),
    first_step=phrase("Stop it from its page; if the charger knows nothing of it, close it there by hand."),
    who=phrase("you"),
    every=timedelta(minutes=1),
    steps=("ask_reading",),
)
SILENT_EVSE = Rule(
    name="silent_evse",
    title=phrase("Nobody charges there any more"),
    severity=Severity.MINOR,
    find=find_silent,
    prove=prove_silent,
    patience=timedelta(hours=24),
    patience_means=phrase("no session starts at a plug that has a rhythm"),
    first_step=phrase(
        "Ask somebody on site to look: blocked bay, broken screen, cut cable, a reader that reads nothing."
    ),
    who=phrase("site contact"),
    every=timedelta(hours=1),
    steps=("ask_state", "restart"),
)
