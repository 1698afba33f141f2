"""The sessions that a batch means, by what its chargers say of them."""

from __future__ import annotations

from collections.abc import Collection

from chargers.rows import Lookup
from sessions.models import ChargingSession

OPEN = Lookup(ChargingSession, by=["charger_id"], also="t.stopped_at IS NULL AND NOT t.is_superseded")
# In the words of the index by transaction id: that a value which it is told while it runs is not empty, no database
# can know. Without, it reads all that the charger has ever had.
HAS_NAME = "NOT (t.transaction_id = '')"
_NAMED = Lookup(ChargingSession, by=["charger_id", "transaction_id"], also=HAS_NAME)
_NAMELESS = Lookup(ChargingSession, by=["charger_id", "transaction_id"])
# Of whichever charger.
NAMED = Lookup(ChargingSession, by=["transaction_id"], also=HAS_NAME, only=("id", "charger_id", "transaction_id"))


def find_named(wanted: Collection[tuple[int, str]]) -> list[ChargingSession]:
    """By charger and transaction id. A charger that gives its transactions no id means its sessions without one."""
    found = _NAMED([place for place in wanted if place[1]])
    return found + _NAMELESS([place for place in wanted if not place[1]])
