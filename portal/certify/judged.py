"""The yard that is certified: `up` on embedded parts in a temporary folder, with cards and a provider for ISO 15118."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from portal.bench import yard
from portal.certify import tls
from portal.certify.desk import Desk
from portal.certify.tls import Tls
from portal.supervisor import ports

SETTINGS = {"ISO15118_PROVIDER": "portal.certify.provider.Provider"}


@dataclass(frozen=True, slots=True)
class Judged:
    desk: Desk
    tls: Tls | None


@contextmanager
def judged(more: Mapping[str, str] | None = None) -> Iterator[Judged]:
    """Bring it up and hand out its cards; ``more``: settings by name. Raises PartMissing, StartFailed or YardFailed."""
    has_tls = tls.is_served()
    port = ports.free()
    before = (tls.MAKE_CERTIFICATE, "localhost") if has_tls else ()
    settings = SETTINGS | ({"TLS_PORT": str(port)} if has_tls else {}) | dict(more or {})
    with yard.running("embedded", before=before, settings=settings) as site:
        desk = Desk(f"http://{ports.LOOPBACK}:{site.port}", site.told("create_api_key", "certify"))
        desk.hand_out_cards()
        by_tls = Tls(f"wss://localhost:{port}/ocpp", site.home / "charger-ca.pem") if has_tls else None
        yield Judged(desk, by_tls)
