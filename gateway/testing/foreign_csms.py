"""A CSMS that we did not write, for the simulator's tests: the `ocpp` package's own ChargePoint behind a real socket.

The package validates what goes both ways against its schemas; a payload that fails is kept in `violations`.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, cast
from uuid import uuid4

import orjson
from ocpp.charge_point import ChargePoint, camel_to_snake_case
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v201 import ChargePoint as ChargePoint201
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

Payload = dict[str, Any]
Answer = Payload | Callable[[Payload], Payload]

logging.getLogger("ocpp").setLevel(logging.CRITICAL)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_transaction_ids = itertools.count(1001)

ANSWERS_16: dict[str, Answer] = {
    "Authorize": {"idTagInfo": {"status": "Accepted"}},
    "BootNotification": lambda _: {"status": "Accepted", "interval": 300, "currentTime": _now()},
    "DataTransfer": {"status": "Accepted"},
    "DiagnosticsStatusNotification": {},
    "FirmwareStatusNotification": {},
    "Heartbeat": lambda _: {"currentTime": _now()},
    "LogStatusNotification": {},
    "MeterValues": {},
    "SecurityEventNotification": {},
    "SignedFirmwareStatusNotification": {},
    "StartTransaction": lambda _: {"transactionId": next(_transaction_ids), "idTagInfo": {"status": "Accepted"}},
    "StatusNotification": {},
    "StopTransaction": {"idTagInfo": {"status": "Accepted"}},
}
ANSWERS_201: dict[str, Answer] = {
    "Authorize": {"idTokenInfo": {"status": "Accepted"}},
    "BootNotification": lambda _: {"status": "Accepted", "interval": 300, "currentTime": _now()},
    "DataTransfer": {"status": "Accepted"},
    "FirmwareStatusNotification": {},
    "Heartbeat": lambda _: {"currentTime": _now()},
    "LogStatusNotification": {},
    "MeterValues": {},
    "NotifyCustomerInformation": {},
    "NotifyEvent": {},
    "NotifyReport": {},
    "ReportChargingProfiles": {},
    "ReservationStatusUpdate": {},
    "SecurityEventNotification": {},
    "StatusNotification": {},
    "TransactionEvent": lambda event: {"idTokenInfo": {"status": "Accepted"}} if "id_token" in event else {},
}


class _Wire:
    """The socket as the package wants it, with a look at every frame."""

    def __init__(self, socket: ServerConnection, csms: ForeignCsms, identity: str) -> None:
        self._socket = socket
        self._csms = csms
        self._identity = identity

    async def recv(self) -> str | bytes:
        frame = await self._socket.recv()
        self._csms.keep(self._identity, "up", orjson.loads(frame))
        return frame

    async def send(self, frame: str) -> None:
        message = orjson.loads(frame)
        self._csms.keep(self._identity, "down", message)
        await self._socket.send(frame)


class ForeignCsms:
    """`async with ForeignCsms() as csms`: chargers dial `csms.url`; `answers16`, `answers201`, `refusal` may change."""

    def __init__(self) -> None:
        self.url = ""
        self.frames: list[tuple[str, str, list[Any]]] = []
        self.answers16 = dict(ANSWERS_16)
        self.answers201 = dict(ANSWERS_201)
        self.refusal: tuple[int, dict[str, str]] | None = None
        """Status and headers for every handshake, while set."""
        self.violations: list[list[Any]] = []
        self.authorizations: list[str | None] = []
        self.points: dict[str, Any] = {}
        self._makes = {
            "ocpp1.6": _point(ChargePoint16, self.answers16),
            "ocpp2.0.1": _point(ChargePoint201, self.answers201),
            "ocpp2.1": _point(ChargePoint21, self.answers201),
        }
        self._sockets: dict[str, ServerConnection] = {}
        self._news = asyncio.Event()
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._talk,
            "127.0.0.1",
            0,
            subprotocols=[Subprotocol(name) for name in self._makes],
            process_request=self._admit,
            compression=None,
            close_timeout=1,
        )
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/ocpp"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    # --- what tests use ------------------------------------------------------------------------------------------

    def calls(self, action: str, identity: str | None = None) -> list[Payload]:
        """Payloads of the CALLs that chargers made so far."""
        return [
            message[3]
            for who, way, message in list(self.frames)
            if way == "up" and message[0] == 2 and message[2] == action and identity in (None, who)
        ]

    def actions(self, identity: str) -> list[str]:
        """What a charger called, in order."""
        return [m[2] for who, way, m in self.frames if who == identity and way == "up" and m[0] == 2]

    async def seen(
        self,
        action: str,
        is_meant: Callable[[Payload], bool] = lambda _: True,
        *,
        count: int = 1,
        within_s: float = 5.0,
    ) -> Payload:
        """Wait for the `count`-th CALL of this action that is meant; returns its payload."""
        async with asyncio.timeout(within_s):
            while True:
                self._news.clear()
                found = [payload for payload in self.calls(action) if is_meant(payload)]
                if len(found) >= count:
                    return found[count - 1]
                await self._news.wait()

    async def command(self, identity: str, action: str, payload: Payload | None = None) -> Payload:
        """Order something; returns the charger's answer as it was on the wire. Raises the package's OCPPError."""
        point = self.points[identity]
        message_id = str(uuid4())
        request = getattr(point._call, action)(**camel_to_snake_case(payload or {}))  # noqa: SLF001 (its only table)
        await point.call(request, suppress=False, unique_id=message_id)
        return next(m[2] for who, way, m in self.frames if who == identity and way == "up" and m[1] == message_id)

    async def cut(self, identity: str) -> None:
        """Lose a charger's socket without a goodbye."""
        self._sockets[identity].transport.abort()

    def keep(self, identity: str, way: str, message: list[Any]) -> None:
        self.frames.append((identity, way, message))
        if way == "down" and message[0] == 4:
            self.violations.append(message)
        self._news.set()

    # --- the socket ----------------------------------------------------------------------------------------------

    def _admit(self, socket: ServerConnection, request: Request) -> Response | None:
        self.authorizations.append(request.headers.get("Authorization"))
        if self.refusal is None:
            return None
        status, headers = self.refusal
        response = socket.respond(status, "Not now\n")
        for name, value in headers.items():
            response.headers[name] = value
        return response

    async def _talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        identity = socket.request.path.rsplit("/", 1)[-1]
        make = self._makes[socket.subprotocol or "ocpp1.6"]
        self.points[identity] = make(identity, _Wire(socket, self, identity), response_timeout=5)
        self._sockets[identity] = socket
        try:
            await self.points[identity].start()
        except ConnectionClosed:
            return


def _point(base: type[ChargePoint], answers: dict[str, Answer]) -> type[ChargePoint]:
    """A ChargePoint class with a handler for each action in the table. The table is read when a CALL comes."""

    def handler(action: str) -> Callable[..., Any]:
        def answer(self: Any, **payload: Any) -> Any:
            told = answers[action]
            told = told(payload) if callable(told) else told
            return getattr(self._call_result, action)(**camel_to_snake_case(told))

        # The package finds handlers by their function's name.
        answer.__name__ = f"on_{action}"
        return cast("Callable[..., Any]", on(action)(answer))

    return type("Point", (base,), {f"on_{action}": handler(action) for action in answers})
