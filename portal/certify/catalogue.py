"""Every public certification case for a CSMS, by id and name. OCPP 2.0.1 part 6 (errata 2025-09), 1.6 (2026-02)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CATALOGUE = Path(__file__).with_name("catalogue.csv")
VERSIONS = ("1.6", "2.0.1")


@dataclass(frozen=True, slots=True)
class Case:
    ocpp: str  # of `VERSIONS`
    block: str  # "B Provisioning", "Core"
    id: str
    profile: str  # of the certification it belongs to, and whether mandatory: "Core M"; empty for 1.6
    name: str

    def __str__(self) -> str:
        return self.id


@cache
def cases() -> tuple[Case, ...]:
    with CATALOGUE.open(newline="") as file:
        return tuple(Case(**row) for row in csv.DictReader(file))


def chosen(*, ocpp: str = "", block: str = "", ids: list[str] | None = None) -> list[Case]:
    """The cases of a version, of a block (its letter or name), or by id. Raises KeyError naming what there is not."""
    known = {case.id for case in cases()}
    if strangers := set(ids or []) - known:
        raise KeyError(f"There is no case {', '.join(sorted(strangers))}.")
    wanted = block.casefold()
    found = [
        case
        for case in cases()
        if ocpp in ("", case.ocpp)
        and (not ids or case.id in ids)
        and (not wanted or wanted in (case.block.casefold(), case.block.partition(" ")[0].casefold()))
    ]
    if not found:
        blocks = ", ".join(sorted({case.block for case in cases() if ocpp in ("", case.ocpp)}))
        raise KeyError(f"No case is in block {block!r}; there are {blocks}.")
    return found
