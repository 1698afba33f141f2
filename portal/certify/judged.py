"""The yard that is certified: `up` on embedded parts in a temporary folder, with cards and a provider for ISO 15118."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.management import get_commands

from portal.bench import yard
from portal.certify.desk import Desk
from portal.certify.tls import Tls
from portal.supervisor import ports

SETTINGS = {"ISO15118_PROVIDER": "portal.certify.provider.Provider"}
# A yard that cannot make itself a certificate serves no TLS; its cases are missing then.
MAKE_CERTIFICATE = "create_tls_certificate"


@dataclass(frozen=True, slots=True)
class Judged:
    desk: Desk
    tls: Tls | None


@contextmanager
def judged() -> Iterator[Judged]:
    """Bring it up and hand out its cards. Raises PartMissing, StartFailed or YardFailed."""
    has_tls = MAKE_CERTIFICATE in get_commands()
    port = ports.free()
    before = (MAKE_CERTIFICATE, "localhost") if has_tls else ()
    settings = SETTINGS | ({"TLS_PORT": str(port)} if has_tls else {})
    with yard.running("embedded", before=before, **settings) as site:
        desk = Desk(f"http://{ports.LOOPBACK}:{site.port}", site.told("create_api_key", "certify"))
        desk.hand_out_cards()
        tls = Tls(f"wss://localhost:{port}/ocpp", site.home / "charger-ca.pem") if has_tls else None
        yield Judged(desk, tls)
