"""What the CSMS has confirmed to a fleet: a JSON line per transaction message, to hold against what it has stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson


class Ledger:
    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)  # a confirmed record counts even if we are killed right after it

    def confirmed(self, identity: str, action: str, payload: dict[str, Any], answer: dict[str, Any]) -> None:
        entry = {"identity": identity, "action": action, "payload": payload, "answer": answer}
        self._file.write(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        self._file.close()


@contextmanager
def kept_in(path: Path | None) -> Iterator[Ledger | None]:
    """A ledger in that file, or none."""
    if path is None:
        yield None
        return
    ledger = Ledger(path)
    try:
        yield ledger
    finally:
        ledger.close()
