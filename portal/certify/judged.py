"""The yard that is certified: `up` on embedded parts in a temporary folder, with cards and a provider for ISO 15118."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from portal.bench import yard
from portal.certify.desk import Desk
from portal.supervisor import ports

SETTINGS = {"ISO15118_PROVIDER": "portal.certify.provider.Provider"}


@contextmanager
def judged() -> Iterator[Desk]:
    """Bring it up and hand out its cards. Raises PartMissing, StartFailed or YardFailed."""
    with yard.running("embedded", settings=SETTINGS) as site:
        desk = Desk(f"http://{ports.LOOPBACK}:{site.port}", site.told("create_api_key", "certify"))
        desk.hand_out_cards()
        yield desk
