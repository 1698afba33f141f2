"""The server of `gateway.tests.behaviours` with TLS beside it, and an application that says what it sees of that.

Run as a program: the folder holds ``rsa.pem``, ``ecdsa.pem`` and ``ca.pem``. Prints both ports.
"""

# ruff: noqa: T201 - its output is what the test reads

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

from gateway import server, tls
from gateway.tests.behaviours import echo, lifespan


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        body = f"{scope['scheme']} page".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})
    elif scope["path"] == "/tell":
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "ocpp1.6"})
        told = {"scheme": scope.get("scheme"), "tls": scope["extensions"].get("tls")}
        await send({"type": "websocket.send", "text": json.dumps(told)})
        await send({"type": "websocket.close", "code": 1012, "reason": "told"})
        await receive()
    else:
        await receive()
        await echo(receive, send)


def main(folder: Path, expired_days: int) -> None:
    settings.configure(EXPIRED_CERTIFICATE_DAYS=expired_days)
    server.LOOK_AT_CERTIFICATES_EVERY_S = 0.2
    tls.FAREWELL_S = 1.0
    files = tls.Files((folder / "ecdsa.pem", folder / "rsa.pem"), (), (folder / "ca.pem",))
    server.Server(
        application,
        host="127.0.0.1",
        port=0,
        frame_limit_bytes=100_000,
        body_limit_bytes=1_000_000,
        ping_interval_s=1,
        ping_timeout_s=1,
        deflate=True,
        when_listening=lambda port, secure: print("listening", port, secure, flush=True),
        certificates=tls.Certificates(files, lambda *told: print("refused", *told, flush=True)),
        tls_port=0,
    ).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
