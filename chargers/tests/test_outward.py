"""Addresses that somebody told us, and what we do not call."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone

from chargers import outward, server_certificates
from chargers.outward import Hosts

PUBLIC = "93.184.215.14"
ANY = Hosts(["*"], "WEBHOOK_HOSTS")


@pytest.fixture
def names(monkeypatch):
    """A name server of our own: host → addresses."""
    known = {"hooks.example.com": [PUBLIC], "two.example.com": [PUBLIC, "10.0.0.7"], "localhost": ["127.0.0.1"],
             "metadata.example.com": ["169.254.169.254"], "six.example.com": ["::ffff:127.0.0.1"],
             "nat64.example.com": ["64:ff9b::a9fe:a9fe"], "6to4.example.com": ["2002:a00:1::"]}  # fmt: skip

    def look_up(host, port, *args, **kwargs):
        addresses = known.get(host) or ([host] if host.replace(".", "").isdigit() else [])
        if not addresses:
            raise socket.gaierror("Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def test_a_public_host_is_called_at_the_address_that_was_looked_at(names):
    target = outward.check("https://hooks.example.com/a/b?c=d", ANY)
    assert (target.host, target.address, target.port, target.path) == ("hooks.example.com", PUBLIC, 443, "/a/b?c=d")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://169.254.169.254/latest/meta-data", "not encrypted"),
        ("https://169.254.169.254/latest/meta-data", "no public address"),
        ("https://metadata.example.com/", "no public address"),
        ("https://two.example.com/", "no public address"),
        ("https://six.example.com/", "no public address"),
        ("https://localhost:5432/", "no public address"),
        ("https://10.0.0.1/", "no public address"),
        ("https://nat64.example.com/", "no public address"),
        ("https://6to4.example.com/", "no public address"),
        ("file:///etc/passwd", "is not a URL"),
        ("gopher://hooks.example.com/", "is not a URL"),
        ("https://user:pass@hooks.example.com/", "a name or password"),
        ("https://nowhere.example.com/", "has no address"),
        ("https://hooks.example.com:99999/", "is not a URL"),
        ("http://hooks.example.com/", "not encrypted"),
        ("https:///path", "is not a URL"),
    ],
)
def test_what_leads_inside_or_nowhere_is_not_called(names, url, why):
    with pytest.raises(outward.Forbidden, match=why):
        outward.check(url, ANY)


def test_only_listed_hosts_are_called(names):
    assert outward.check("https://hooks.example.com/", Hosts(["*.example.com"], "WEBHOOK_HOSTS"))
    with pytest.raises(outward.Forbidden, match="not among the hosts of WEBHOOK_HOSTS"):
        outward.check("https://hooks.example.com/", Hosts(["example.com", "*.example.org"], "WEBHOOK_HOSTS"))


def test_a_host_named_in_full_may_be_private_and_plain(names):
    target = outward.check("http://localhost:8080/hook", Hosts(["LOCALHOST"], "WEBHOOK_HOSTS"))
    assert (target.address, target.port) == ("127.0.0.1", 8080)


def test_a_name_that_points_elsewhere_when_it_is_used_is_caught_then(names):
    outward.check("https://hooks.example.com/", ANY)
    names["hooks.example.com"] = ["127.0.0.1"]
    with pytest.raises(outward.Forbidden, match="no public address"):
        outward.post("https://hooks.example.com/", b"{}", {}, ANY)


def test_whose_answers_are_signed_may_speak_plain_http_but_not_from_inside(names):
    responders = Hosts(["*"], "OCSP_HOSTS", may_be_plain=True)
    assert outward.check("http://hooks.example.com/", responders).port == 80
    with pytest.raises(outward.Forbidden, match="name it in OCSP_HOSTS"):
        outward.check("http://localhost/", responders)


class _Fine(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.headers["Host"].encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def encrypted(names, tmp_path, monkeypatch) -> Iterator[int]:
    """The port of a server at this machine that is known as hooks.example.com, by an authority that we trust."""
    files = server_certificates.make(tmp_path, ["hooks.example.com"], at=timezone.now(), ca_file=tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    names |= {"hooks.example.com": ["127.0.0.1"], "other.example.com": ["127.0.0.1"]}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[0])
    with ThreadingHTTPServer(("127.0.0.1", 0), _Fine) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_who_speaks_tls_must_be_the_host_that_was_meant(encrypted, monkeypatch):
    ours = Hosts(["hooks.example.com", "other.example.com"], "WEBHOOK_HOSTS")
    status, heard = outward.post(f"https://hooks.example.com:{encrypted}/", b"{}", {}, ours)
    assert (status, heard) == (200, f"hooks.example.com:{encrypted}".encode())
    with pytest.raises(OSError, match=r"other.example.com did not answer: .*match"):
        outward.post(f"https://other.example.com:{encrypted}/", b"{}", {}, ours)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(OSError, match="certificate verify failed"):
        outward.post(f"https://hooks.example.com:{encrypted}/", b"{}", {}, ours)
