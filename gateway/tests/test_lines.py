"""Lines that are written together arrive whole, in order and all."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.lines import AT_ONCE_BYTES, GatheredLines


class Pipe:
    def __init__(self) -> None:
        self.reads, self.writes = os.pipe()

    def read(self) -> bytes:
        return os.read(self.reads, 1 << 16)

    def close(self) -> None:
        os.close(self.reads)
        os.close(self.writes)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=300) | st.just("x" * AT_ONCE_BYTES), max_size=12))
def test_everything_arrives_and_no_write_holds_more_than_a_pipe_takes_whole(texts: list[str]) -> None:
    pipe = Pipe()
    written: list[bytes] = []
    lines = GatheredLines(pipe.writes)
    expected = b""
    for text in texts:
        line = text.replace("\n", " ") + "\n"
        expected += line.encode()
        lines.write(line)
        assert len(lines._lines) <= max(AT_ONCE_BYTES, len(line.encode()))
    lines.flush()
    os.write(pipe.writes, b"end")
    while not b"".join(written).endswith(b"end"):
        written.append(pipe.read())
    pipe.close()
    assert b"".join(written) == expected + b"end"


def test_nobody_who_reads_them_is_no_reason_to_fail() -> None:
    pipe = Pipe()
    lines = GatheredLines(pipe.writes)
    pipe.close()
    lines.write("x\n")
    lines.flush()
