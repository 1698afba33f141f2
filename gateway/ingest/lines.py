"""Lines of the log that are written together: a batch says one per frame, and each would wake who reads them."""

from __future__ import annotations

import io
import os
import select

# What a pipe takes whole; several processes write to the same one, and a longer text could be cut by another's.
AT_ONCE_BYTES = select.PIPE_BUF


class GatheredLines(io.TextIOBase):
    """In place of ``sys.stderr``, for one thread; ``flush`` when a job is done. Who is killed takes its lines along."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines = bytearray()

    def write(self, text: str) -> int:
        line = text.encode("utf-8", "backslashreplace")
        if len(self._lines) + len(line) > AT_ONCE_BYTES:
            self.flush()
        self._lines += line
        return len(text)

    def flush(self) -> None:
        lines, self._lines = self._lines, bytearray()
        try:
            while lines:
                del lines[: os.write(self._descriptor, lines)]
        except OSError:
            return  # nobody reads them any more
