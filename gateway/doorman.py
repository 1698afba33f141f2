"""The door of a gateway without a process (`gateway.serverless`): `gateway.admission` for one caller, with no memory.

The same look-up, judgement, claim and notes. What `gateway.throttle` remembers stands in the connections' table, a row
for each minute in which somebody failed. There is no line: API Gateway itself lets in no more than so many a second.
"""

from __future__ import annotations

import math
import time
from datetime import timedelta
from http import HTTPStatus

import structlog
from django.utils import timezone

from chargers import connections, credentials, security
from chargers.addresses import network
from chargers.connections import Claim, Dial
from chargers.models import Charger, SecurityProfile, fold
from gateway import unanswered
from gateway.admission import count_slips, look_up
from gateway.handshake import Caller, Proof, Refusal, jitter_s, judge, slips, spoken, unknown_sentence
from gateway.iot import table
from gateway.throttle import PER_ADDRESS, PER_IDENTITY, WINDOW_S

# API Gateway ends each connection after two hours, so a gateway without a handshake for so long has none.
LONGEST = timedelta(hours=2)

log = structlog.get_logger(__name__)


def admit(caller: Caller, *, gateway: str) -> Claim:
    """Give the caller its charger's line. Raises Refusal."""
    failures = Failures(caller)
    failures.hold_off(is_known_here=True)
    charger = look_up([caller.identity])[0] if caller.subprotocol else _known(caller.identity)
    failures.hold_off(is_known_here=charger is not None and charger.remote_address == caller.address)
    try:
        subprotocol = spoken(caller, charger)
    except Refusal:
        failures.count()
        raise
    if charger is None:
        failures.count()
        raise Refusal(HTTPStatus.NOT_FOUND, unknown_sentence(caller.identity))
    proof = _proof(caller, charger, failures)
    _keep_up(caller, charger, proof)
    if proof.profile == SecurityProfile.NONE and connections.is_held(charger, timezone.now()):
        sentence = f"Charger {charger.identity!r} is connected, and without a password nobody can take its place."
        raise Refusal(HTTPStatus.FORBIDDEN, sentence)
    if not unanswered.may_come_in():
        raise Refusal.later("No worker can store what chargers say; try again.")
    connections.touch_gateway(gateway, timezone.now() + LONGEST)
    dial = Dial(charger.pk, subprotocol, caller.address)
    (claim,) = connections.claim([dial], gateway=gateway, at=timezone.now())
    if claim is None:  # deleted while it stood at the door
        raise Refusal(HTTPStatus.NOT_FOUND, unknown_sentence(caller.identity))
    if proof.profile > charger.security_profile:
        security.raise_profile(charger, proof.profile, at=timezone.now())
    return claim


class Failures:
    """Failed handshakes of this minute: of the caller's identity from its address, and of its address in all."""

    def __init__(self, caller: Caller) -> None:
        self._caller, self._at_s = caller, time.time()
        begin = f"failed#{int(self._at_s // WINDOW_S)}#{network(caller.address)}"
        self._of_address, self._of_identity = begin, f"{begin}#{caller.identity}"

    def hold_off(self, *, is_known_here: bool) -> None:
        """Raises Refusal (429)."""
        is_over = table.counted(self._of_identity) >= PER_IDENTITY or (
            not is_known_here and table.counted(self._of_address) >= PER_ADDRESS
        )
        if is_over:
            wait_s = math.ceil(WINDOW_S - self._at_s % WINDOW_S)
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"Too many failed attempts of {self._caller.identity!r} or from {self._caller.address}; try again in "
                f"{wait_s} s.",
                ("Retry-After", str(wait_s + jitter_s(0, 10))),
            )

    def count(self) -> int:
        """One more; how many this identity now has from this address."""
        table.count(self._of_address)
        return table.count(self._of_identity)


def _known(identity: str) -> Charger | None:
    """Its row, whatever `UNKNOWN_CHARGERS` does with others."""
    return connections.look_up([identity]).get(fold(identity))


def _proof(caller: Caller, charger: Charger, failures: Failures) -> Proof:
    """How the caller proves to be this charger; for the operator it is noted who is not. Raises Refusal."""
    try:
        return judge(caller, charger)
    except Refusal as refusal:
        times = failures.count()
        if times in (1, PER_IDENTITY):
            more = f" {times} times within a minute." if times > 1 else ""
            detail = f"{caller.address}: {refusal.sentence}{more}"
            security.record_event(charger, refusal.event, detail=detail, is_ours=True, at=timezone.now())
        raise
    except credentials.PepperMissing as error:
        log.error("no_pepper", charger=caller.identity, error=str(error))  # noqa: TRY400 - the sentence says it all
        raise Refusal.later("We cannot check passwords at the moment; try again.") from error


def _keep_up(caller: Caller, charger: Charger, proof: Proof) -> None:
    """Bring the books up to what the caller has just shown."""
    if proof.password_hash in credentials.pending(charger):
        credentials.adopt(charger, proof.password_hash)
    elif proof.password_hash and credentials.is_outdated(proof.password_hash):
        new = credentials.renewed(proof.password_hash, caller.password)
        credentials.replace_hash(charger, proof.password_hash, new)
    if found := slips(caller, proof):
        count_slips([(charger, found)])
