"""The sessions that a batch means, by what its chargers say of them."""

from __future__ import annotations

from chargers.rows import Lookup
from sessions.models import ChargingSession

OPEN = Lookup(ChargingSession, by=["charger_id"], also="t.stopped_at IS NULL AND NOT t.is_superseded")
NAMED = Lookup(ChargingSession, by=["charger_id", "transaction_id"])
