"""From a caller at the door to a line of its own: throttle, look up, judge, wait for its turn, subscribe, claim.

Look-ups and claims of many callers go to the database together. The subscription comes before the claim: the moment a
charger counts as online a worker may send it something.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone

from chargers import connections, credentials, security
from chargers.connections import Claim, Dial
from chargers.models import Charger, Registration, SecurityProfile, fold
from chargers.registration import register_unknown
from gateway import topics
from gateway.batching import DatabaseThread, MicroBatch
from gateway.bus import Bus, NotLinked
from gateway.doorway import Doorway
from gateway.handshake import Caller, Refusal, Stranger, jitter_s, judge, shows_new_password, unknown_sentence
from gateway.throttle import Throttle
from sessions.models import ChargingSession

# How long a connection may take to answer a ping before a newcomer without a password gets its place.
PROBE_S = 2.0
LETS_IN = {"quarantine": Registration.QUARANTINED, "accept": Registration.ACCEPTED}

log = structlog.get_logger(__name__)


class Admission:
    """``probe(charger)`` asks the connection that a charger has now whether it still lives, and ends it if not."""

    def __init__(
        self, gateway: str, bus: Bus, thread: DatabaseThread, probe: Callable[[Charger], Awaitable[None]]
    ) -> None:
        self._gateway = gateway
        self._bus = bus
        self._thread = thread
        self._probe = probe
        self.doorway = Doorway(settings.ADMISSION_PER_S)
        self._throttle = Throttle()
        self._look_up: MicroBatch[str, Charger | None] = MicroBatch(thread, look_up)
        self._is_charging: MicroBatch[int, bool] = MicroBatch(thread, are_charging)
        self._claim: MicroBatch[Dial, Claim | None] = MicroBatch(thread, self._claim_batch)

    async def admit(self, caller: Caller) -> Claim:
        """Give the caller its charger's line, with its topic subscribed (the bus counts it). Raises Refusal."""
        if not self._bus.is_linked:
            raise Refusal.later("The message broker cannot be reached; try again.")
        try:
            charger = await self._identify(caller)
            async with self.doorway.passage(partial(self._is_charging, charger.pk)):
                if charger.security_profile == SecurityProfile.NONE:
                    await self._spare_the_living(charger)
                return await self._connect(caller, charger)
        except DatabaseError as error:
            log.warning("database refuses a handshake", charger=caller.identity, error=str(error))
            raise Refusal.later("The database cannot be reached; try again.") from error
        except NotLinked as error:
            raise Refusal.later("The message broker cannot be reached; try again.") from error

    async def _identify(self, caller: Caller) -> Charger:
        """The caller's row, once the caller has proved to be it."""
        if wait_s := self._throttle.wait_s(caller.identity, caller.address, time.monotonic()):
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"Too many failed attempts of {caller.identity!r} or from {caller.address}; try again in {wait_s} s.",
                ("Retry-After", str(wait_s + jitter_s(0, 10))),
            )
        charger = await self._look_up(caller.identity)
        if charger is None:
            self._throttle.failed(caller.identity, caller.address, time.monotonic())
            kind = Stranger if settings.UNKNOWN_CHARGERS == "close_1008" else Refusal
            raise kind(HTTPStatus.NOT_FOUND, unknown_sentence(caller.identity))
        try:
            judge(caller, charger)
        except Refusal as refusal:
            if self._throttle.failed(caller.identity, caller.address, time.monotonic()) == 1:
                await self._thread.run(partial(_note, charger, caller, refusal))
            raise
        if shows_new_password(caller, charger):
            await self._thread.run(partial(credentials.adopt, charger))
        return charger

    async def _connect(self, caller: Caller, charger: Charger) -> Claim:
        key = topics.key(charger.identity)
        await self._bus.listen(key)
        claim = None
        try:
            claim = await self._claim(Dial(charger.pk, caller.subprotocol, caller.address))
        finally:
            if claim is None:
                self._bus.leave(key)
        if claim is None:  # deleted while it stood at the door
            raise Refusal(HTTPStatus.NOT_FOUND, unknown_sentence(caller.identity))
        return claim

    async def _spare_the_living(self, charger: Charger) -> None:
        """Who shows no password may not take the place of a connection that still answers. Raises Refusal."""
        if not await self._is_held(charger):
            return
        await self._probe(charger)
        await asyncio.sleep(PROBE_S + 0.5)
        now = await self._look_up(charger.identity)
        if now is not None and await self._is_held(now):
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                f"Charger {charger.identity!r} is connected, and without a password nobody can take its place.",
            )

    async def _is_held(self, charger: Charger) -> bool:
        return charger.is_online and await self._thread.run(lambda: connections.is_held(charger, timezone.now()))

    def _claim_batch(self, dials: list[Dial]) -> list[Claim | None]:
        return connections.claim(dials, gateway=self._gateway, at=timezone.now())


def _note(charger: Charger, caller: Caller, refusal: Refusal) -> None:
    """For the operator: somebody who is not this charger tried to be it, or it came by the wrong door."""
    kind = "LoginFailed" if refusal.status == HTTPStatus.UNAUTHORIZED else "SecurityProfileMismatch"
    detail = f"{caller.address}: {refusal.sentence}"
    security.record_event(charger, kind, detail=detail, is_ours=True, at=timezone.now())


def are_charging(charger_ids: list[int]) -> list[bool]:
    """Whether each of these chargers has an open session; in the database thread."""
    sessions = ChargingSession.objects.filter(charger__in=set(charger_ids), stopped_at=None)
    charging = set(sessions.values_list("charger_id", flat=True))
    return [charger_id in charging for charger_id in charger_ids]


def look_up(identities: list[str]) -> list[Charger | None]:
    """The rows of ``identities`` in their order, None for who is unknown and stays so; in the database thread."""
    found = connections.look_up(identities)
    registration = LETS_IN.get(settings.UNKNOWN_CHARGERS)
    unknown = [identity for identity in identities if fold(identity) not in found]
    if registration is not None and unknown:
        register_unknown(unknown, registration)
        found |= connections.look_up(unknown)
    return [found.get(fold(identity)) for identity in identities]
