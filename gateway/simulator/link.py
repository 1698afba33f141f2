"""The line to the CSMS: one WebSocket at a time, one CALL in flight, and a queue that outlives the socket.

Speaks OCPP-J framing (1.6J §4, 2.0.1 part 4), knows no action's meaning. Two tasks per charger: one reads, one sends.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from base64 import b64encode
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote
from uuid import uuid4

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from gateway.simulator.agenda import Agenda
from gateway.simulator.calls import Call, Kind, Outbox, Payload, Refused
from gateway.simulator.stats import Stats

log = logging.getLogger(__name__)

CALL, CALL_RESULT, CALL_ERROR = 2, 3, 4
FIRST_BACK_OFF_S = 1.0
LONGEST_BACK_OFF_S = 64.0
FRAME_LIMIT_BYTES = 1 << 20


class Host(Protocol):
    """Whose line it is."""

    def connected(self) -> None: ...
    def disconnected(self) -> None: ...
    def may_send(self, call: Call) -> bool: ...
    def answer(self, action: str, payload: Payload) -> Payload:
        """Raises Refused."""
        ...

    def retry_rule(self) -> tuple[float, int, float]:
        """Seconds to wait for an answer, attempts for a transaction message, seconds between them."""
        ...

    def ping_interval_s(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where all chargers of a fleet dial."""

    url: str
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str) -> Endpoint:
        secure = url.startswith("wss:")
        return cls(url.rstrip("/"), ssl.create_default_context() if secure else None)


class Link:
    def __init__(
        self,
        endpoint: Endpoint,
        identity: str,
        subprotocol: str,
        password: str | None,
        *,
        host: Host,
        agenda: Agenda,
        chance: random.Random,
        stats: Stats,
    ) -> None:
        self.password = password
        self._endpoint = endpoint
        self._identity = identity
        self._subprotocol = subprotocol
        self._host = host
        self._agenda = agenda
        self._chance = chance
        self._stats = stats
        self._socket: ClientConnection | None = None
        self._outbox = Outbox()
        self._wake = asyncio.Event()
        self._in_flight: tuple[Call, asyncio.Future[Payload | None]] | None = None
        self._is_answering = False
        self._silences = 0
        self._failures = 0
        self._dial_at = 0.0
        self._is_closed = False

    # --- for the host --------------------------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        return self._socket is not None

    @property
    def owes(self) -> bool:
        """Are there transaction messages that nobody has answered yet?"""
        return self._outbox.owes

    def queue(self, call: Call) -> None:
        """Send when it is its turn. Without a socket, what would be stale fails at once."""
        if self._socket is None and not call.outlives_socket:
            call.fail()
            return
        self._outbox.add(call)
        self._wake.set()

    def wake(self) -> None:
        """What may be sent has changed."""
        self._wake.set()

    def drop(self, off_s: float, *, politely: bool) -> None:
        """Lose the socket and stay away for `off_s`; impolitely is how a radio loses it, without a goodbye."""
        self._dial_at = self._agenda.now() + off_s
        if self._socket is not None:
            if politely:
                # The reader ends with the socket and dials again when it may.
                self._spawn_close(self._socket)
            else:
                self._socket.transport.abort()

    async def close(self) -> None:
        """Hang up for good."""
        self._is_closed = True
        if self._socket is not None:
            await self._socket.close()

    # --- the socket's life ---------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Dial, talk, dial again, until closed."""
        while not self._is_closed:
            await asyncio.sleep(max(0.0, self._dial_at - self._agenda.now()))
            if self._is_closed or self._agenda.now() < self._dial_at:
                continue
            try:
                socket = await self._dial()
            except InvalidStatus as refusal:
                response = refusal.response
                body = bytes(response.body or b"").decode(errors="replace").strip()[:200]
                self._stats.refused(self._identity, f"HTTP {response.status_code}", body)
                self._back_off(_seconds(response.headers.get("Retry-After")))
            except (OSError, TimeoutError, InvalidHandshake, EOFError, ConnectionClosed) as error:
                self._stats.refused(self._identity, type(error).__name__, str(error))
                self._back_off(0.0)
            else:
                await self._serve(socket)
                self._back_off(0.0)

    async def _dial(self) -> ClientConnection:
        headers = {}
        if self.password is not None:
            secret = b64encode(f"{self._identity}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {secret}"
        return await connect(
            f"{self._endpoint.url}/{quote(self._identity, safe='')}",
            ssl=self._endpoint.tls,
            subprotocols=[Subprotocol(self._subprotocol)],
            additional_headers=headers,
            user_agent_header="Chargeyard simulator",
            compression=None,
            proxy=None,
            open_timeout=60,
            close_timeout=2,
            ping_interval=self._host.ping_interval_s() or None,
            max_size=FRAME_LIMIT_BYTES,
            max_queue=4,
        )

    def _back_off(self, least_s: float) -> None:
        """Doubling with jitter, never before what the server asked for. Reset by the first answered CALL."""
        wait_s = min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2**self._failures) * self._chance.uniform(0.5, 1.5)
        self._failures = min(self._failures + 1, 10)
        wait_s = max(wait_s, least_s * self._chance.uniform(1.0, 1.25))
        self._dial_at = max(self._dial_at, self._agenda.now() + wait_s)

    async def _serve(self, socket: ClientConnection) -> None:
        if self._is_closed or self._agenda.now() < self._dial_at:
            # Dropped while it dialled.
            await socket.close()
            return
        self._socket = socket
        self._stats.connected += 1
        self._silences = 0
        self._outbox.hasten()
        sender = asyncio.create_task(self._send_queue(socket))
        try:
            self._host.connected()
            async for frame in socket:
                await self._receive(socket, frame)
        except ConnectionClosed:
            pass
        except Exception:
            log.exception("Charger %r could not handle a frame; it connects again", self._identity)
        finally:
            self._socket = None
            self._stats.connected -= 1
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            self._in_flight = None
            self._is_answering = False
            self._outbox.drop_stale()
            self._host.disconnected()

    def _spawn_close(self, socket: ClientConnection) -> None:
        task = asyncio.ensure_future(socket.close())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    # --- sending -------------------------------------------------------------------------------------------------

    async def _send_queue(self, socket: ClientConnection) -> None:
        while True:
            call = None if self._is_answering else self._outbox.next(self._agenda.now(), self._host.may_send)
            if call is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            try:
                await self._exchange(socket, call)
            except ConnectionClosed:
                return

    async def _exchange(self, socket: ClientConnection, call: Call) -> None:
        """Make one CALL and settle it with its answer, an error or silence."""
        timeout_s, attempts, retry_s = self._host.retry_rule()
        # A repeated message keeps its id, as 2.0.1 part 4 §4.1.4 allows.
        call.id = call.id or str(uuid4())
        payload = call.payload() if callable(call.payload) else call.payload
        answered: asyncio.Future[Payload | None] = asyncio.get_running_loop().create_future()
        self._in_flight = (call, answered)
        self._stats.frames_up += 1
        await socket.send(orjson.dumps([CALL, call.id, call.action, payload]), text=True)
        try:
            answer = await asyncio.wait_for(answered, timeout_s)
        except TimeoutError:
            self._in_flight = None
            self._unanswered(call, retry_s)
            return
        self._in_flight = None
        self._silences = self._failures = 0
        if answer is not None:
            self._outbox.remove(call)
            self._take(call, answer)
        else:
            self._errored(call, attempts, retry_s)

    def _take(self, call: Call, answer: Payload) -> None:
        try:
            if call.on_answer is not None:
                call.on_answer(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._stats.strays += 1
            log.warning("charger=%s action=%s answer cannot be read: %r", self._identity, call.action, error)

    def _unanswered(self, call: Call, retry_s: float) -> None:
        """Silence: a transaction message is repeated for ever. After two in a row the socket is taken for dead."""
        self._stats.timeouts += 1
        self._silences += 1
        if call.kind is Kind.TRANSACTION:
            self._repeat(call, retry_s)
        else:
            self._give_up(call)
        if self._silences >= 2 and self._socket is not None:
            self._socket.transport.abort()

    def _errored(self, call: Call, attempts: int, retry_s: float) -> None:
        """CALLERROR: it costs a transaction message one of its attempts (1.6 TransactionMessageAttempts)."""
        self._stats.errors += 1
        call.errors += 1
        if call.kind is Kind.TRANSACTION and call.errors < attempts:
            self._repeat(call, retry_s)
            return
        if call.kind is Kind.TRANSACTION:
            self._stats.given_up += 1
        self._give_up(call)

    def _repeat(self, call: Call, retry_s: float) -> None:
        """Again, after the interval times the tries before it (1.6 TransactionMessageRetryInterval)."""
        call.tries += 1
        call.not_before = self._agenda.now() + retry_s * call.tries
        self._agenda.at(call.not_before, self._wake.set)

    def _give_up(self, call: Call) -> None:
        self._outbox.remove(call)
        call.fail()

    # --- receiving -----------------------------------------------------------------------------------------------

    async def _receive(self, socket: ClientConnection, frame: str | bytes) -> None:
        self._stats.frames_down += 1
        try:
            message = orjson.loads(frame)
        except orjson.JSONDecodeError:
            message = None
        match message:
            case [2, str(message_id), str(action), dict(payload)]:
                await self._answer(socket, message_id, action, payload)
            case [3, str(message_id), dict(payload)]:
                self._settle(message_id, payload)
            case [4, str(message_id), str(), *_]:
                self._settle(message_id, None)
            case _:
                self._stats.strays += 1

    def _settle(self, message_id: str, answer: Payload | None) -> None:
        call, answered = self._in_flight or (None, None)
        if call is not None and answered is not None and call.id == message_id and not answered.done():
            answered.set_result(answer)
        else:
            self._stats.strays += 1

    async def _answer(self, socket: ClientConnection, message_id: str, action: str, payload: Payload) -> None:
        """Answer first, then let out what the command made the charger say."""
        self._is_answering = True
        reply: list[Any]
        try:
            reply = [CALL_RESULT, message_id, self._host.answer(action, payload)]
        except Refused as refusal:
            reply = [CALL_ERROR, message_id, refusal.code, refusal.description[:255], {}]
        self._stats.frames_up += 1
        await socket.send(orjson.dumps(reply), text=True)
        self._is_answering = False
        self._wake.set()


def _seconds(retry_after: str | None) -> float:
    """Retry-After in seconds; a date or nonsense counts as nothing."""
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0
