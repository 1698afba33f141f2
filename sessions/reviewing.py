"""People decide what a session has drawn, and end one that its charger forgot. Each decision is kept with its reason.

A decision stands: what the charger tells later changes registers, not the energy, and puts it back on the pile.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from chargers.sentences import phrase
from sessions import energy, registers, stopping, truth
from sessions.models import ChargingSession, MeterValue, Review
from sessions.signals import session_changed

MOST_WH = 10_000_000  # of one session
AT_ONCE = 200
CLOSED_BY_STAFF = "ClosedByStaff"
SETTLED = timedelta(minutes=1)  # what comes with the stop has come by then

# Told to people, see chargers/sentences.py.
NOTHING_READ = phrase("Staff has closed it, and its charger never told a register; what it drew is not known.")
TOO_MUCH = phrase("{energy_wh} Wh is nothing that one session draws; 0 to {most:,} can be set.")


class CannotDecide(ValueError):
    """The decision makes no sense for this session; the text is for people."""


@transaction.atomic
def decide(
    session_id: int, energy_wh: int | None, *, reason: str, by: AbstractBaseUser | None, via: str = "portal"
) -> ChargingSession:
    """Set what a session has drawn; None: it is not to be billed. Approving the proposal is deciding for its value."""
    session = _locked(session_id)
    if session.is_open:
        raise CannotDecide(phrase("It is still running; stop or close it first."))
    if energy_wh is not None and not 0 <= energy_wh <= MOST_WH:
        raise CannotDecide(TOO_MUCH.format(energy_wh=energy_wh, most=MOST_WH))
    _keep(session, Review.Kind.ENERGY, energy_wh, reason, by, via)
    session.energy_wh = energy_wh
    session.reviewed_at = timezone.now()
    session.needs_review, session.review_reasons = False, []
    session.save(update_fields=["energy_wh", "reviewed_at", "needs_review", "review_reasons"])
    _announce(session)
    return session


@transaction.atomic
def close(session_id: int, *, reason: str, by: AbstractBaseUser | None, via: str = "portal") -> ChargingSession:
    """End a session of which the charger knows nothing any more, at its last sign of life.

    Its energy counts to its last reading and waits for a decision. A stop that comes after all is taken.
    """
    session = _locked(session_id)
    if not session.is_open:
        raise CannotDecide(phrase("It has ended already."))
    now = timezone.now()
    _keep(session, Review.Kind.CLOSED, session.energy_wh, reason, by, via)
    stopping.close_at(session, "", at=session.metered_at or session.started_at)
    session.stopped_received_at = now
    session.stop_reason = CLOSED_BY_STAFF
    energy.recount(session)
    if session.energy_wh is None:
        energy.review(session, NOTHING_READ)
    session.save()
    stopping.still([(session, now)])
    _announce(session)
    return session


def propose_lately(*, at: datetime) -> int:
    """Work out proposals for ended sessions whose energy is in doubt; how many got one. Safe to repeat."""
    waiting = ChargingSession.objects.filter(
        needs_review=True, energy_wh=None, proposed_at=None, stopped_received_at__lte=at - SETTLED
    )
    count = 0
    for session in waiting.order_by("pk")[:AT_ONCE]:
        rows = MeterValue.objects.filter(session=session, energy_wh__isnull=False)
        if truth.DROPPED not in session.review_reasons:  # else just those that fell out of line tell what happened
            rows = rows.filter(is_suspect=False)
        told = registers.told(rows)
        before = stopping.history(session)
        found = truth.propose(session, told, before_wh=before[0] if before else None)
        session.proposed_wh = found.energy_wh if found else None
        session.proposal = found.reason if found else phrase("Nothing in its readings tells what it drew.")
        session.proposed_at = at
        session.save(update_fields=["proposed_wh", "proposal", "proposed_at"])
        _announce(session)
        count += found is not None
    return count


def _locked(session_id: int) -> ChargingSession:
    return ChargingSession.objects.select_for_update(of=("self",)).get(pk=session_id)


def _keep(
    session: ChargingSession,
    kind: Review.Kind,
    energy_wh: int | None,
    reason: str,
    by: AbstractBaseUser | None,
    via: str,
) -> None:
    if not reason.strip():
        raise CannotDecide(phrase("Say why: the next one to look at this bill will ask."))
    Review.objects.create(
        session=session,
        at=timezone.now(),
        by=by,  # type: ignore[misc]
        via=via[:40],
        kind=kind,
        before_wh=session.energy_wh,
        after_wh=energy_wh,
        proposed_wh=session.proposed_wh,
        reason=reason.strip()[:1000],
        doubts=session.review_reasons,
    )


def _announce(session: ChargingSession) -> None:
    ids, chargers = {session.pk}, {session.charger_id}
    transaction.on_commit(
        lambda: session_changed.send_robust(sender=ChargingSession, session_ids=ids, charger_ids=chargers)
    )
