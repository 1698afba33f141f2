"""TLS at our own door, with Python's ssl as the charger: real sockets, real handshakes."""

from __future__ import annotations

import asyncio
import json
import queue
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from chargers import authority, server_certificates
from gateway import tls
from gateway.testing import keys
from gateway.testing.keys import Held

ROOT = Path(__file__).resolve().parents[2]


class Door:
    """A server with TLS in a process of its own; ``lines`` is what it printed."""

    def __init__(self, folder: Path, *, expired_days: int = 0) -> None:
        self.folder = folder
        self.ca = Held.read(folder / "ca.pem")
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "gateway.tests.secure_behaviours", str(folder), str(expired_days)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        _, plain, secure = self.says("listening").split()
        self.plain, self.port = int(plain), int(secure)

    def _read(self) -> None:
        for line in self.popen.stdout or ():
            self.lines.put(line.strip())

    def says(self, start: str, within_s: float = 20) -> str:
        end = time.monotonic() + within_s
        while not (line := self.lines.get(timeout=max(0.01, end - time.monotonic()))).startswith(start):
            pass
        return line

    def shake(self, **options: Any) -> ssl.SSLSocket:
        """A handshake to its very end: TLS 1.3 tells a client only with the first bytes that it was refused."""
        context = keys.context(options.pop("trusted", self.ca.certificate), **options)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        link = context.wrap_socket(plain, server_hostname="localhost")
        link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"https page" in b"".join(iter(lambda: link.recv(65536), b""))
        return link

    def dial(self, path: str, **options: Any) -> websockets.connect:
        return websockets.connect(
            f"wss://localhost:{self.port}{path}",
            ssl=keys.context(self.ca.certificate, **options),
            subprotocols=[websockets.Subprotocol("ocpp1.6")],
            compression=None,
            proxy=None,
        )


def fill(folder: Path) -> None:
    """The files of a door; the authority's file is used by nothing else."""
    from django.conf import settings
    from django.utils import timezone

    before, settings.CHARGER_CA_FILE = settings.CHARGER_CA_FILE, folder / "ca.pem"
    try:
        for made in server_certificates.make(folder, ["localhost", "127.0.0.1"], at=timezone.now()):
            made.rename(folder / made.name.removeprefix("tls-"))
    finally:
        settings.CHARGER_CA_FILE = before
        authority.load.cache_clear()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("door")
    fill(folder)
    door = Door(folder)
    yield door
    door.popen.kill()
    door.popen.wait()


def peer_key(link: ssl.SSLSocket) -> Any:
    from cryptography import x509

    der = link.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).public_key()


# -- what we show ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ciphers", "key"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", ec.EllipticCurvePublicKey),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", ec.EllipticCurvePublicKey),
        ("ECDHE-RSA-AES256-GCM-SHA384", rsa.RSAPublicKey),
        ("AES128-GCM-SHA256", rsa.RSAPublicKey),
        ("AES256-GCM-SHA384", rsa.RSAPublicKey),
    ],
)
def test_every_suite_that_ocpp_demands_is_served_with_the_certificate_that_goes_with_it(door, ciphers, key):
    link = door.shake(newest=ssl.TLSVersion.TLSv1_2, ciphers=ciphers)
    cipher = link.cipher()
    assert cipher is not None and cipher[:2] == (ciphers, "TLSv1.2")
    assert isinstance(peer_key(link), key)


def test_tls_1_3_is_served(door):
    assert door.shake().version() == "TLSv1.3"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_tc_a_06_a_tls_version_below_1_2_ends_the_handshake(door, version):
    with pytest.raises(ssl.SSLError) as refused:
        door.shake(newest=version, ciphers="DEFAULT:@SECLEVEL=0")
    assert "PROTOCOL_VERSION" in str(refused.value).upper()


@pytest.mark.parametrize("ciphers", ["ECDHE-RSA-AES128-SHA", "AES128-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"])
def test_a_suite_that_ocpp_does_not_name_ends_the_handshake(door, ciphers):
    with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
        door.shake(newest=ssl.TLSVersion.TLSv1_2, ciphers=ciphers)


def test_nothing_is_compressed(door):
    assert door.shake(newest=ssl.TLSVersion.TLSv1_2).compression() is None


def test_a_charger_that_does_not_know_our_authority_is_told_nothing(door):
    with pytest.raises(ssl.SSLCertVerificationError):
        door.shake(trusted=keys.authority().certificate)


def test_what_is_no_tls_harms_nobody(door):
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP" not in link.recv(65536)
    assert door.shake().version() == "TLSv1.3"


async def test_tc_a_04_chargers_come_by_tls_and_without_on_two_ports_of_one_process(door):
    async with door.dial("/echo") as secure:
        await secure.send("by TLS")
        assert await asyncio.wait_for(secure.recv(), 5) == "by TLS"
    offer = [websockets.Subprotocol("ocpp1.6")]
    async with websockets.connect(f"ws://127.0.0.1:{door.plain}/tell", subprotocols=offer, proxy=None) as plain:
        assert json.loads(await plain.recv()) == {"scheme": None, "tls": None}


def test_who_never_says_goodbye_is_let_go_all_the_same(door):
    with door.shake() as link:  # has heard ours
        plain = socket.socket(fileno=link.detach())
    plain.settimeout(20)
    assert plain.recv(10) == b""
    plain.close()


async def test_a_closing_handshake_comes_through_tls(door):
    async with door.dial("/tell") as connection:
        told = json.loads(await asyncio.wait_for(connection.recv(), 5))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await asyncio.wait_for(connection.recv(), 5)
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
    assert told["scheme"] == "wss"
    assert (told["tls"]["tls_version"], told["tls"]["client_cert_chain"]) == (0x0304, [])


async def test_a_charger_that_does_not_answer_pings_is_dropped_by_tls_too(door):
    context = keys.context(door.ca.certificate)
    reader, writer = await asyncio.open_connection("localhost", door.port, ssl=context)
    writer.write(
        b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
    )
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        async with asyncio.timeout(10):
            await reader.readexactly(100_000)
    assert "did not answer our ping" in await asyncio.to_thread(door.says, "left 1006")
    writer.close()


# -- whom we accept ----------------------------------------------------------------------------------------------------


async def told(door: Door, own: Held, **options: Any) -> dict[str, Any]:
    async with door.dial("/tell", own=own, **options) as connection:
        seen: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), 5))["tls"]
        return seen


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_reaches_the_application(door, newest):
    own = door.ca.client("CP-1", organization="Yard & Sons")
    seen = await told(door, own, newest=newest)
    assert seen["client_cert_name"] == "CN=CP-1,O=Yard & Sons"
    assert seen["client_cert_chain"][0] == own.certificate.public_bytes(Encoding.PEM).decode()


BAD = {
    "foreign": lambda ca: keys.authority().client("CP-1"),
    "self-signed": lambda ca: keys.authority("CP-1"),
    "expired": lambda ca: ca.expired("CP-1"),
    "not valid yet": lambda ca: ca.client("CP-1", begins_at=datetime_in(1), ends_at=datetime_in(2)),
    "for a server": lambda ca: ca.client("CP-1", purpose=ExtendedKeyUsageOID.SERVER_AUTH),
    "signed by a charger": lambda ca: ca.client("CP-2").client("CP-1"),
}


def datetime_in(days: float) -> Any:
    from django.utils import timezone

    return timezone.now() + days * keys.DAY


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_is_not_good_ends_the_handshake_with_an_alert(door, bad, newest):
    with pytest.raises((ssl.SSLError, ConnectionResetError, BrokenPipeError)) as refused:
        door.shake(own=BAD[bad](door.ca), newest=newest)
    assert "alert" in str(refused.value).lower() or not isinstance(refused.value, ssl.SSLError)


def test_who_was_refused_is_told_to_the_application_by_name(door):
    with pytest.raises((ssl.SSLError, OSError)):
        door.shake(own=door.ca.expired("CP-77"))
    assert door.says("refused CP-77") == "refused CP-77 127.0.0.1 it has expired"


async def test_one_that_has_expired_lately_passes_where_that_is_allowed(tmp_path):
    fill(tmp_path)
    door = Door(tmp_path, expired_days=5)
    try:
        assert (await told(door, door.ca.expired("CP-1", days_ago=3)))["client_cert_name"] == "CN=CP-1"
        with pytest.raises((ssl.SSLError, OSError)):
            await asyncio.to_thread(door.shake, own=door.ca.expired("CP-1", days_ago=6))
    finally:
        door.popen.kill()


# -- files that change -------------------------------------------------------------------------------------------------


async def test_new_files_are_taken_without_a_restart_and_connections_live_on(tmp_path):
    fill(tmp_path)
    door = Door(tmp_path)
    try:
        before = peer_key(door.shake())
        async with door.dial("/echo") as old:
            good = (tmp_path / "ecdsa.pem").read_text()
            (tmp_path / "ecdsa.pem").write_text("half of a")
            await asyncio.sleep(0.5)
            assert peer_key(door.shake()) == before  # what cannot be used is not used
            (tmp_path / "ecdsa.pem").write_text(good)
            fill(tmp_path)
            async with asyncio.timeout(10):
                while peer_key(await asyncio.to_thread(door.shake)) == before:  # noqa: ASYNC110 - a process does it
                    await asyncio.sleep(0.1)
            await old.send("still here")
            assert await asyncio.wait_for(old.recv(), 5) == "still here"
    finally:
        door.popen.kill()


async def test_a_certificate_that_its_authority_took_back_opens_nothing_once_the_list_is_there(tmp_path):
    fill(tmp_path)
    door = Door(tmp_path)
    own, other = door.ca.client("CP-1"), door.ca.client("CP-2")
    try:
        door.shake(own=own)
        pem = (tmp_path / "ca.pem").read_text()
        (tmp_path / "ca.pem").write_text(pem + door.ca.revocations(own))
        await asyncio.sleep(1)
        with pytest.raises((ssl.SSLError, OSError)):
            door.shake(own=own)
        door.shake(own=other)
    finally:
        door.popen.kill()


# -- what cannot be served ---------------------------------------------------------------------------------------------


def certificates(folder: Path, shown: tuple[str, ...], private: tuple[str, ...] = ()) -> tls.Certificates:
    found = [tuple(folder / name for name in names) for names in (shown, private)]
    return tls.Certificates(tls.Files(found[0], found[1], (folder / "ca.pem",)))


@pytest.mark.parametrize(
    ("shown", "private", "why"),
    [
        ((), (), "create_tls_certificate"),
        (("missing.pem",), (), "missing.pem cannot be read"),
        (("rsa.pem", "ecdsa.pem"), ("rsa.pem",), "TLS_KEY names 1 files and TLS_CERTIFICATE 2"),
        (("rsa.pem",), ("ecdsa.pem",), "is not that of the certificate"),
        (("rubbish.pem",), (), "must hold a certificate and its key"),
    ],
)
def test_files_that_cannot_be_served_are_named_with_the_way_out(tmp_path, shown, private, why):
    fill(tmp_path)
    (tmp_path / "rubbish.pem").write_text("rubbish")
    with pytest.raises(tls.Unusable, match=why):
        certificates(tmp_path, shown, private)
