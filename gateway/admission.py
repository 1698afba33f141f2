"""From a caller at the door to a line of its own: throttle, look up, judge, wait for its turn, subscribe, claim.

Look-ups and claims of many callers go to the database together. The subscription comes before the claim: the moment a
charger counts as online a worker may send it something.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.utils import timezone

from chargers import client_certificates, connections, credentials, protocol, security
from chargers.client_certificates import Shown
from chargers.connections import Claim, Dial
from chargers.models import Charger, Registration, SecurityProfile, fold
from chargers.registration import flaw, register_unknown
from gateway import crash, topics
from gateway.batching import DatabaseThread, MicroBatch
from gateway.bus import Bus, NotLinked
from gateway.doorway import Doorway
from gateway.handshake import (
    Caller,
    Proof,
    Refusal,
    Stranger,
    jitter_s,
    judge,
    revoked,
    slips,
    spoken,
    unknown_sentence,
)
from gateway.throttle import PER_IDENTITY, Throttle
from sessions.models import ChargingSession

# How long a connection may take to answer a ping before a newcomer without a password gets its place.
PROBE_S = 2.0
HANDSHAKE = "handshake"  # beside the actions on the page *Protocol*
LETS_IN = {"quarantine": Registration.QUARANTINED, "accept": Registration.ACCEPTED}

log = structlog.get_logger(__name__)


class Admission:
    """``probe(charger)`` asks the connection that a charger has now whether it still lives, and ends it if not.

    ``give_back(claim)`` ends the connection of a caller that was gone when it was granted.
    """

    def __init__(
        self,
        gateway: str,
        bus: Bus,
        thread: DatabaseThread,
        probe: Callable[[Charger], Awaitable[None]],
        give_back: Callable[[Claim], None],
    ) -> None:
        self._gateway = gateway
        self._bus = bus
        self._thread = thread
        self._probe = probe
        self._give_back = give_back
        self.doorway = Doorway(settings.ADMISSION_PER_S)
        self._throttle = Throttle()
        # For passwords that people chose: scrypt lets go of the interpreter, two at once leave it time for the rest.
        self._slow = ThreadPoolExecutor(2, thread_name_prefix="passwords")
        self._renewals: set[asyncio.Task[None]] = set()
        self._look_up: MicroBatch[str, Charger | None] = MicroBatch(thread, look_up)
        self._is_charging: MicroBatch[int, bool] = MicroBatch(thread, are_charging)
        self._claim: MicroBatch[Dial, Claim | None] = MicroBatch(thread, self._claim_batch)
        self._count: MicroBatch[tuple[Charger, list[str]], None] = MicroBatch(thread, count_slips)
        self._take_note: MicroBatch[tuple[Charger, Shown], bool] = MicroBatch(thread, take_note)

    async def admit(self, caller: Caller) -> Claim:
        """Give the caller its charger's line, with its topic subscribed (the bus counts it). Raises Refusal."""
        if not self._bus.is_linked:
            raise Refusal.later("The message broker cannot be reached; try again.")
        try:
            charger, proof = await self._identify(caller)
            if proof.profile == SecurityProfile.NONE:
                # Before its turn: whoever is asked whether it lives has seconds to say so, and others would wait.
                await self._spare_the_living(caller, charger)
            async with self.doorway.passage(partial(self._is_charging, charger.pk)):
                return await self._connect(caller, charger, proof)
        except DatabaseError as error:
            log.warning("database refuses a handshake", charger=caller.identity, error=str(error))
            raise Refusal.later("The database cannot be reached; try again.") from error
        except NotLinked as error:
            raise Refusal.later("The message broker cannot be reached; try again.") from error

    async def _identify(self, caller: Caller) -> tuple[Charger, Proof]:
        """The caller's row, once the caller has proved to be it."""
        self._hold_off(caller, is_known_here=True)
        charger = await (self._look_up(caller.identity) if caller.subprotocol else self._known(caller.identity))
        self._hold_off(caller, is_known_here=charger is not None and charger.remote_address == caller.address)
        try:
            spoken(caller, charger)
        except Refusal:
            self._throttle.failed(caller.identity, caller.address, time.monotonic())
            raise
        if charger is None:
            self._throttle.failed(caller.identity, caller.address, time.monotonic())
            kind = Stranger if settings.UNKNOWN_CHARGERS == "close_1008" else Refusal
            raise kind(HTTPStatus.NOT_FOUND, unknown_sentence(caller.identity))
        try:
            proof = await self._judge(caller, charger)
        except Refusal as refusal:
            await self._note(charger.pk, caller.identity, caller.address, refusal.event, refusal.sentence)
            raise
        except credentials.PepperMissing as error:
            log.error("no_pepper", charger=caller.identity, error=str(error))  # noqa: TRY400 - the sentence says it all
            raise Refusal.later("We cannot check passwords at the moment; try again.") from error
        await self._keep_up(caller, charger, proof)
        if found := slips(caller, proof):
            await self._counted(charger, found)
        return charger, proof

    async def _known(self, identity: str) -> Charger | None:
        """Its row, whatever `UNKNOWN_CHARGERS` does with others."""
        return (await self._thread.run(partial(connections.look_up, [identity]))).get(fold(identity))

    def _hold_off(self, caller: Caller, *, is_known_here: bool) -> None:
        """Raises Refusal (429)."""
        now = time.monotonic()
        if wait_s := self._throttle.wait_s(caller.identity, caller.address, now, is_known_here=is_known_here):
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"Too many failed attempts of {caller.identity!r} or from {caller.address}; try again in {wait_s} s.",
                ("Retry-After", str(wait_s + jitter_s(0, 10))),
            )

    async def _judge(self, caller: Caller, charger: Charger) -> Proof:
        """Raises Refusal, PepperMissing."""
        if caller.user is not None and credentials.takes_long(charger, caller.password):
            with self._throttle.trying(caller.identity, caller.address):
                proof = await asyncio.get_running_loop().run_in_executor(self._slow, judge, caller, charger)
        else:
            proof = judge(caller, charger)
        if proof.profile == SecurityProfile.CERTIFICATE:
            assert caller.certificate is not None
            if not await self._take_note((charger, caller.certificate)):
                raise revoked(charger)
        return proof

    async def _keep_up(self, caller: Caller, charger: Charger, proof: Proof) -> None:
        """Bring the books up to the password that the caller has just shown."""
        if proof.password_hash in credentials.pending(charger):
            await self._thread.run(partial(credentials.adopt, charger, proof.password_hash))
        elif credentials.is_outdated(proof.password_hash):
            # Beside everything else: after an upgrade or with a new pepper a whole fleet has one.
            task = asyncio.get_running_loop().create_task(self._renew_hash(caller, charger, proof.password_hash))
            self._renewals.add(task)
            task.add_done_callback(self._renewals.discard)

    async def _renew_hash(self, caller: Caller, charger: Charger, old: str) -> None:
        new = await asyncio.get_running_loop().run_in_executor(self._slow, credentials.renewed, old, caller.password)
        try:
            await self._thread.run(partial(credentials.replace_hash, charger, old, new))
        except DatabaseError as error:  # with the next login
            log.warning("a password hash was not renewed", charger=charger.identity, error=str(error))

    async def _counted(self, charger: Charger, found: list[str]) -> None:
        try:
            await self._count((charger, found))
        except DatabaseError as error:  # it comes in all the same
            log.warning("slips in a handshake were not counted", charger=charger.identity, error=str(error))

    async def certificate_refused(self, name: str, address: str, why: str) -> None:
        """Our TLS has turned away a client certificate that names a charger, perhaps one of ours."""
        if flaw(name):
            return
        # Not as at the door, where `UNKNOWN_CHARGERS` may let a stranger in.
        charger = await self._known(name)
        if charger is not None:
            sentence = f"A client certificate for {name!r} was refused: {why}."
            await self._note(charger.pk, name, address, "CertificateRefused", sentence)

    async def _note(self, charger_id: int, identity: str, address: str, event: str, sentence: str) -> None:
        """For the operator: somebody who is not this charger tried to be it, or it came by the wrong door.

        The first time in a minute, and when it is one too many.
        """
        failures = self._throttle.failed(identity, address, time.monotonic())
        if failures not in (1, PER_IDENTITY):
            return
        detail = f"{address}: {sentence}" + (f" {failures} times within a minute." if failures > 1 else "")
        note = partial(security.record_event, kind=event, detail=detail, is_ours=True, at=timezone.now())
        await self._thread.run(partial(note, Charger(pk=charger_id)))

    async def _raise_profile(self, charger: Charger, profile: SecurityProfile) -> None:
        """From now on it comes in this way only. OCPP 2.0.1 part 2, A05.FR.07."""
        try:
            await self._thread.run(partial(security.raise_profile, charger, profile, at=timezone.now()))
        except DatabaseError as error:  # it has its line; the next dial raises it
            log.warning("a security profile was not raised", charger=charger.identity, error=str(error))

    async def _connect(self, caller: Caller, charger: Charger, proof: Proof) -> Claim:
        key = topics.key(charger.identity)
        await self._bus.listen(key)
        claim = None
        try:
            # Shielded: the database may be granting it while its caller is given up.
            claiming = asyncio.ensure_future(self._claim(Dial(charger.pk, spoken(caller, charger), caller.address)))
            try:
                claim = await asyncio.shield(claiming)
            except asyncio.CancelledError:
                claiming.add_done_callback(self._granted_to_nobody)
                raise
        finally:
            if claim is None:
                self._bus.leave(key)
        crash.at("gateway.after_claim")
        if claim is None:  # deleted while it stood at the door
            raise Refusal(HTTPStatus.NOT_FOUND, unknown_sentence(caller.identity))
        if proof.profile > charger.security_profile:
            await self._raise_profile(charger, proof.profile)
        return claim

    def _granted_to_nobody(self, claiming: asyncio.Future[Claim | None]) -> None:
        if not claiming.cancelled() and claiming.exception() is None and (claim := claiming.result()) is not None:
            self._give_back(claim)

    async def _spare_the_living(self, caller: Caller, charger: Charger) -> None:
        """Who shows no password may not take the place of a connection that still answers. Raises Refusal."""
        with self._throttle.trying(caller.identity, caller.address):
            if not await self._is_held(charger):
                return
            await self._probe(charger)
            await asyncio.sleep(PROBE_S + 0.5)
            now = await self._look_up(charger.identity)
            if now is None or not await self._is_held(now):
                return
        self._throttle.failed(caller.identity, caller.address, time.monotonic())
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            f"Charger {charger.identity!r} is connected, and without a password nobody can take its place.",
        )

    async def _is_held(self, charger: Charger) -> bool:
        return charger.is_online and await self._thread.run(lambda: connections.is_held(charger, timezone.now()))

    def _claim_batch(self, dials: list[Dial]) -> list[Claim | None]:
        return connections.claim(dials, gateway=self._gateway, at=timezone.now())


def take_note(showings: list[tuple[Charger, Shown]]) -> list[bool]:
    """Whether each may come in by its certificate; in the database thread."""
    return client_certificates.take_note(showings, at=timezone.now())


def count_slips(found: list[tuple[Charger, list[str]]]) -> list[None]:
    """Count what was tolerated in each of these handshakes; in the database thread."""
    protocol.tolerated(found, HANDSHAKE, at=timezone.now())
    return [None] * len(found)


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
