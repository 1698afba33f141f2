"""Connections that have ended, told to the books a moment later, many together. Late is harmless: the epoch says which
connection is meant.
"""

from __future__ import annotations

import asyncio
from functools import partial

import structlog
from django.db import Error as DatabaseError
from django.utils import timezone

from chargers import connections
from chargers.connections import Claim, Farewell
from gateway.batching import DatabaseThread

GATHER_S = 0.1  # who leaves seldom leaves alone

log = structlog.get_logger(__name__)


class Farewells:
    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread
        self._unwritten: list[Farewell] = []

    def add(self, claim: Claim, code: int, reason: str) -> bool:
        """Whether it is the first: somebody has to `write` it, or `gather` it with others."""
        self._unwritten.append(Farewell(claim.charger_id, claim.epoch, code, reason))
        return len(self._unwritten) == 1

    async def gather(self) -> None:
        await asyncio.sleep(GATHER_S)
        await self.write()

    async def write(self) -> None:
        """Write all there are; what the database does not take is kept for the next time."""
        farewells, self._unwritten = self._unwritten, []
        if not farewells:
            return
        try:
            await self._thread.run(partial(connections.release, farewells, timezone.now()))
        except DatabaseError as error:
            log.warning("farewells wait for the database", chargers=len(farewells), error=str(error))
            self._unwritten = farewells + self._unwritten
