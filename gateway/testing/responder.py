"""An OCSP responder (RFC 6960) for tests: a real HTTP server on this machine, that signs what it says."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from gateway.testing.keys import DAY, Held


@dataclass
class Responder:
    """``signer``: who signs, the authority itself or a delegate of it; ``vices``: what it does wrong.

    While its ``gate`` is closed it answers nobody, for ten seconds at most.
    """

    signer: Held
    sends_along: list[Held] = field(default_factory=list)
    revoked: set[int] = field(default_factory=set)  # serial numbers
    lasts: timedelta | None = DAY
    vices: set[str] = field(default_factory=set)
    asked: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def __post_init__(self) -> None:
        self.gate.set()

    def answer(self, question: bytes) -> bytes:
        request = ocsp.load_der_ocsp_request(question)
        self.asked.append(request.serial_number)
        if "busy" in self.vices:
            return self._der(ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER))
        number = request.serial_number + ("another" in self.vices)
        is_revoked, now = number in self.revoked, datetime.now(UTC)
        began = now - (3 * DAY if "stale" in self.vices else timedelta(minutes=1))
        builder = ocsp.OCSPResponseBuilder().add_response_by_hash(
            request.issuer_name_hash, request.issuer_key_hash, number, request.hash_algorithm,
            ocsp.OCSPCertStatus.REVOKED if is_revoked else ocsp.OCSPCertStatus.GOOD,
            began, began + self.lasts if self.lasts else None, now - DAY if is_revoked else None, None,
        ).responder_id(ocsp.OCSPResponderEncoding.HASH, self.signer.certificate)  # fmt: skip
        if self.sends_along:
            builder = builder.certificates([each.certificate for each in self.sends_along])
        return self._der(builder.sign(self.signer.key, SHA256()))

    def _der(self, response: ocsp.OCSPResponse) -> bytes:
        if "long" in self.vices:
            return b"0" * 100_000
        return b"<html>" if "html" in self.vices else response.public_bytes(Encoding.DER)


@contextmanager
def serving(responder: Responder) -> Iterator[Responder]:
    """Its URL is set, and begins with `http://127.0.0.1`."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            responder.gate.wait(10)
            body = responder.answer(self.rfile.read(int(self.headers["Content-Length"])))
            if "slow to begin" in responder.vices:
                for byte in b"HTTP/1.1 200 OK\r\nX-Patience: " + 200 * b"x":
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.05)
            self.send_response(302 if "elsewhere" in responder.vices else 200)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for byte in body if "dripping" in responder.vices else ():
                self.wfile.write(bytes([byte]))
                time.sleep(0.05)
            if "dripping" not in responder.vices:
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # the other side has hung up
                return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        responder.url = f"http://127.0.0.1:{server.server_port}/ocsp"
        try:
            yield responder
        finally:
            server.shutdown()
