"""Frames that no handler could digest: kept with the traceback, replayed by staff once the fault is mended.

Knows no OCPP: the replay itself is the gateway's, asked for by a signal.
"""

from __future__ import annotations

import traceback
from datetime import datetime

from django.db import transaction

from chargers.masking import mask
from chargers.models import Charger, DeadLetter
from chargers.signals import replay_requested


def bury(charger: Charger, frame: str, *, error: BaseException, at: datetime) -> DeadLetter:
    """Keep a frame that cannot be digested."""
    return DeadLetter.objects.create(
        identity=charger.identity,
        charger=charger,
        frame=mask(frame.replace("\0", "\ufffd")),
        traceback=_story(error),
        received_at=at,
    )


def request_replay(letter: DeadLetter) -> None:
    """Ask the gateway to digest a frame once more. It sends the charger nothing; ``replayed_at`` tells of success."""
    transaction.on_commit(lambda: replay_requested.send_robust(sender=DeadLetter, letter_id=letter.pk))


def mark_replayed(letter_id: int, *, at: datetime) -> None:
    DeadLetter.objects.filter(pk=letter_id).update(replayed_at=at)


def mark_failed_again(letter_id: int, *, error: BaseException) -> None:
    """The replay failed as well: keep the newer traceback."""
    DeadLetter.objects.filter(pk=letter_id).update(traceback=_story(error))


def _story(error: BaseException) -> str:
    # The text of an error may quote the frame that caused it.
    return mask("".join(traceback.format_exception(error)).replace("\0", "\ufffd"))
