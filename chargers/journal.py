"""The log of frames, one row per request with its answer, and the memory for requests that come again.

Knows no OCPP version: who calls says what was asked, by whom, and how it ended. Secrets are masked on the way in. A
`Journal` collects for one batch and writes in its transaction, so that what was answered and what is kept agree.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from chargers.masking import MASK, mask
from chargers.models import Charger, Exchange
from chargers.rows import Lookup, insert, rewrite

Key = tuple[int, str]  # charger's pk, message id
# An answer belongs to a request not older than this. Bounds the search where ids come again and again.
MATCHED_WITHIN = timedelta(days=1)
REMEMBERED = (Exchange.Outcome.RESULT, Exchange.Outcome.ONE_WAY, Exchange.Outcome.OPEN)
# One index probe for each pair: two IN lists would probe each charger for each id, 40,000 probes for a full batch.
_BY_MESSAGE = Lookup(
    Exchange,
    by=["charger_id", "message_id"],
    also="t.requested_at >= %s AND t.origin = %s",
    without=["request"],
)


@dataclass(slots=True)
class Entry:
    """A row of the journal before it is written: what `Exchange` holds, at a tenth of what a model's instance costs."""

    charger_id: int
    epoch: int
    origin: Exchange.Origin
    requested_at: datetime
    message_id: str = ""
    action: str = ""
    request: str = ""
    response: str = ""
    responded_at: datetime | None = None
    outcome: Exchange.Outcome = Exchange.Outcome.OPEN
    error_code: str = ""
    findings: list[str] = field(default_factory=list)
    digest: str = ""


class Journal:
    def __init__(self) -> None:
        self._new: list[Entry] = []
        self._answers: dict[Key, Entry] = {}  # to our requests; matched with their rows at `write`
        self._complaints: dict[Key, Entry] = {}  # about our answers; likewise

    def asked(
        self,
        charger: Charger,
        *,
        message_id: str,
        action: str,
        request: str,
        at: datetime,
        digest: str = "",
        findings: list[str] | None = None,
    ) -> Entry:
        """A request of the charger. Complete the row with `answered` before `write`."""
        return self._add(
            charger,
            origin=Exchange.Origin.CHARGER,
            message_id=message_id[:255],
            action=action[:64],
            request=_kept(request),
            requested_at=at,
            digest=digest,
            findings=findings if findings is not None else [],
        )

    def answered(self, entry: Entry, response: str, *, at: datetime, error_code: str = "") -> None:
        """Our answer to a request of the charger."""
        entry.response = _kept(response)
        entry.responded_at = at
        entry.outcome = Exchange.Outcome.ERROR if error_code else Exchange.Outcome.RESULT
        entry.error_code = error_code

    def closed(self, entry: Entry, *, error_code: str = "") -> None:
        """A message of the charger to which no answer is due."""
        entry.outcome = Exchange.Outcome.ERROR if error_code else Exchange.Outcome.ONE_WAY
        entry.error_code = error_code

    def complained(self, charger: Charger, text: str, *, message_id: str, error_code: str, at: datetime) -> None:
        """The charger could not make sense of our answer: its whole complaint is kept among the findings.

        The exchange ends as an error; a complaint about an answer that we never gave is kept as an orphan.
        """
        self._complaints[charger.pk, message_id[:255]] = Entry(
            charger_id=charger.pk,
            epoch=charger.epoch,
            origin=Exchange.Origin.CHARGER,
            message_id=message_id[:255],
            requested_at=at,
            response=_kept(text),
            responded_at=at,
            outcome=Exchange.Outcome.ORPHAN,
            error_code=error_code[:64],
            findings=[f"The charger could not process our answer: {_kept(text)[:1000]}"],
        )

    def unreadable(self, charger: Charger, text: str, *, why: str, at: datetime, response: str = "") -> None:
        """A frame that is no request and no answer, and what we said to it (mostly nothing)."""
        self._add(
            charger,
            origin=Exchange.Origin.CHARGER,
            request=_kept(text),
            requested_at=at,
            response=_kept(response),
            responded_at=at if response else None,
            outcome=Exchange.Outcome.UNREADABLE,
            findings=[why],
        )

    def sent(self, charger: Charger, *, message_id: str, action: str, request: str, at: datetime) -> None:
        """A request of ours."""
        self._add(
            charger,
            origin=Exchange.Origin.CSMS,
            message_id=message_id,
            action=action[:64],
            request=_kept(request),
            requested_at=at,
        )

    def heard_answer(
        self,
        charger: Charger,
        text: str,
        *,
        message_id: str,
        at: datetime,
        error_code: str = "",
        findings: list[str] | None = None,
    ) -> None:
        """The charger's answer to a request of ours; if there was none, or it comes twice, it is kept as an orphan."""
        answer = Entry(
            charger_id=charger.pk,
            epoch=charger.epoch,
            origin=Exchange.Origin.CSMS,
            message_id=message_id[:255],
            requested_at=at,
            response=_kept(text),
            responded_at=at,
            outcome=Exchange.Outcome.ERROR if error_code else Exchange.Outcome.RESULT,
            error_code=error_code[:64],
            findings=findings if findings is not None else [],
        )
        if self._answers.setdefault((charger.pk, message_id[:255]), answer) is not answer:
            answer.outcome = Exchange.Outcome.ORPHAN
            self._new.append(answer)

    def write(self) -> None:
        """Store what was collected, once, inside the batch's transaction: one INSERT, and one UPDATE if needed."""
        if self._answers:
            self._match_answers()
        insert(self._new, model=Exchange)
        if self._complaints:
            self._match_complaints()

    def _match_answers(self) -> None:
        since = min(answer.requested_at for answer in self._answers.values()) - MATCHED_WITHIN
        rows = _find(self._answers, origin=Exchange.Origin.CSMS, since=since)
        asked = {(row.charger_id, row.message_id): row for row in rows if row.outcome == Exchange.Outcome.OPEN}
        matched = []
        for key, answer in self._answers.items():
            request = asked.get(key)
            if request is None:  # nobody asked, or it was answered before
                answer.outcome = Exchange.Outcome.ORPHAN
                self._new.append(answer)
                continue
            for column in ("response", "responded_at", "outcome", "error_code", "findings"):
                setattr(request, column, getattr(answer, column))
            matched.append(request)
        columns = ("response", "responded_at", "outcome", "error_code", "findings")
        rewrite(matched, columns, found_by=("requested_at",))

    def _match_complaints(self) -> None:
        since = min(complaint.requested_at for complaint in self._complaints.values()) - MATCHED_WITHIN
        rows = _find(self._complaints, origin=Exchange.Origin.CHARGER, since=since)
        answered = {(row.charger_id, row.message_id): row for row in rows if row.response}
        for key, exchange in answered.items():
            complaint = self._complaints.pop(key)
            exchange.outcome, exchange.error_code = Exchange.Outcome.ERROR, complaint.error_code
            exchange.findings = [*exchange.findings, *complaint.findings]
        rewrite(list(answered.values()), ("outcome", "error_code", "findings"), found_by=("requested_at",))
        insert(list(self._complaints.values()), model=Exchange)

    def _add(self, charger: Charger, **values: Any) -> Entry:
        entry = Entry(charger_id=charger.pk, epoch=charger.epoch, **values)
        self._new.append(entry)
        return entry


def answered_aside(
    charger_id: int, message_id: str, digest: str, text: str, *, at: datetime, error_code: str = ""
) -> bool:
    """Keep our answer to a request that its batch left open; whether its charger still waits for this one.

    It does not if it was answered meanwhile, or asks for something else by now under the same id.
    """
    waiting = Exchange.objects.filter(
        charger=charger_id,
        message_id=message_id[:255],
        origin=Exchange.Origin.CHARGER,
        requested_at__gte=at - MATCHED_WITHIN,
        outcome=Exchange.Outcome.OPEN,
    )
    outcome = Exchange.Outcome.ERROR if error_code else Exchange.Outcome.RESULT
    closed = waiting.filter(digest=digest).update(
        response=_kept(text), responded_at=at, outcome=outcome, error_code=error_code
    )
    return closed > 0 and not waiting.exists()


def remembered(keys: Collection[Key], *, since: datetime) -> dict[tuple[int, str, str], Exchange]:
    """Requests of chargers that we have served, by charger, message id and digest; errors are not remembered.

    A request that ended in an error stored nothing, so doing it again is harmless and may by now succeed. One that is
    open is being asked about outside, see `answered_aside`.
    """
    if not keys:
        return {}
    served = _find(keys, origin=Exchange.Origin.CHARGER, since=since)
    return {
        (row.charger_id, row.message_id, row.digest): row
        for row in served
        # An answer with a masked secret is not the one we gave.
        if row.outcome in REMEMBERED and MASK not in row.response
    }


def _find(keys: Collection[Key], *, origin: Exchange.Origin, since: datetime) -> list[Exchange]:
    """The rows of these pairs since then, oldest first, without their requests."""
    return _BY_MESSAGE(keys, connection.ops.adapt_datetimefield_value(since), origin.value)


def _kept(text: str) -> str:
    """A frame as the database can store it (PostgreSQL has no NUL in text) and as it may be shown."""
    return mask(text.replace("\0", "\ufffd"))
