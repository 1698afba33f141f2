"""Answers for which somebody outside has to be asked: given by a task of their own, after the batch.

A batch is one transaction with the frames of many chargers in it, so nobody in it may wait for a responder somewhere.
A handler that would have to returns an `Aside`; its request stays open in the journal, and its charger alone waits. The
bell may be lost, and so may the answer on the bus: the gateway publishes the request again, which finds the stored
answer, or rings once more.
"""

from __future__ import annotations

from datetime import datetime

import structlog
from django.db import transaction
from django.utils import timezone

from chargers import journal
from chargers.models import Charger
from chargers.signals import charger_changed
from gateway import delivery, frames, schemas
from gateway.bus.publisher import Publication
from gateway.call import Unanswered
from gateway.errors import InternalError
from gateway.registry import DIALECTS

log = structlog.get_logger(__name__)


def answer(request: Unanswered, *, at: datetime) -> list[Publication]:
    """Ask, and keep the answer; what is then to be said to the charger, nothing if it was answered meanwhile."""
    charger = Charger.objects.get(pk=request.charger_id)
    text, error_code = _asked(request, charger, at)
    with transaction.atomic():
        is_due = journal.answered_aside(
            charger, text, message_id=request.message_id, at=timezone.now(), error_code=error_code
        )
        said = [delivery.to_charger(charger, text, at=at)] if is_due else []
        told = {charger.pk}
        transaction.on_commit(lambda: charger_changed.send_robust(sender=Charger, charger_ids=told))
    log.info("frame", charger=charger.identity, action=request.action, id=request.message_id, outcome="aside")
    return said


def _asked(request: Unanswered, charger: Charger, at: datetime) -> tuple[str, str]:
    """Our answer on the wire, and its error code."""
    dialect = DIALECTS[charger.subprotocol]
    try:
        payload = dialect.askers[request.action](request.question, at)
    except Exception:
        log.exception("aside_failed", charger=charger.identity, action=request.action)
        refusal = InternalError("We could not find out; our staff can see it.")
        return frames.error(request.message_id, refusal, charger.subprotocol), refusal.code
    if not schemas.load(dialect.schemas).is_valid_answer(request.action, payload):
        log.error("invalid_answer", charger=charger.identity, action=request.action, answer=payload)
    return frames.result(request.message_id, payload), ""
