"""All lines of one gateway process: which charger is on which socket, and what the bus has for whom.

One per process, made by `portal.asgi`. Knows no WebSocket: a `Line` is whatever can be told to hang up.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any, Protocol
from uuid import UUID

import orjson
import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone

from chargers import connections, large_frames
from chargers.connections import Claim
from chargers.models import REPLACED, Charger
from gateway import claim_check, cloudwatch, crash, health, leaving, metrics, topics
from gateway.admission import Admission
from gateway.batching import LARGEST, DatabaseThread
from gateway.bus import Bus, NewsHeard
from gateway.bus.mqtt import MqttBus
from gateway.farewells import Farewells
from gateway.handshake import Caller, Refusal, unknown_sentence
from gateway.offline import Guard, Phase
from gateway.relay import Relay
from gateway.turns import Turns

TICK_S = 1.0
TOUCH_EVERY = 5  # ticks

log = structlog.get_logger(__name__)


class Line(Protocol):
    """A charger's socket, as the switchboard sees it."""

    claim: Claim
    key: str
    relay: Relay

    def hang_up(self, code: int, reason: str) -> None: ...

    def probe(self) -> None:
        """Ping, and end the connection if nothing comes back."""


class Switchboard:
    def __init__(self, name: str, bus: Bus, *, takes_chargers: bool = True) -> None:
        self.name = name
        self.takes_chargers = takes_chargers
        self.bus = bus
        self.is_closing = False
        self.lines: dict[str, Line] = {}
        self.turns = Turns()
        self._thread = DatabaseThread()
        self._admission = Admission(name, bus, self._thread, self._ask_whether_alive, self._give_back)
        self.guard = Guard(self.lines, time.monotonic(), is_on=settings.FAIL_OFFLINE, doubt=bus.start_over)
        self._farewells = Farewells(self._thread)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ticks = 0

    # -- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        health.watch(self.bus, self.guard if self.takes_chargers else None)
        news: dict[str, NewsHeard] = {
            topics.gateway_control(self.name): self._on_control,
            topics.every_worker_status(): self._on_worker,
        }
        self.bus.start(self._on_frame, news)
        if self.takes_chargers:
            metrics.CONNECTIONS.set_function(lambda: len(self.lines))
            metrics.CALLS_WAITING.set_function(lambda: self.turns.waiting)
            metrics.IS_OPEN.set_function(lambda: self.guard.phase is Phase.OPEN)
            await self._touch()
            cloudwatch.start(settings.CLOUDWATCH_NAMESPACE, "gateway")
        self.spawn(self._tick())

    async def stop(self) -> None:
        """Take nobody new, let each charger have the answer it waits for, close all lines, leave the books clean."""
        self.is_closing = True
        await leaving.send_away(self.lines, per_s=settings.ADMISSION_PER_S)
        for task in self._tasks:
            task.cancel()
        if self.takes_chargers:
            await self._sign_off()
        await self.bus.stop()
        self._thread.close()

    async def _sign_off(self) -> None:
        try:
            await self._farewells.write()
            await self._thread.run(
                partial(connections.mark_gateway_lost, self.name, timezone.now(), why=connections.STOPPED)
            )
        except DatabaseError as error:
            log.warning("chargers stay marked online until the sweep", error=str(error))
        status = topics.gateway_status(self.name)
        self.bus.announce(status, status_payload(self.name, "offline"))
        self.bus.announce(status, b"", retain=True)  # a name is never used again: leave nothing retained behind

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run ``work`` beside everything else; what it raises is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a task of the gateway failed", exc_info=error)

    # -- lines -------------------------------------------------------------------------------------------------------

    async def admit(self, caller: Caller) -> Claim:
        """Raises Refusal. Whoever gets a claim has to `connect` and to `leave`."""
        if self.is_closing:
            raise Refusal.later("This gateway restarts; try again.")
        await self.guard.open_door()
        return await self._admission.admit(caller)

    def certificate_refused(self, name: str, address: str, why: str) -> None:
        """Our TLS has ended a handshake; ``name`` is the CN of the certificate that was shown."""
        metrics.CERTIFICATES_REFUSED.inc()
        if self.takes_chargers and not self.is_closing:
            self.spawn(self._admission.certificate_refused(name, address, why))

    def connect(self, line: Line) -> None:
        """Put a claimed line through; the one it replaces, here or elsewhere, is closed with 1000."""
        if (other := self.lines.get(line.key)) is not None and other.claim.epoch > line.claim.epoch:
            line.hang_up(1000, REPLACED)  # a still newer one was faster
            return
        self.lines[line.key] = line
        self.guard.joins(line)
        if other is not None:
            other.hang_up(1000, REPLACED)
        if line.claim.loser:
            self._tell_gateway(line.claim.loser, "replaced", line.key, line.claim.epoch)

    def leave(self, line: Line, code: int, reason: str) -> None:
        """A line has ended; its charger is marked offline within a second, unless a newer one has it."""
        if self.lines.get(line.key) is line:
            del self.lines[line.key]
        self.bus.leave(line.key)
        self._say_farewell(line.claim, code, reason)

    def _give_back(self, claim: Claim) -> None:
        self._say_farewell(claim, 1006, "gone before it was let in")

    def _say_farewell(self, claim: Claim, code: int, reason: str) -> None:
        is_first = self._farewells.add(claim, code, reason)
        if is_first and not self.is_closing:
            self.spawn(self._farewells.gather())

    # -- what chargers say -------------------------------------------------------------------------------------------

    def send(self, line: Line, text: str) -> None:
        """Publish a frame of a charger; one that is too large for the broker goes by the database."""
        metrics.FRAMES_UP.inc()
        crash.at("gateway.before_publish")
        if claim_check.is_too_large(text):
            self.spawn(self._send_reference(line, text))
        else:
            self.bus.relay(line.key, text)

    async def _send_reference(self, line: Line, text: str) -> None:
        keep = partial(large_frames.keep, line.claim.charger_id, text.encode(), at=timezone.now())
        try:
            frame_id = await self._thread.run(keep)
        except DatabaseError as error:
            # A CALL comes here again after 5 s without an answer.
            log.warning("a large frame waits for the database", charger=line.claim.identity, error=str(error))
        else:
            self.bus.relay(line.key, claim_check.reference(frame_id))

    # -- what the bus brings -----------------------------------------------------------------------------------------

    def _on_frame(self, key: str, text: str) -> None:
        if (line := self.lines.get(key)) is None:
            return
        crash.at("gateway.reply_arrived")
        if text.startswith(claim_check.START) and (frame_id := claim_check.referred(text.encode())) is not None:
            self.spawn(self._fetch(line, frame_id))
        else:
            line.relay.from_csms(text, time.monotonic())

    async def _fetch(self, line: Line, frame_id: UUID) -> None:
        """A frame to a charger that was too large for the broker."""
        found = await self._thread.run(partial(large_frames.take, {frame_id: line.claim.charger_id}))
        if (content := found.get(frame_id)) is not None:
            line.relay.from_csms(content.decode(), time.monotonic())

    def _on_worker(self, topic: str, payload: bytes) -> None:
        health.worker_spoke(topic, payload)
        if b'"offline"' in payload:
            return  # one of many, or it is back before chargers would notice
        if self.guard.phase is Phase.CLOSED:
            self._admission.doorway.empty()
        self.guard.worker_lives(time.monotonic())

    def _on_control(self, topic: str, payload: bytes) -> None:
        match _json(payload):
            case {"verb": "replaced", "key": str(key), "epoch": int(epoch)}:
                if (line := self.lines.get(key)) is not None and line.claim.epoch < epoch:
                    self.bus.surrender(key)
                    line.hang_up(1000, REPLACED)
            case {"verb": "probe", "key": str(key), "epoch": int(epoch)}:
                if (line := self.lines.get(key)) is not None and line.claim.epoch == epoch:
                    line.probe()
            case {"verb": "retired", "key": str(key), "epoch": int(epoch)}:
                if (line := self.lines.get(key)) is not None and line.claim.epoch == epoch:
                    line.hang_up(1008, unknown_sentence(line.claim.identity))
            case {"verb": "hang_up", "key": str(key), "epoch": int(epoch), "reason": str(reason)}:
                if (line := self.lines.get(key)) is not None and line.claim.epoch == epoch:
                    line.relay.hang_up(1008, reason)
            case _:
                log.warning("not understood", topic=topic, payload=payload[:100])

    async def _ask_whether_alive(self, charger: Charger) -> None:
        key = topics.key(charger.identity)
        if charger.gateway != self.name:
            self._tell_gateway(charger.gateway, "probe", key, charger.epoch)
        elif (line := self.lines.get(key)) is not None:
            line.probe()

    def _tell_gateway(self, gateway: str, verb: str, key: str, epoch: int) -> None:
        self.bus.announce(topics.gateway_control(gateway), orjson.dumps({"verb": verb, "key": key, "epoch": epoch}))

    # -- the clock ---------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        """One clock for everything: timers of their own for each charger would cost more than the chargers."""
        while True:
            await asyncio.sleep(TICK_S)
            self.bus.tick()
            now = time.monotonic()
            self.guard.tick(now)
            for line in list(self.lines.values()):
                line.relay.tick(now)
            self._ticks += 1
            if self.takes_chargers and self._ticks % TOUCH_EVERY == 0:
                self.spawn(self._touch())
            self.spawn(self._farewells.write())

    async def _touch(self) -> None:
        try:
            if await self._thread.run(partial(connections.touch_gateway, self.name, timezone.now())):
                await self._reassert()
            self._close_replaced(await self._thread.run(partial(connections.taken_from, self.name, timezone.now())))
        except DatabaseError as error:
            log.warning("the database does not hear that this gateway lives", error=str(error))

    def _close_replaced(self, taken: set[tuple[int, int]]) -> None:
        """The note of the gateway that took them may have been lost; the books are not."""
        if not taken:
            return
        for line in list(self.lines.values()):
            if (line.claim.charger_id, line.claim.epoch) in taken:
                line.hang_up(1000, REPLACED)

    async def _reassert(self) -> None:
        """Somebody took us for dead; our chargers know better."""
        keys = list(self.lines)
        for start in range(0, len(keys), LARGEST):
            # Looked up now: who left meanwhile has its farewell in the database thread already.
            lines = [self.lines[key] for key in keys[start : start + LARGEST] if key in self.lines]
            epochs = {line.claim.charger_id: line.claim.epoch for line in lines}
            doubted = await self._thread.run(partial(connections.reassert, epochs, gateway=self.name))
            log.warning("this gateway was given up and is back", chargers=doubted)
        # Whoever gave it up has cleared its retained status.
        status = topics.gateway_status(self.name)
        self.bus.announce(status, status_payload(self.name, "online"), retain=True)


def _json(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None


def unique_name() -> str:
    """A name that no other gateway process has, had or will have: a last will that comes late must not hit another."""
    return f"{socket.gethostname()[:60]}-{secrets.token_hex(4)}"


def status_payload(name: str, status: str) -> bytes:
    return orjson.dumps({"schema": "chargeyard.gateway.v1", "gateway": name, "status": status})


def on_mqtt(*, takes_chargers: bool) -> Switchboard:
    """The switchboard of this process, on the broker of the settings; without chargers it only listens for workers."""
    name = unique_name()
    bus = MqttBus(
        settings.MQTT_URL,
        name,
        chargers_per_connection=settings.MQTT_CHARGERS_PER_CONNECTION,
        will=(topics.gateway_status(name), status_payload(name, "offline")) if takes_chargers else None,
        greeting=status_payload(name, "online") if takes_chargers else None,
        publishes_per_s=settings.MQTT_PUBLISHES_PER_S,
        connects_per_s=settings.MQTT_CONNECTS_PER_S,
    )
    return Switchboard(name, bus, takes_chargers=takes_chargers)
