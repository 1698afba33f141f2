"""What a charger of the chaos says: records that must not be lost, in order, each until it is confirmed. Pure.

Half of the fleet speaks OCPP 1.6, half 2.0.1. A record is queued when it happens, with the time it happened, and stays
at the head of the queue until its CALLRESULT has come; a CALLERROR or a silence leaves it there, as the specification
wants it. Meters and times are unique in the fleet, so a fact that was stored with the wrong charger is recognised.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Protocol

import orjson

Payload = dict[str, Any]

TOKENS = 50
METER_VALUES = (2, 6)  # of a session, fewest and most
REGISTERS_APART_WH = 1_000_000  # no charger of the fleet ever shows the register of another
# Some repeat under the id of the first attempt, some under a new one.
SAME_ID_SHARE = 0.5


def identity(number: int) -> str:
    return f"CHAOS-{number:05d}"


def token(number: int) -> str:
    return f"CHAOS{number % TOKENS:09d}"


@dataclass(slots=True)
class Session:
    """``transaction_id``: what the CSMS calls it (1.6, once we were told), or what we do (2.0.1)."""

    transaction_id: str | int
    left: int  # meter values still to come
    meter_start_wh: int
    seq_no: int = 0


@dataclass(slots=True)
class Record:
    """Something that must be stored. ``number``: of this charger, from 1; ``message_id``: of its last attempt."""

    number: int
    action: str
    payload: Payload
    session: Session
    message_id: str = ""
    attempts: int = 0


class Words(Protocol):
    """A version's way to say it. ``at`` is the charger's time as text."""

    subprotocol: str

    def begin(self, number: int, count: int, wh: int) -> Session: ...

    def start(self, session: Session, token: str, wh: int, at: str) -> tuple[str, Payload]: ...

    def meter(self, session: Session, wh: int, at: str) -> tuple[str, Payload]: ...

    def stop(self, session: Session, token: str, wh: int, at: str) -> tuple[str, Payload]: ...

    def boot(self, number: int) -> Payload: ...

    def status(self, at: str) -> Payload: ...


class Words16:
    subprotocol = "ocpp1.6"

    def begin(self, number: int, count: int, wh: int) -> Session:
        return Session(0, 0, wh)

    def start(self, session: Session, token: str, wh: int, at: str) -> tuple[str, Payload]:
        return "StartTransaction", {"connectorId": 1, "idTag": token, "meterStart": wh, "timestamp": at}

    def meter(self, session: Session, wh: int, at: str) -> tuple[str, Payload]:
        register = {"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
        power = {"value": "11000", "measurand": "Power.Active.Import", "unit": "W"}
        return "MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": at, "sampledValue": [register, power]}]}

    def stop(self, session: Session, token: str, wh: int, at: str) -> tuple[str, Payload]:
        return "StopTransaction", {"idTag": token, "meterStop": wh, "timestamp": at, "reason": "EVDisconnected"}

    def boot(self, number: int) -> Payload:
        return {"chargePointVendor": "Chaos", "chargePointModel": "One", "chargePointSerialNumber": str(number)}

    def status(self, at: str) -> Payload:
        return {"connectorId": 1, "errorCode": "NoError", "status": "Preparing", "timestamp": at}


class Words201:
    subprotocol = "ocpp2.0.1"

    def begin(self, number: int, count: int, wh: int) -> Session:
        return Session(f"{identity(number)}-{count}", 0, wh)

    def start(self, session: Session, token: str, wh: int, at: str) -> tuple[str, Payload]:
        id_token = {"idToken": token, "type": "ISO14443"}
        evse = {"id": 1, "connectorId": 1}
        more = {"idToken": id_token, "evse": evse}
        return self._event(session, "Started", "CablePluggedIn", wh, at, "Transaction.Begin", {}, more)

    def meter(self, session: Session, wh: int, at: str) -> tuple[str, Payload]:
        return self._event(session, "Updated", "MeterValuePeriodic", wh, at, "Sample.Periodic", {}, {})

    def stop(self, session: Session, token: str, wh: int, at: str) -> tuple[str, Payload]:
        reason = {"stoppedReason": "EVDisconnected"}
        return self._event(session, "Ended", "EVDeparted", wh, at, "Transaction.End", reason, {})

    def boot(self, number: int) -> Payload:
        return {"reason": "PowerUp", "chargingStation": {"vendorName": "Chaos", "model": "Two"}}

    def status(self, at: str) -> Payload:
        return {"timestamp": at, "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1}

    @staticmethod
    def _event(
        session: Session, kind: str, trigger: str, wh: int, at: str, context: str, info: Payload, more: Payload
    ) -> tuple[str, Payload]:
        sampled = {"value": wh, "context": context, "measurand": "Energy.Active.Import.Register"}
        payload = {
            "eventType": kind,
            "timestamp": at,
            "triggerReason": trigger,
            "seqNo": session.seq_no,
            "transactionInfo": {"transactionId": session.transaction_id, "chargingState": "Charging", **info},
            "meterValue": [{"timestamp": at, "sampledValue": [sampled]}],
            **more,
        }
        session.seq_no += 1
        return "TransactionEvent", payload


@dataclass(slots=True)
class Heard:
    """What an answer did. ``record``: the one that it answers; ``is_result``: confirmed, else refused by CALLERROR."""

    is_result: bool
    answer: Payload
    record: Record | None = None


@dataclass(slots=True)
class Station:
    """``pending``: the message id that waits for its answer, "" if none does."""

    number: int
    seed: int
    clock_offset_s: float = 0.0
    pending: str = ""
    is_booted: bool = False  # a boot was accepted
    queue: deque[Record] = field(default_factory=deque)
    _random: Random = field(init=False)
    _words: Words = field(init=False)
    _session: Session | None = None
    _asked: Record | None = None
    _is_booting: bool = False
    _script: deque[tuple[str, Payload]] = field(default_factory=deque)
    _wh: int = field(init=False)
    _last_at: float = 0.0
    _said: int = 0
    _made: int = 0
    _sessions: int = 0

    def __post_init__(self) -> None:
        self._random = Random(self.seed * 1_000_003 + self.number)  # noqa: S311 - the same run again
        self._words = Words201() if self.number % 2 else Words16()
        self._wh = self.number * REGISTERS_APART_WH

    @property
    def identity(self) -> str:
        return identity(self.number)

    @property
    def subprotocol(self) -> str:
        return self._words.subprotocol

    @property
    def is_idle(self) -> bool:
        """Everything that it had to say is confirmed, and nobody charges."""
        return not self.queue and self._session is None

    def happens(self, now: float, *, only_stop: bool = False) -> None:
        """The next record of its life is queued: a start, a meter value or a stop. ``now``: seconds of the epoch."""
        at, session = self._time(now), self._session
        if session is None:
            if only_stop:
                return
            self._sessions += 1
            session = self._session = self._words.begin(self.number, self._sessions, self._wh)
            session.left = self._random.randint(*METER_VALUES)
            said = self._words.start(session, token(self.number), self._wh, at)
        elif session.left and not only_stop:
            session.left -= 1
            self._wh += self._random.randint(1, 40)
            said = self._words.meter(session, self._wh, at)
        else:
            self._wh += self._random.randint(1, 40)
            said = self._words.stop(session, token(self.number), self._wh, at)
            self._session = None
        self._made += 1
        self.queue.append(Record(self._made, *said, session))

    def arrives(self, now: float, *, boots: bool) -> None:
        """A connection is there: what it says first. After a power cut it boots, else it goes on where it was.

        Until a boot was accepted it says nothing else.
        """
        self._script.clear()
        if boots or not self.is_booted:
            self._script.append(("BootNotification", self._words.boot(self.number)))
            self._script.append(("StatusNotification", self._words.status(self._time(now))))

    def has_something_to_say(self) -> bool:
        return not self.pending and bool(self._script or self.queue)

    def beats(self) -> None:
        self._script.append(("Heartbeat", {}))

    def next_frame(self) -> tuple[str, Record | None]:
        """What to send now, and the record in it."""
        if self._script:
            action, payload = self._script.popleft()
            self._asked, self.pending, self._is_booting = None, self._new_id(), action == "BootNotification"
        else:
            record = self._asked = self.queue[0]
            if not record.message_id or self._random.random() >= SAME_ID_SHARE:
                record.message_id = self._new_id()
            if record.action in ("MeterValues", "StopTransaction"):
                record.payload["transactionId"] = record.session.transaction_id
            record.attempts += 1
            action, payload, self.pending = record.action, record.payload, record.message_id
        return orjson.dumps([2, self.pending, action, payload]).decode(), self._asked

    def hear(self, frame: str) -> Heard | None:
        """Take an answer; None for one that nobody waits for any more."""
        kind, message_id, *rest = orjson.loads(frame)
        if message_id != self.pending or not self.pending:
            return None
        record = self._asked
        if kind != 3:
            self.forget_pending()
            return Heard(False, {}, record)
        answer: Payload = rest[0]
        self.is_booted |= self._is_booting and answer["status"] == "Accepted"
        self.forget_pending()
        if record is not None:
            self.queue.popleft()
            if record.action == "StartTransaction":
                record.session.transaction_id = answer["transactionId"]
        return Heard(True, answer, record)

    def obey(self, frame: str) -> tuple[str, str, str]:
        """The answer to an order of the CSMS, its message id and its action."""
        _, message_id, action, _ = orjson.loads(frame)
        answer: Payload = {"status": "Unlocked" if action == "UnlockConnector" else "Accepted"}
        if action == "GetTransactionStatus":
            answer = {"messagesInQueue": bool(self.queue)}
        return orjson.dumps([3, message_id, answer]).decode(), message_id, action

    def forget_pending(self) -> None:
        """No answer came: the time was up, or the connection is gone. A record stays at the head of the queue."""
        if self._is_booting and not self.is_booted:
            self._script.appendleft(("BootNotification", self._words.boot(self.number)))
        self.pending, self._asked, self._is_booting = "", None, False

    def _new_id(self) -> str:
        self._said += 1
        return f"{self._said:08x}-c4a0-4000-8000-{self.number:012x}"

    def _time(self, now: float) -> str:
        # No two records of a charger have the same time, or nobody could tell them apart.
        at = round(now + self.clock_offset_s, 3)
        if 0 <= self._last_at - at < 1:
            at = round(self._last_at + 0.001, 3)
        self._last_at = at
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)
        return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
