"""Plays cases against a yard, several at a time, each with a station of its own; tells how each ended."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import websockets

from portal.certify import missing, ocpp16, ocpp201
from portal.certify.catalogue import Case
from portal.certify.desk import Desk
from portal.certify.expect import Failed
from portal.certify.registry import SCENARIOS, Scenario
from portal.certify.station import Station
from portal.certify.station16 import Station16
from portal.certify.station201 import Station201
from portal.certify.tls import Tls

__all__ = ["ocpp16", "ocpp201"]  # importing them registers the scenarios

PASSED, FAILED, MISSING = "passed", "failed", "missing"
STATIONS: dict[str, type[Station]] = {"1.6": Station16, "2.0.1": Station201}
AT_ONCE = 8
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    case: Case
    result: str  # of PASSED, FAILED, MISSING
    reason: str = ""
    seconds: float = 0.0


async def run(
    cases: Iterable[Case], desk: Desk, *, tls: Tls | None = None, tell: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    """Each case once; the outcomes in the order of the cases. ``tell`` hears of each as it ends."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> Outcome:
        async with room:
            outcome = await _play(case, desk, tls)
        tell(outcome)
        return outcome

    return list(await asyncio.gather(*(one(case) for case in cases)))


def reason_missing(case: Case, tls: Tls | None) -> str:
    """Why a case is not played; empty if it is."""
    scenario = SCENARIOS.get(case.id)
    if scenario is None:
        return missing.REASONS.get(case.id, "nobody has written it")
    return missing.NEEDS_TLS if scenario.needs_tls and tls is None else ""


async def _play(case: Case, desk: Desk, tls: Tls | None) -> Outcome:
    if reason := reason_missing(case, tls):
        return Outcome(case, MISSING, reason)
    began = time.monotonic()
    result, reason = PASSED, ""
    try:
        async with asyncio.timeout(LIMIT_S):
            await _play_alone(SCENARIOS[case.id], STATIONS[case.ocpp], desk, tls)
    except Failed as failure:
        result, reason = FAILED, str(failure)
    except TimeoutError:
        result, reason = FAILED, f"It was not over after {LIMIT_S:.0f} s"
    except (OSError, websockets.WebSocketException) as error:
        result, reason = FAILED, f"The line broke: {error!r}"
    return Outcome(case, result, reason, round(time.monotonic() - began, 2))


async def _play_alone(scenario: Scenario, kind: type[Station], desk: Desk, tls: Tls | None) -> None:
    identity = f"CERT-{uuid.uuid4().hex[:12].upper()}"
    registered = await desk.post("chargers/", {"identity": identity, "security_profile": 1})
    await desk.patch(f"chargers/{identity}/", {"is_strict": True})
    station = kind(desk, identity, registered["password"], tls)
    try:
        if scenario.is_booted:
            await station.connects()
            await station.boots()
        await scenario.play(station)
        if station.is_connected:
            await station.is_left_alone()
    finally:
        await station.leaves()
