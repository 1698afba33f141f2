"""What chargers in the field really said, one file each: `field.load("openevse_kwh")`.

From public reports: `source` is where, `seen` what is odd about it. What a charger said and what its report says is
kept as it is; identities, serial numbers, message and transaction ids are ours, and so is what `seen` says was made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).with_name("field")


@dataclass(frozen=True, slots=True)
class Said:
    """``at``: when it arrived, by the clock of the one who wrote it down."""

    at: datetime
    action: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trace:
    """``answers``: how it answered; each with the fields that an order must have had for it (``if``)."""

    source: str
    seen: str
    subprotocol: str
    plate: dict[str, str]
    zone: str
    said: tuple[Said, ...]
    answers: tuple[dict[str, Any], ...]

    def answer_to(self, action: str, payload: dict[str, Any]) -> list[Any] | None:
        """The rest of the frame with which it answered such an order; None if nobody has seen it do so."""
        profile = payload.get("csChargingProfiles") or payload.get("chargingProfile") or {}
        for each in self.answers:
            if each["to"] == action and each.get("if", {}).items() <= profile.items():
                return [4, *each["error"]] if "error" in each else [3, each["answer"]]
        return None


def load(name: str) -> Trace:
    told = orjson.loads((FOLDER / f"{name}.json").read_bytes())
    said = (Said(datetime.fromisoformat(each["at"]), each["action"], each["payload"]) for each in told["said"])
    return Trace(**{**told, "said": tuple(said), "answers": tuple(told["answers"])})


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))
