"""Lines that are written together arrive whole, in order and all."""

from __future__ import annotations

import os
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.lines import AT_ONCE_BYTES, GatheredLines


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=300) | st.just("x" * AT_ONCE_BYTES), max_size=12))
def test_everything_arrives_and_no_write_holds_more_than_a_pipe_takes_whole(texts: list[str]) -> None:
    said = [text.replace("\n", " ") + "\n" for text in texts]
    with tempfile.TemporaryFile() as file:
        lines = GatheredLines(file.fileno())
        for line in said:
            lines.write(line)
            assert len(lines._lines) <= max(AT_ONCE_BYTES, len(line.encode()))
        lines.flush()
        file.seek(0)
        assert file.read() == "".join(said).encode()


def test_nobody_who_reads_them_is_no_reason_to_fail() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    lines = GatheredLines(writes)
    lines.write("x\n")
    lines.flush()
    os.close(writes)
