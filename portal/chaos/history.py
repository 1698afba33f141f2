"""What really happened, on disk before anybody can forget it: a JSON line for each thing that was said or heard.

``attempted`` is written and synced before a record first goes over the wire, so whatever is stored stands here;
``acknowledged`` when its answer came, so whatever stands here must be stored. ``obeyed``: an order that a charger got;
``ordered``: one that we placed, with the id that we were told, or null if nobody answered.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

Entry = dict[str, Any]


class History:
    """Lines of one process. `note` costs no disk; what is noted counts from the next `sync` on.

    Where the event loop must not wait for the disk: `take` on its thread, `write` on another.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._noted: list[bytes] = []

    def note(self, **entry: Any) -> None:
        self._noted.append(orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE))

    def sync(self) -> None:
        self.write(self.take())

    def take(self) -> list[bytes]:
        """What was noted since the last time."""
        noted, self._noted = self._noted, []
        return noted

    def write(self, noted: list[bytes]) -> None:
        """Write it and wait until the disk has it."""
        if noted:
            self._file.write(b"".join(noted))
            os.fsync(self._file.fileno())

    def close(self) -> None:
        self.sync()
        self._file.close()


def read(paths: Iterable[Path]) -> Iterator[Entry]:
    """The entries of all histories; a last line that was cut off by the end of its process counts as not written."""
    for path in paths:
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield orjson.loads(line)
