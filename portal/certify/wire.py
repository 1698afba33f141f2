"""A charger's socket in a case: one frame after the other, each word of the yard checked to the letter."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import uuid
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect

from portal.certify import letter
from portal.certify.expect import Failed, expect, same

Payload = dict[str, Any]
PATIENCE_S = 15.0
CALL, RESULT, ERROR = 2, 3, 4


def now(**shift: float) -> str:
    """The time as a charger writes it; ``shift`` as of `timedelta`."""
    return (datetime.now(UTC) + timedelta(**shift)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Wire:
    """An open connection."""

    def __init__(self, socket: ClientConnection, ocpp: str) -> None:
        self.socket, self.ocpp = socket, ocpp
        self._ids = (f"{uuid.uuid4().hex[:8]}-{n}" for n in itertools.count())
        self._orders: deque[list[Any]] = deque()  # CALLs of the yard that came while we waited for an answer

    async def says(self, action: str, payload: Payload, wanted: Payload | None = None) -> Payload:
        """Send a CALL; the payload of its CALLRESULT, which must be as ``wanted``. Raises Failed."""
        answer = await self._call(action, payload)
        expect(answer[0] == RESULT, f"{action} was answered with {answer[2:4]}")
        letter.check_answer(self.ocpp, action, answer[2])
        same(answer[2], {} if wanted is None else wanted, f"{action}Response")
        result: Payload = answer[2]
        return result

    async def is_refused(self, action: str, payload: Payload, code: str) -> None:
        """Send a CALL that must be answered with a CALLERROR of this code."""
        answer = await self._call(action, payload)
        expect(answer[0] == ERROR, f"{action} was accepted, wanted {code}")
        same(answer[2], code, f"The CALLERROR to {action}")
        expect(len(answer) == 5 and isinstance(answer[4], dict), f"The CALLERROR to {action} has not five elements")

    async def hears(self, action: str, wanted: Payload, answer: Payload) -> Payload:
        """The yard's next CALL, which must be this one; it is answered with ``answer``. Raises Failed."""
        frame = self._orders.popleft() if self._orders else await self._receive()
        expect(frame[0] == CALL and len(frame) == 4, f"Heard {frame!r}, wanted {action}")
        expect(len(frame[1]) <= 36, f"The message id {frame[1]!r} is longer than 36")
        same(frame[2], action, "The order")
        letter.check_request(self.ocpp, action, frame[3])
        same(frame[3], wanted, action)
        letter.check_answer(self.ocpp, action, answer)
        await self._send([RESULT, frame[1], answer])
        payload: Payload = frame[3]
        return payload

    async def is_left_alone(self) -> None:
        """Nothing came that was not asked for, and the line still works. Raises Failed."""
        await self.says("Heartbeat", {})
        if self._orders:
            raise Failed(f"The yard said {self._orders[0][2]} without being asked")

    async def close(self) -> None:
        await self.socket.close()

    async def _call(self, action: str, payload: Payload) -> list[Any]:
        letter.check_request(self.ocpp, action, payload)
        message_id = next(self._ids)
        await self._send([CALL, message_id, action, payload])
        while (frame := await self._receive())[0] == CALL:
            self._orders.append(frame)
        same(frame[1], message_id, f"The id of the answer to {action}")
        return frame

    async def _send(self, frame: list[Any]) -> None:
        await self.socket.send(json.dumps(frame))

    async def _receive(self) -> list[Any]:
        try:
            frame: list[Any] = json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE_S))
        except TimeoutError:
            raise Failed(f"The yard said nothing for {PATIENCE_S:.0f} s") from None
        except websockets.ConnectionClosed as closed:
            raise Failed(f"The yard hung up: {closed}") from None
        return frame


async def dial(
    url: str, identity: str, *, offers: list[str], headers: dict[str, str], ssl: Any = None
) -> ClientConnection:
    """Raises `websockets.InvalidStatus` for a refusal."""
    return await connect(
        f"{url}/{identity}",
        subprotocols=[websockets.Subprotocol(each) for each in offers] or None,
        additional_headers=headers,
        compression=None,
        max_size=None,
        proxy=None,
        ssl=ssl,
        open_timeout=PATIENCE_S,
    )
