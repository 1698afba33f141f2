"""Where profiles of the library should be, and whether they are: answered, read back, lost by a boot, put back.

*Accepted* is a charger's word. So each place is asked for its composite schedule afterwards, and after each boot again:
a profile that is gone is ordered once more, once, and the place says so.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from chargers import commands
from chargers.models import Command, CommandStatus
from chargers.sentences import in_english, phrase
from chargers.signals import command_changed
from smartcharging import readback
from smartcharging.models import CompositeReport, InstalledProfile, Placement

READING_TTL_S = 3600
# Told to people, see chargers/sentences.py.
ANSWERED = phrase("The charger answered {status}.")
GAVE_REASON = phrase("The charger answered {status}, {reason}.")
PUT_BACK = phrase("Lost by the boot before {time:%Y-%m-%d %H:%M} UTC and put back.")
HIDDEN_FOR_A_DAY = phrase("Accepted; for the next day something else binds, so it does not show.")
HIDDEN_FOR_DAYS = phrase("Accepted; for the next days something else binds, so it does not show.")
State = Placement.State

_FIELDS = ("state", "told", "command", "reading", "looked_at", "put_back_at", "changed_at")


@transaction.atomic
def advance(*, at: datetime, most: int = 500) -> int:
    """Go on wherever an order or a look at the composite was answered, or a charger has booted; how many moved."""
    moved = [placement for placement in _waiting(most) if _step(placement, at)]
    for placement in moved:
        placement.changed_at = at
    Placement.objects.bulk_update(moved, _FIELDS)
    told = {placement.command_id for placement in moved if placement.command_id}
    if told:
        chargers = {placement.charger_id for placement in moved}
        transaction.on_commit(
            lambda: command_changed.send_robust(sender=Command, command_ids=told, charger_ids=chargers)
        )
    return len(moved)


def _waiting(most: int) -> list[Placement]:
    is_answered = Q(state=State.ORDERED) & ~Q(command__status__in=CommandStatus.open())
    is_read = Q(state=State.TAKEN) & ~Q(reading__status__in=CommandStatus.open())
    is_over = Q(state__in=[State.ORDERED, State.TAKEN, State.HELD, State.DIFFERS]) & (
        Q(session__stopped_at__isnull=False) | Q(session__is_superseded=True)
    )
    has_booted = Q(
        state__in=[State.HELD, State.DIFFERS], charger__is_online=True, charger__is_booted=True,
        charger__booted_at__gt=F("looked_at"),
    )  # fmt: skip
    # Refused, and ordered once more by somebody: by a retry of the job, or by hand.
    later = InstalledProfile.objects.filter(
        charger=OuterRef("charger"), profile_id=OuterRef("number"), installed_at__gt=OuterRef("changed_at")
    )
    is_taken_after_all = Q(state=State.REFUSED) & Exists(later)
    rows = Placement.objects.filter(is_answered | is_read | is_over | has_booted | is_taken_after_all)
    return list(rows.select_related("charger", "command", "reading", "session").order_by("changed_at")[:most])


def _step(placement: Placement, at: datetime) -> bool:
    if placement.session is not None and not placement.session.is_open:
        placement.state, placement.told = State.WITHDRAWN, phrase("Its session is over, and the profile went with it.")
    elif placement.state == State.ORDERED:
        _ordered(placement, at)
    elif placement.state == State.TAKEN:
        _read(placement, at)
    else:  # it has booted, or took it after all
        _look(placement, at)
    return True


def _ordered(placement: Placement, at: datetime) -> None:
    command = placement.command
    # Without an answer nobody knows; to look is better than to guess.
    if command is not None and command.status in (CommandStatus.ACCEPTED, CommandStatus.TIMEOUT):
        _look(placement, at)
        return
    why = command.explanation or _said(command) if command is not None else ""
    placement.state, placement.told = State.REFUSED, (why or phrase("The charger did not take it."))[:500]


def _said(command: Command) -> str:
    answer = command.answer if isinstance(command.answer, dict) else {}
    reason = (answer.get("statusInfo") or {}).get("reasonCode", "")
    status = answer.get("status") or in_english(command.get_status_display)
    return GAVE_REASON.format(status=status, reason=reason) if reason else ANSWERED.format(status=status)


def _look(placement: Placement, at: datetime, *, span_s: int | None = None) -> None:
    """Ask for the composite, as far ahead as the profile needs, or ``span_s``."""
    placement.state = State.TAKEN
    placement.reading = commands.request(
        placement.charger,
        "composite_schedule",
        arguments={
            "evse_id": placement.evse_id,
            "duration_s": span_s or readback.span_s(placement.profile, at=at),
            "unit": placement.profile.get("unit", "A"),
        },
        via="library, read back",
        ttl_s=READING_TTL_S,
    )


def _read(placement: Placement, at: datetime) -> None:
    report = CompositeReport.objects.filter(command=placement.reading).select_related("charger", "command").first()
    first_look = placement.looked_at is None
    if report is None or report.schedule is None:
        _unsaid(placement, at)
        return
    verdict = readback.verdict(report)
    is_known = InstalledProfile.objects.filter(charger=placement.charger, profile_id=placement.number).exists()
    placement.looked_at = at
    if not is_known:
        _close(placement, State.DIFFERS, phrase("Another profile has taken its place at that charger."), at)
    elif verdict.is_same and placement.number in verdict.shows:
        _close(placement, State.HELD, _again(placement, phrase("Its composite schedule shows it.")), at)
    elif placement.number not in verdict.shows:
        is_a_day = report.command.arguments.get("duration_s", 0) <= readback.SPAN_S
        _close(placement, State.HELD, HIDDEN_FOR_A_DAY if is_a_day else HIDDEN_FOR_DAYS, at)
    elif not first_look and _may_put_back(placement):
        _put_back(placement, at)
    else:
        _close(placement, State.DIFFERS, verdict.difference, at)


def _unsaid(placement: Placement, at: datetime) -> None:
    """It was away, cannot look that far ahead, or never tells."""
    reading = placement.reading
    if reading is not None and reading.status in (CommandStatus.EXPIRED, CommandStatus.CANCELLED):
        _look(placement, at)
    elif reading is not None and reading.arguments.get("duration_s", 0) > readback.SPAN_S:
        _look(placement, at, span_s=readback.SPAN_S)
    else:
        placement.looked_at = at
        _close(placement, State.HELD, phrase("Accepted; it does not say what it may draw, so nobody has seen it."), at)


def _again(placement: Placement, sentence: str) -> str:
    if placement.put_back_at is None:
        return sentence
    return f"{PUT_BACK.format(time=placement.put_back_at)} {sentence}"


def _may_put_back(placement: Placement) -> bool:
    """Once for each boot; what does not hold then needs a person."""
    booted_at = placement.charger.booted_at
    return booted_at is not None and (placement.put_back_at is None or placement.put_back_at < booted_at)


def _put_back(placement: Placement, at: datetime) -> None:
    placement.state, placement.put_back_at, placement.reading = State.ORDERED, at, None
    placement.told = phrase("Gone after its boot; ordered once more.")
    placement.command = commands.request(
        placement.charger,
        "set_profile",
        arguments={"evse_id": placement.evse_id, "profile": placement.profile},
        via="library, put back",
    )


def _close(placement: Placement, state: State, told: str, at: datetime) -> None:
    placement.state, placement.told = state, told[:500]
    effect = Command.Effect.NOT_SEEN if state == State.DIFFERS else Command.Effect.SEEN
    if placement.command is not None and (state == State.DIFFERS or told.endswith("shows it.")):
        Command.objects.filter(pk=placement.command.pk).update(effect=effect, effect_at=at, effect_text=told[:160])
