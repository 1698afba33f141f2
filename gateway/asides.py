"""Answers for which somebody outside has to be asked: given after the batch, by threads that have nothing else to do.

A batch is one transaction with the frames of many chargers in it, so nobody in it may wait for a responder somewhere.
A handler that would have to returns an `Aside`; its request stays open in the journal, and its charger alone waits. The
bell may be lost, the process may die while it asks, and so may the answer on the bus: the gateway publishes the request
again, which finds the stored answer, or rings once more.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import cache

import structlog
from django.db import connections, transaction
from django.utils import timezone

from chargers import journal
from chargers.models import Charger
from chargers.signals import charger_changed
from gateway import delivery, frames, schemas
from gateway.bus.publisher import Publication
from gateway.call import Unanswered
from gateway.dialect import Payload
from gateway.errors import InternalError
from gateway.registry import DIALECTS

log = structlog.get_logger(__name__)

Say = Callable[[list[Publication]], None]
THREADS = 8  # of a process: so many may be slow at once
# Of what came in a crowd: its charger has given up and repeats itself, which rings again.
NOBODY_WAITS_AFTER = timedelta(seconds=30)

_in_work: set[tuple[int, str, str]] = set()  # of this process, see `_key`


def answer_soon(request: Unanswered, say: Say) -> None:
    """Have it asked and return at once. What is being asked here already, or waits for it, is not asked again."""
    if _key(request) in _in_work:
        return
    _in_work.add(_key(request))
    _threads(os.getpid()).submit(_work, request, say, timezone.now())


def answer(request: Unanswered, *, at: datetime, say: Say) -> None:
    """Ask, keep the answer, and say what is then to be said to the charger: nothing if it was answered meanwhile."""
    charger = Charger.objects.get(pk=request.charger_id)
    try:
        found = DIALECTS[charger.subprotocol].askers[request.action](charger, request.question, at)
        _close(request, charger, lambda: _result(request, charger, found() if callable(found) else found), say)
    except Exception:
        log.exception("aside_failed", charger=charger.identity, action=request.action)
        refusal = InternalError("We could not find out; our staff can see it.")
        text = frames.error(request.message_id, refusal, charger.subprotocol)
        _close(request, charger, lambda: text, say, error_code=refusal.code)


def _key(request: Unanswered) -> tuple[int, str, str]:
    return request.charger_id, request.message_id, request.digest


@cache
def _threads(pid: int) -> ThreadPoolExecutor:
    """Made at first use by the process that uses them: no fork takes threads along."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="aside")


def _work(request: Unanswered, say: Say, rung_at: datetime) -> None:
    try:
        if (at := timezone.now()) - rung_at < NOBODY_WAITS_AFTER:
            answer(request, at=at, say=say)
    except Exception:  # the database is away, say
        log.exception("aside_not_answered", charger=request.charger_id, action=request.action, id=request.message_id)
    finally:
        _in_work.discard(_key(request))
        connections.close_all()  # this thread's own


def _close(request: Unanswered, charger: Charger, word: Callable[[], str], say: Say, *, error_code: str = "") -> None:
    """Store our answer, and with it what it promises; ``word`` gives its text."""
    at, told, said = timezone.now(), {charger.pk}, list[Publication]()
    with transaction.atomic():
        # Before what else follows the commit: that it gets a certificate a charger hears before it gets it.
        transaction.on_commit(lambda: say(said), robust=True)
        text = word()
        if journal.answered_aside(*_key(request), text, at=at, error_code=error_code):
            said.append(delivery.to_charger(charger, text, at=at))
        transaction.on_commit(lambda: charger_changed.send_robust(sender=Charger, charger_ids=told))
    log.info("frame", charger=charger.identity, action=request.action, id=request.message_id, outcome="aside")


def _result(request: Unanswered, charger: Charger, payload: Payload) -> str:
    dialect = DIALECTS[charger.subprotocol]
    if not schemas.load(dialect.schemas).is_valid_answer(request.action, payload):
        log.error("invalid_answer", charger=charger.identity, action=request.action, answer=payload)
    return frames.result(request.message_id, payload)
