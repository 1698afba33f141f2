"""While no worker is heard, answers chargers in the cloud's place where no decision is called for.

An unanswered CALL makes a charger repeat it, and at last throw it away; a closed socket would leave it without a
leader. So what only reports is confirmed here: on the disk first, and handed on until the cloud has confirmed it too.
What asks for a decision (may this token charge? which number has this session?) waits, as for a slow cloud. No I/O but
the journal's.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import structlog

from gateway import frames, topics
from gateway.bus.publisher import Publication
from gateway.edge.journal import Journal
from gateway.edge.words import wire_time

SILENT_AFTER_S = 3.0  # a worker speaks every second
BACK_FOR_S = 10.0  # the bridge brings what it had kept first
SAY_AGAIN_S = 15.0
AT_ONCE = 200

# Confirmed with an empty payload in all versions that have them.
REPORTS = frozenset({
    "MeterValues", "StatusNotification", "StopTransaction", "SecurityEventNotification", "FirmwareStatusNotification",
    "DiagnosticsStatusNotification", "LogStatusNotification", "NotifyEvent", "NotifyReport", "NotifyMonitoringReport",
})  # fmt: skip

log = structlog.get_logger(__name__)


class StandIn:
    def __init__(self, journal: Journal, *, now: float) -> None:
        self._journal = journal
        self._heard_at = now  # a worker: the first seconds are for it to be heard
        self._back_since: float | None = now
        self._asked: dict[str, tuple[frames.Call, str]] = {}  # by key: the CALL in work, and its text
        self._echoes: Counter[tuple[str, str]] = Counter()  # of our answers, which the broker brings to us as well
        self._handed_on: Counter[tuple[str, str]] = Counter()  # and of what we said again for a charger
        self._said_again_at = now

    def is_alone(self, now: float) -> bool:
        return now - self._heard_at >= SILENT_AFTER_S

    def worker_spoke(self, now: float) -> None:
        if self._back_since is None or self.is_alone(now):
            self._back_since = now
            log.info("cloud_is_heard", kept_frames=self._journal.count())
        self._heard_at = now

    def hear_charger(self, key: str, text: str, frame: frames.Frame) -> bool:
        """False for what was not said by the charger now, but by us again."""
        if not isinstance(frame, frames.Call):
            return True
        if self._handed_on[key, frame.message_id]:
            self._handed_on[key, frame.message_id] -= 1
            return False
        del self._handed_on[key, frame.message_id]
        self._asked[key] = frame, text
        return True

    def hear_answer(self, key: str, message_id: str) -> None:
        """Somebody answered a charger."""
        if self._echoes[key, message_id]:
            self._echoes[key, message_id] -= 1
            return
        del self._echoes[key, message_id]
        if key in self._asked and self._asked[key][0].message_id == message_id:
            del self._asked[key]
        self._journal.confirmed(key, message_id)

    def tick(self, now: float) -> list[Publication]:
        """Raises sqlite3.OperationalError, and then nobody is answered."""
        if self.is_alone(now):
            if self._back_since is not None:
                self._back_since = None
                log.warning("cloud_is_not_heard", site_goes_on="yes")
            return self._answer(now)
        return self._hand_on(now)

    def _answer(self, now: float) -> list[Publication]:
        ready = [(key, call, text) for key, (call, text) in self._asked.items() if _confirmation(call, now) is not None]
        kept = [(key, call.message_id, text) for key, call, text in ready if call.action != "Heartbeat"]
        if kept:
            self._journal.keep(kept)
        said = []
        for key, call, _ in ready:
            del self._asked[key]
            self._echoes[key, call.message_id] += 1
            confirmation = frames.result(call.message_id, _confirmation(call, now) or {})
            said.append(Publication(topics.outbound(key), confirmation.encode()))
            log.info("frame", key=key, action=call.action, id=call.message_id, outcome="answered at the site")
        return said

    def _hand_on(self, now: float) -> list[Publication]:
        """What the cloud has not confirmed a while after it came back was lost with a broker."""
        if self._back_since is None or now < max(self._back_since + BACK_FOR_S, self._said_again_at + SAY_AGAIN_S):
            return []
        self._said_again_at = now
        kept = self._journal.kept(AT_ONCE)
        self._handed_on.update((frame.key, frame.message_id) for frame in kept)
        return [Publication(topics.inbound(frame.key), frame.text.encode(), qos=1) for frame in kept]


def _confirmation(call: frames.Call, now: float) -> dict[str, str] | None:
    """None: that needs a decision."""
    if call.action == "Heartbeat":
        return {"currentTime": wire_time(datetime.fromtimestamp(now, UTC))}
    if call.action in REPORTS:
        return {}
    # With a token it asks whether that may go on; when it has ended, there is nothing left to ask.
    if call.action == "TransactionEvent" and (
        "idToken" not in call.payload or call.payload.get("eventType") == "Ended"
    ):
        return {}
    return None
