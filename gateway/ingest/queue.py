"""Frames from an SQS queue that an AWS IoT rule fills, in place of a subscription. Knows no database and no OCPP.

The rule (deploy/aws) wraps each frame as ``{"key", "receivedAt", "frame"}``: the charger's key, when IoT Core had it,
and the frame in base64, so that its text is untouched whatever it holds.

- A standard queue keeps no order and may bring a message twice. Neither matters: a gateway publishes a charger's next
  CALL only after the answer to the one before, and what is done already is recognised (`gateway.dispatch`).
- What we have in hand is hidden from other workers for ``HIDDEN_S`` and hidden again while we have it; of a worker that
  dies it comes back after that. So a long outage of the database does not wear messages out.
- A message that is no frame is left alone: SQS moves it to the dead-letter queue after its last attempt.
"""

from __future__ import annotations

import binascii
import itertools
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import structlog
from botocore.exceptions import BotoCoreError, ClientError

from gateway.ingest.batcher import Frame
from gateway.iot import cloud

log = structlog.get_logger(__name__)

WAIT_S = 10  # of a long poll; also how long a stop may take
AT_ONCE = 10  # messages of a call, both ways; SQS gives and takes no more
HIDDEN_S = 60
HIDE_AGAIN_S = 25
# Frames in hand. More would only wait here instead of with another worker.
MOST_IN_HAND = 1000
RETRY_S = (1.0, 30.0)
LINK = -1  # `Frame.link` of what came from here; those of MQTT are not negative
POLLERS = 4  # a long poll brings ten frames in some 10 ms


class SqsSource:
    def __init__(self, url: str, *, on_frame: Callable[[Frame], None], pollers: int = POLLERS) -> None:
        self._url = url
        self._on_frame = on_frame
        self._stopped = threading.Event()
        self._guard = threading.Lock()
        self._numbers = itertools.count(1)
        self._in_hand: dict[int, tuple[str, float]] = {}  # Frame.packet → receipt, hidden since
        self._done: list[str] = []  # receipts to delete
        self._changed = threading.Event()
        names = [f"queue-{number}" for number in range(pollers)]
        self._pollers = [threading.Thread(target=self._poll, name=name, daemon=True) for name in names]
        self._keeper = threading.Thread(target=self._keep, name="queue-keeper", daemon=True)

    def start(self) -> None:
        for thread in (*self._pollers, self._keeper):
            thread.start()

    def acknowledge(self, frames: Iterable[Frame]) -> None:
        with self._guard:
            for frame in frames:
                if frame.link == LINK and (held := self._in_hand.pop(frame.packet, None)) is not None:
                    self._done.append(held[0])
        self._changed.set()

    def stop(self) -> None:
        """What is acknowledged is deleted; what is not is given back at once, so that another worker may have it."""
        self._stopped.set()
        self._changed.set()
        self._keeper.join(WAIT_S)
        self._delete()
        with self._guard:
            receipts = [receipt for receipt, _ in self._in_hand.values()]
            self._in_hand.clear()
        self._hide(receipts, 0)

    @property
    def in_hand(self) -> int:
        with self._guard:
            return len(self._in_hand)

    # -- coming in -----------------------------------------------------------------------------------------------------

    def _poll(self) -> None:
        pause_s = RETRY_S[0]
        while not self._stopped.is_set():
            if self.in_hand >= MOST_IN_HAND:
                self._stopped.wait(0.05)
                continue
            try:
                self._receive()
            except (cloud.Away, cloud.Refused, ClientError) as error:
                log.warning("queue_not_read", queue=self._url, error=str(error), retry_in_s=pause_s)
                self._stopped.wait(pause_s)
                pause_s = min(pause_s * 2, RETRY_S[1])
            else:
                pause_s = RETRY_S[0]

    def _receive(self) -> None:
        answer = cloud.call(
            "sqs",
            "ReceiveMessage",
            QueueUrl=self._url,
            MaxNumberOfMessages=AT_ONCE,
            WaitTimeSeconds=WAIT_S,
            VisibilityTimeout=HIDDEN_S,
        )
        for message in answer.get("Messages", ()):
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        try:
            key, payload, received_at = read(message["Body"])
        except ValueError as error:
            log.warning("message_is_no_frame", queue=self._url, message=message["MessageId"], error=str(error))
            return
        with self._guard:
            is_late = self._stopped.is_set()
            number = next(self._numbers)
            if not is_late:
                self._in_hand[number] = message["ReceiptHandle"], time.monotonic()
        if is_late:
            self._hide([message["ReceiptHandle"]], 0)  # somebody else may have it at once
            return
        self._on_frame(Frame(key, payload, received_at, number, LINK))

    # -- going out -----------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        """Delete what is done, and hide again what takes long."""
        while not self._stopped.is_set():
            self._changed.wait(1.0)
            self._changed.clear()
            self._delete()
            self._hide_again()

    def _delete(self) -> None:
        with self._guard:
            done, self._done = self._done, []
        for receipts in _tens(done):
            entries = [{"Id": str(n), "ReceiptHandle": receipt} for n, receipt in enumerate(receipts)]
            self._tell("DeleteMessageBatch", entries)  # else it comes again, and is found done

    def _hide_again(self) -> None:
        now = time.monotonic()
        with self._guard:
            old = [number for number, (_, since) in self._in_hand.items() if now - since > HIDE_AGAIN_S]
            receipts = [self._in_hand[number][0] for number in old]
            for number in old:
                self._in_hand[number] = self._in_hand[number][0], now
        self._hide(receipts, HIDDEN_S)

    def _hide(self, receipts: list[str], seconds: int) -> None:
        for some in _tens(receipts):
            entries = [
                {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": seconds} for n, receipt in enumerate(some)
            ]
            self._tell("ChangeMessageVisibilityBatch", entries)

    def _tell(self, operation: str, entries: list[dict[str, Any]]) -> None:
        try:
            answer = cloud.call("sqs", operation, QueueUrl=self._url, Entries=entries)
        except (cloud.Away, cloud.Refused, ClientError, BotoCoreError) as error:
            log.warning("queue_not_told", operation=operation, messages=len(entries), error=str(error))
        else:
            if failed := answer.get("Failed"):
                log.warning("queue_not_told", operation=operation, messages=len(failed), error=str(failed[0]))


def read(body: str) -> tuple[str, bytes, float]:
    """Key, frame and time (seconds since the epoch) of what the rule wrote. Raises ValueError saying what is wrong."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"no JSON ({error}): {body[:60]!r}") from error
    match told:
        case {"key": str(key), "frame": str(frame), "receivedAt": int(at_ms)} if key:
            try:
                return key, b64decode(frame, validate=True), at_ms / 1000
            except binascii.Error as error:
                raise ValueError(f"its frame is no base64 ({error}): {frame[:60]!r}") from error
    raise ValueError(f"not what the rule writes, key, receivedAt and frame: {body[:60]!r}")


def _tens(items: list[str]) -> Iterable[list[str]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))
