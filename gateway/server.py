"""Daphne as Chargeyard runs it: one port for chargers, browsers and REST, and one for all of them by TLS.

What it adds: sockets fit for OCPP (`gateway.sockets`), ASGI lifespan, a long listen queue, uvloop, a garbage collector
that leaves 10,000 connections alone, and an orderly end: SIGTERM or SIGINT stops listening, lets the application close
what it has (chargers get 1012), then browsers get 1001. A second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

try:
    import uvloop
except ImportError:  # Windows; slower, otherwise the same
    pass
else:
    # Before Daphne, which makes the loop that it will run on when it is imported.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

import daphne.server
from twisted.internet import endpoints
from twisted.internet import reactor as installed_reactor
from twisted.internet.error import CannotListenError
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    STDLibLogObserver,
    globalLogBeginner,
)

from gateway import tls, web
from gateway.collector import keep_collector_off
from gateway.inbox import Inbox
from gateway.sockets import EXTENSIONS, SocketFactory, accept_deflate

reactor: Any = installed_reactor  # its type in Twisted says less than it can
BACKLOG = 4096  # 10,000 chargers that dial at once: with Daphne's 50, 1,341 were refused
CONNECT_TIMEOUT_S = 120
CLOSE_TIMEOUT_S = 10
LAST_REQUESTS_S = 5.0
OUR_DESCRIPTORS = 64  # no caller gets the last ones: database, broker and files need some
LOOK_AT_CERTIFICATES_EVERY_S = 10.0


class Lifespan:
    """The server's side of ASGI's lifespan: tells the application that it may start, and that it has to stop."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._to_application: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_application: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Raises RuntimeError when the application cannot start."""
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        self._task = asyncio.ensure_future(
            self._application(scope, self._to_application.get, self._from_application.put)
        )
        await self._ask("startup")

    async def shutdown(self) -> None:
        await self._ask("shutdown")

    async def _ask(self, phase: str) -> None:
        assert self._task is not None
        await self._to_application.put({"type": f"lifespan.{phase}"})
        answer = asyncio.ensure_future(self._from_application.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            answer.cancel()
            self._task.result()
            raise RuntimeError(f"The application ended instead of its {phase}.")
        if answer.result()["type"] != f"lifespan.{phase}.complete":
            raise RuntimeError(answer.result().get("message", f"The application refuses its {phase}."))


class Server(daphne.server.Server):
    """``when_listening`` is called with the ports once connections are taken. `run` returns when all is closed.

    ``expects`` says of a path whether somebody was asked to leave something large there. ``certificates`` open a second
    port, ``tls_port``.
    """

    def __init__(  # noqa: PLR0913 - keywords, each a thing to be decided
        self,
        application: Any,
        *,
        host: str,
        port: int,
        frame_limit_bytes: int,
        body_limit_bytes: int,
        ping_interval_s: int,
        ping_timeout_s: int,
        deflate: bool,
        when_listening: Callable[..., None],
        expects: Callable[[bytes], bool] = lambda path: False,
        certificates: tls.Certificates | None = None,
        tls_port: int = 0,
    ) -> None:
        super().__init__(
            application,
            endpoints=[f"{host}:{port}"],
            websocket_timeout=-1,  # a charger stays for months
            websocket_connect_timeout=CONNECT_TIMEOUT_S,
            ping_interval=ping_interval_s,
            ping_timeout=ping_timeout_s,
            server_name="Chargeyard",
            request_buffer_size=web.CHUNK_BYTES,
        )
        self.host, self.port = host, port
        self.frame_limit_bytes, self.body_limit_bytes = frame_limit_bytes, body_limit_bytes
        self.most_descriptors = sys.maxsize
        self.bodies_bytes = 0  # of requests that are not answered yet
        self.expects = expects
        self.deflate = deflate
        self.when_listening = when_listening
        self.certificates, self.tls_port = certificates, tls_port
        self.connections: dict[Any, dict[str, Any]] = {}
        self.failure: str | None = None
        self._lifespan = Lifespan(application)
        self._stopping: asyncio.Task[None] | None = None

    def run(self) -> None:
        """Serve until a signal. Raises SystemExit with a sentence when it cannot listen or start."""
        # Twisted and Autobahn report each broken connection; only their own faults are worth a line.
        critical: Any = LogLevelFilterPredicate(defaultLogLevel=LogLevel.critical)
        to_logging: Any = STDLibLogObserver("twisted")
        observer: Any = FilteringLogObserver(to_logging, [critical])
        globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
        self.http_factory = web.Factory(self)
        self.ws_factory = SocketFactory(self, server=self.server_name)
        self.ws_factory.setProtocolOptions(
            allowNullOrigin=True,
            openHandshakeTimeout=0,  # ours: `websocket_connect_timeout`
            closeHandshakeTimeout=CLOSE_TIMEOUT_S,
            maxMessagePayloadSize=self.frame_limit_bytes,
            maxFramePayloadSize=self.frame_limit_bytes,
            failByDrop=False,  # who breaks a rule hears it in a close frame
            utf8validateIncoming=False,  # decoding the text does the same, faster
            perMessageCompressionAccept=accept_deflate if self.deflate else None,
        )
        self.most_descriptors = raise_descriptor_limit() - OUR_DESCRIPTORS
        loop = reactor._asyncioEventloop  # noqa: SLF001 - no other way to it
        asyncio.set_event_loop(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        reactor.callWhenRunning(lambda: asyncio.ensure_future(self._open(), loop=loop))
        reactor.callLater(1, self.application_checker)
        reactor.callLater(2, self.timeout_checker)
        reactor.addSystemEventTrigger("before", "shutdown", self.kill_all_applications)
        reactor.run(installSignalHandlers=False)
        if self.failure:
            raise SystemExit(self.failure)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Inbox:
        """Run the application for one connection; its events go into the queue that this returns."""
        inbox = Inbox() if scope["type"] == "websocket" else web.Body(protocol.content)
        scope["asgi"] = {"version": "3.0"}
        if scope["type"] == "websocket":
            scope["extensions"] = EXTENSIONS
            if (seen := tls.extension(protocol.transport)) is not None:
                scope["scheme"], scope["extensions"] = "wss", {**EXTENSIONS, "tls": seen}
        reply = self._answer if scope["type"] == "http" else self.handle_reply
        application = self.application(scope, inbox.get, partial(reply, protocol))
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(application)
        return inbox

    async def _answer(self, request: Any, message: dict[str, Any]) -> None:
        await self.handle_reply(request, message)
        if message.get("more_body"):
            await request.taken()

    def kill_all_applications(self) -> Any:
        """At the very end; Daphne's own stumbles over a connection that has no application yet."""
        tasks = [task for details in self.connections.values() if (task := details.get("application_instance"))]
        for task in tasks:
            task.cancel()
        return daphne.server.defer.Deferred.fromFuture(
            asyncio.ensure_future(asyncio.gather(*tasks, return_exceptions=True))
        )

    # -- beginning and end -------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        try:
            await self._lifespan.startup()
            self.listeners = [await self._listen(self.port, self.http_factory)]
            if self.certificates is not None:
                self.listeners.append(
                    await self._listen(self.tls_port, tls.Factory(self.certificates, self.http_factory))
                )
                reactor.callLater(LOOK_AT_CERTIFICATES_EVERY_S, self._look_at_certificates)
        except CannotListenError as error:
            await self._lifespan.shutdown()
            self._fail(
                f"Cannot listen on {self.host}:{error.port} ({error.socketError.strerror or error.socketError}). "
                f"Choose another port with {'--port' if error.port == self.port else '--tls-port'}, "
                "or end what has this one."
            )
        except Exception as error:  # whatever it is, the process must not stay without a door
            self._fail(f"Cannot start: {type(error).__name__}: {error}")
        else:
            keep_collector_off()
            self.when_listening(*(listener.getHost().port for listener in self.listeners))

    async def _listen(self, port: int, factory: Any) -> Any:
        kind = endpoints.TCP6ServerEndpoint if ":" in self.host else endpoints.TCP4ServerEndpoint
        endpoint = kind(reactor, port, backlog=BACKLOG, interface=self.host)
        return await endpoint.listen(factory).asFuture(asyncio.get_running_loop())

    def _look_at_certificates(self) -> None:
        assert self.certificates is not None
        self.certificates.renew()
        reactor.callLater(LOOK_AT_CERTIFICATES_EVERY_S, self._look_at_certificates)

    def _fail(self, sentence: str) -> None:
        self.failure = sentence
        reactor.stop()

    def _signalled(self) -> None:
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._close())
        elif reactor.running:
            reactor.stop()

    async def _close(self) -> None:
        for listener in self.listeners:
            listener.stopListening()
        try:
            await self._lifespan.shutdown()
        except Exception as error:  # it ends all the same
            self.failure = f"Did not stop cleanly: {type(error).__name__}: {error}"
        for protocol in list(self.connections):
            if hasattr(protocol, "close_with"):
                with contextlib.suppress(Exception):
                    protocol.close_with(1001, "the server stops")
        for _ in range(int(LAST_REQUESTS_S / 0.05)):
            if not self._has_open():
                break
            await asyncio.sleep(0.05)
        if reactor.running:
            reactor.stop()

    def _has_open(self) -> bool:
        return any("disconnected" not in details for details in self.connections.values())


def raise_descriptor_limit() -> int:
    """As many sockets as the machine lets us have, and how many that are; many shells start with 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most if most != resource.RLIM_INFINITY else sys.maxsize
