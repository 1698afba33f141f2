"""What an edge tells the cloud: what the site does, for its pages; once it leads no more, the ledger as well."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gateway.edge.places import Place

SCHEMA = "chargeyard.site-report.v1"
HOME = Path(__file__).parents[2]


def report(places: Iterable[Place], now: float, *, is_leading: bool, **told: Any) -> Mapping[str, Any]:
    """``told``: what else there is to say."""
    outlets = [
        {
            "charger": place.told.charger, "evse_id": place.told.evse_id, "target_a": place.target_a,
            "bound_by": place.bound_by, "is_queued": place.is_queued, "is_wild": place.outlet.is_wild,
            "worst_a": place.outlet.worst_a(now), "transaction_id": place.transaction_id,
            **({} if is_leading else {"entries": place.entries()}),
        }
        for place in places
    ]  # fmt: skip
    head = {"schema": SCHEMA, "at": now, "is_leading": is_leading, "version": version()}
    return {**head, **told, "outlets": outlets}


@cache
def version() -> str:
    """Of the programs that run here."""
    try:
        return str(tomllib.loads((HOME / "pyproject.toml").read_text())["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"
