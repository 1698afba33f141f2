"""What a charger's limits are worth is tried, not believed: a short limit, and whether it holds and ends by itself.

- A: its composite schedule shows the limit and its end, and after the end shows it no more.
- B: it takes the limit, but does not say so, or does not say that it ends: the last limit may stay for ever.
- C: it refuses the limit, or draws more than it while it holds.

Staff start it; new firmware starts it again, and until then the charger counts as one whose limits stay.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery

from chargers import commands
from chargers.models import CommandStatus
from chargers.sentences import phrase
from sessions.models import ChargingSession, MeterValue
from smartcharging import abilities, grid, planning
from smartcharging.bookkeeping import open_books
from smartcharging.leading import PROFILES_FROM
from smartcharging.ledger import FLOOR_A, Trust
from smartcharging.models import CompositeReport, Outlet, Probe, SitePlan

NUMBER = PROFILES_FROM - 1000  # of the profile: one for each EVSE
LASTS = timedelta(seconds=90)
BEFORE = timedelta(seconds=60)  # a schedule that is yet to start would leave a gap
SPAN_S = 300

# Told to people, see chargers/sentences.py.
NOT_ONLINE = phrase("{identity} is not online; it can be tried when it is back.")
IS_TRIED = phrase("{identity} is being tried already.")
NO_PLAN = phrase("The site cannot be planned: {error}")
NO_FLOOR = phrase("The site has no {current:g} A free for it now; try again when less charges.")
REFUSED = phrase("It refused a limit of {current:g} A. {why}")
ACCEPTED_BUT = phrase("It accepted {current:g} A and says that it may draw {said}.")
DOES_NOT_END = phrase("It shows the limit of {current:g} A, but not that it ends.")
TOOK_AND_ENDED = phrase("It shows {current:g} A until the end of the limit, and {said} from there on.")
METER_SHOWED = phrase("Its meter showed {current:g} A while {limit:g} A held.")
METER_SHOWED_AT_MOST = phrase("Its meter showed {current:g} A at most while {limit:g} A held.")
NEAR_A, NEAR_S = 0.5, 20.0
OBEYS_WITHIN = timedelta(seconds=30)
TOLERANCE_A = 2.0
LEVEL = 8  # above the profiles of plans, if the charger has so many
TTL_S = 120
State = Probe.State


class NotNow(ValueError):
    """It cannot be tried at the moment; a sentence."""


@transaction.atomic
def start(outlet: Outlet, *, why: str, at: datetime) -> Probe:
    """Try a charger at one EVSE. Raises NotNow."""
    charger = outlet.charger
    if not (charger.is_online and charger.is_booted):
        raise NotNow(NOT_ONLINE.format(identity=charger.identity))
    if outlet.probes.exclude(state=State.DONE).exists():
        raise NotNow(IS_TRIED.format(identity=charger.identity))
    _require_room(outlet, at)
    session = ChargingSession.objects.filter(
        charger=charger, evse_id=outlet.evse_id, stopped_at=None, is_superseded=False
    ).first()
    setting = commands.request(
        charger, "set_profile",
        arguments={"evse_id": outlet.evse_id, "profile": _profile(outlet, session, at)}, via="probe", ttl_s=TTL_S,
    )  # fmt: skip
    return Probe.objects.create(
        outlet=outlet, firmware_version=charger.firmware_version, why=why[:120], limit_a=FLOOR_A, began_at=at,
        ends_at=at + LASTS, setting=setting,
    )  # fmt: skip


def _require_room(outlet: Outlet, at: datetime) -> None:
    """The limit of the probe may be more than what the EVSE has now: then the site must bear it."""
    plan = SitePlan.objects.select_for_update().filter(site=outlet.node.site_id, is_on=True).first()
    if plan is None:
        return
    try:
        books = open_books(plan, at=at, ahead_s=plan.lease_s)
    except grid.ImpossibleTree as error:
        raise NotNow(NO_PLAN.format(error=error)) from error
    worst = books.ledger.worst_a(at.timestamp())
    index = next(n for n, one in enumerate(books.outlets) if one.pk == outlet.pk)
    if worst[index] < FLOOR_A:
        worst[index] = FLOOR_A
        if not books.ledger.network.bears(worst):
            raise NotNow(NO_FLOOR.format(current=FLOOR_A))


def _profile(outlet: Outlet, session: ChargingSession | None, at: datetime) -> dict[str, Any]:
    told = abilities.of(outlet.charger)
    in_watts = told.units == frozenset("W")
    limit = FLOOR_A * 230.0 * outlet.phases if in_watts else FLOOR_A
    return {
        "id": NUMBER + outlet.evse_id,
        "stack_level": LEVEL if told.most_stack_level is None else min(LEVEL, told.most_stack_level),
        "purpose": "tx_default" if session is None else "tx",
        **({} if session is None else {"session_id": session.pk}),
        "kind": "absolute",
        "start_at": (at - BEFORE).isoformat(),
        "duration_s": int((BEFORE + LASTS).total_seconds()),
        "unit": "W" if in_watts else "A",
        "periods": [{"start_s": 0, "limit": limit}],
    }


@transaction.atomic
def advance(*, at: datetime) -> int:
    """Go on where an answer has come or the limit is over; how many moved."""
    settled = ~Q(setting__status__in=CommandStatus.open())
    read = ~Q(reading__status__in=CommandStatus.open())
    ready = Probe.objects.filter(
        Q(state=State.SETTING) & settled
        | Q(state__in=[State.READING, State.ENDING]) & read
        | Q(state=State.WAITING, ends_at__lte=at - timedelta(seconds=NEAR_S))
    ).select_related("outlet__charger", "outlet__node", "setting", "reading")
    moved = list(ready[:200])
    for probe in moved:
        _STEPS[State(probe.state)](probe, at)
        probe.save()
    return len(moved)


def _was_set(probe: Probe, at: datetime) -> None:
    command = probe.setting
    if command is not None and command.status in (CommandStatus.ACCEPTED, CommandStatus.TIMEOUT):
        _ask(probe, State.READING)
    elif command is not None and command.status in (CommandStatus.EXPIRED, CommandStatus.CANCELLED):
        _done(probe, "", [phrase("It went offline before it could be tried.")], at)
    else:
        why = command.explanation if command is not None else ""
        _done(probe, "C", [REFUSED.format(current=probe.limit_a, why=why).strip()], at)


def _was_read(probe: Probe, at: datetime) -> None:
    """Does it show the limit, and its end?"""
    periods, begins_at = _told(probe)
    probe.state = State.WAITING
    if periods is None:
        probe.reasons = [phrase("It took the limit, but does not say what it may draw.")]
        return
    left_s = (probe.ends_at - begins_at).total_seconds()
    during = _at(periods, min(NEAR_S, left_s / 2))
    after = _at(periods, left_s + NEAR_S)
    if not _is_limit(probe, during):
        probe.reasons = [ACCEPTED_BUT.format(current=probe.limit_a, said=_said(during))]
    elif _is_limit(probe, after):
        probe.reasons = [DOES_NOT_END.format(current=probe.limit_a)]
    else:
        probe.verdict = "A"
        probe.reasons = [TOOK_AND_ENDED.format(current=probe.limit_a, said=_said(after))]


def _is_over(probe: Probe, at: datetime) -> None:
    _ask(probe, State.ENDING)


def _was_read_again(probe: Probe, at: datetime) -> None:
    """Its end has passed: is it gone? And what did the meter see?"""
    periods, _ = _told(probe)
    reasons = list(probe.reasons)
    verdict = probe.verdict or "B"
    if any("and says that it may draw" in reason for reason in reasons):
        verdict = "C"
    if periods is not None and verdict == "A":
        if _is_limit(probe, _at(periods, 1.0)):
            verdict = "B"
            reasons.append(phrase("After its end the limit was still there."))
        else:
            reasons.append(phrase("After its end it was gone."))
    drawn_a = _drawn_a(probe)
    if drawn_a is None:
        reasons.append(phrase("No meter was watched: no session ran."))
    elif drawn_a > probe.limit_a + TOLERANCE_A:
        verdict = "C"
        reasons.append(METER_SHOWED.format(current=drawn_a, limit=probe.limit_a))
    else:
        reasons.append(METER_SHOWED_AT_MOST.format(current=drawn_a, limit=probe.limit_a))
        verdict = "B" if verdict == "C" else verdict
    _done(probe, verdict, reasons, at)


_STEPS = {
    State.SETTING: _was_set,
    State.READING: _was_read,
    State.WAITING: _is_over,
    State.ENDING: _was_read_again,
}


def _ask(probe: Probe, state: State) -> None:
    probe.state = state
    unit = ((probe.setting.arguments if probe.setting else {}).get("profile") or {}).get("unit", "A")
    arguments = {"evse_id": probe.outlet.evse_id, "duration_s": SPAN_S, "unit": unit}
    probe.reading = commands.request(
        probe.outlet.charger, "composite_schedule", arguments=arguments, via="probe", ttl_s=TTL_S
    )


def _done(probe: Probe, verdict: str, reasons: list[str], at: datetime) -> None:
    """Take the limit away again, and trust the charger as far as it deserves."""
    probe.state, probe.verdict, probe.reasons, probe.done_at = State.DONE, verdict, reasons, at
    if probe.setting is not None and probe.setting.status in (CommandStatus.ACCEPTED, CommandStatus.TIMEOUT):
        arguments = {"profile_id": NUMBER + probe.outlet.evse_id}
        commands.request(probe.outlet.charger, "clear_profiles", arguments=arguments, via="probe")
    if verdict:
        Outlet.objects.filter(pk=probe.outlet_id).update(trust=verdict)
        planning.call_for({probe.outlet.node.site_id}, at=at)


def _told(probe: Probe) -> tuple[list[tuple[float, float | None]] | None, datetime]:
    """Steps of the composite in A per phase, None if it was not told; and when it begins."""
    report = CompositeReport.objects.filter(command=probe.reading).first()
    if report is None or not (report.schedule or {}).get("periods"):
        return None, probe.began_at
    schedule = report.schedule or {}
    watts = 230.0 * probe.outlet.phases if schedule.get("unit") == "W" else 1.0
    ends = schedule.get("duration_s")
    steps = [(float(p.get("start_s") or 0), _amperes(p.get("limit"), watts)) for p in schedule["periods"]]
    return ([*steps, (float(ends), None)] if ends else steps), report.begins_at


def _amperes(limit: object, watts: float) -> float | None:
    return float(limit) / watts if isinstance(limit, int | float) else None


def _at(steps: list[tuple[float, float | None]], seconds: float) -> float | None:
    return next((limit for start, limit in reversed(steps) if start <= seconds), None)


def _is_limit(probe: Probe, limit_a: float | None) -> bool:
    return limit_a is not None and abs(limit_a - probe.limit_a) <= NEAR_A


def _said(limit_a: float | None) -> str:
    return phrase("what it likes") if limit_a is None else f"{limit_a:g} A"


def _drawn_a(probe: Probe) -> float | None:
    """The most that the meter showed while the limit held, after a moment to obey; None if none was read."""
    seen = MeterValue.objects.filter(
        charger=probe.outlet.charger_id, evse_id=probe.outlet.evse_id, session__isnull=False, is_suspect=False,
        current_a__isnull=False, received_at__gt=probe.began_at + OBEYS_WITHIN, received_at__lte=probe.ends_at,
    )  # fmt: skip
    return seen.order_by("-current_a").values_list("current_a", flat=True).first()


def after_firmware(*, at: datetime, most: int = 20) -> int:
    """Chargers that were tried with other firmware count as sticky, and are tried anew; how many."""
    last = Probe.objects.filter(outlet=OuterRef("pk")).exclude(state=State.DONE, verdict="").order_by("-began_at")
    tried = Outlet.objects.annotate(
        tried_with=Subquery(last.values("firmware_version")[:1]), tried_state=Subquery(last.values("state")[:1])
    )
    changed = tried.filter(tried_state=State.DONE, charger__is_online=True, charger__is_booted=True).exclude(
        tried_with=F("charger__firmware_version")
    )
    count = 0
    for outlet in changed.select_related("charger", "node")[:most]:
        if outlet.trust == Trust.LEASE:
            Outlet.objects.filter(pk=outlet.pk).update(trust=Trust.STICKY)
        try:
            start(outlet, why=f"new firmware {outlet.charger.firmware_version}", at=at)
        except NotNow:
            continue  # the next sweep tries again
        count += 1
    return count
