"""Who answers what on our port: Django the web, `portal` the browsers' live socket, `gateway` every other socket.

A composition root. The process's role (``ROLE``, or ``serve --role``) decides which of them it plays:

- ``all``: everything on one port
- ``gateway``: chargers, and ``/livez``, ``/readyz`` and ``/metrics`` for machines
- ``portal``: people and integrators; a charger is sent away with 404
"""

from __future__ import annotations

import os
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
web = get_asgi_application()
# Connections are kept: each is tried before it is used again.
connections.settings["default"]["CONN_HEALTH_CHECKS"] = True

# After Django is set up: these have models.
from gateway import switchboard  # noqa: E402
from gateway.consumers import ChargerConsumer  # noqa: E402
from gateway.handshake import SUBPROTOCOLS  # noqa: E402
from portal.clerks import Clerks  # noqa: E402
from portal.consumers import LiveConsumer  # noqa: E402
from portal.hatch import PREFIX, Hatch  # noqa: E402

LIVE_PATH = "/live/"
CHARGERS_PATH = "/ocpp/"
ALIVE_PATH = "/livez"
NO_CHARGERS = "This process serves people only; chargers have another address."
MACHINE_PATHS = ("/readyz", "/metrics")  # asked every second, for ever


class Application:
    """The ASGI application of one process. The switchboard lives from lifespan startup to lifespan shutdown."""

    def __init__(self, role: str) -> None:
        self.takes_chargers = role in ("all", "gateway")
        self.serves_people = role in ("all", "portal")
        self.switchboard = switchboard.on_mqtt(takes_chargers=self.takes_chargers)
        self.pages = Clerks(web)
        self.machines = Clerks(web, 2)
        self.hatch = Hatch()
        self.live = AllowedHostsOriginValidator(AuthMiddlewareStack(LiveConsumer.as_asgi()))

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        # No coroutine of its own: 10,000 idle sockets would each keep its frame.
        application: Awaitable[None]
        if scope["type"] == "websocket":
            application = self._socket(scope, receive, send)
        elif scope["type"] == "lifespan":
            application = self._live(receive, send)
        elif scope["path"] == ALIVE_PATH:
            application = web(scope, receive, send)  # asks no database; told even if all clerks wait for theirs
        elif scope["path"] in MACHINE_PATHS:
            application = self.machines(scope, receive, send)
        elif f"{scope['path']}/".startswith(CHARGERS_PATH):
            application = _only_sockets(send) if self.takes_chargers else _not_here(send, NO_CHARGERS)
        elif self.serves_people and scope["path"].startswith(PREFIX):
            application = self.hatch(scope, receive, send)
        elif self.serves_people:
            application = self.pages(scope, receive, send)
        else:
            application = _not_here(send, "This process serves chargers only; the portal has another address.")
        return application

    def _socket(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        socket: Awaitable[None]
        if self.serves_people and scope["path"] == LIVE_PATH:
            socket = self.live(scope, receive, send)
        elif self.takes_chargers:
            socket = ChargerConsumer(self.switchboard)(scope, receive, send)
        else:
            socket = _not_here(send, NO_CHARGERS, kind="websocket.http")
        return socket

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await self.switchboard.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.switchboard.stop()
        await send({"type": "lifespan.shutdown.complete"})


async def _not_here(send: Any, sentence: str, *, kind: str = "http") -> None:
    await _say(send, HTTPStatus.NOT_FOUND, sentence, kind=kind)


async def _only_sockets(send: Any) -> None:
    """To a browser in which somebody typed a charger's address, or a charger whose proxy drops what it wishes."""
    names = ", ".join(SUBPROTOCOLS)
    await _say(
        send,
        HTTPStatus.UPGRADE_REQUIRED,
        f"Here chargers connect by WebSocket ({names}); this was a plain HTTP request. If a charger is answered so, a "
        "proxy between it and us does not pass on its headers Upgrade and Connection.",
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
    )


async def _say(send: Any, status: HTTPStatus, sentence: str, *headers: tuple[bytes, bytes], kind: str = "http") -> None:
    plain = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": f"{kind}.response.start", "status": status, "headers": [plain, *headers]})
    await send({"type": f"{kind}.response.body", "body": f"{sentence}\n".encode()})


application = Application(settings.ROLE)
