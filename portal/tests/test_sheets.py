"""CSV that goes out is text wherever it is opened, and comes back as what it was."""

from __future__ import annotations

import contextlib
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import sheets

printable = st.text(st.characters(exclude_categories=["C"]), max_size=30)


@pytest.mark.parametrize("evil", ["=HYPERLINK(1)", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\tx", "\rx", "＝1"])
def test_no_cell_is_a_formula(evil):
    assert sheets.text_of(evil) == f"'{evil}"
    line = sheets.line_of(["CP-1", evil])
    assert next(csv.reader(io.StringIO(line, newline="")))[1].startswith("'")


def test_a_number_stays_a_number():
    assert sheets.line_of([-1.5, 3, None, True]) == "-1.5,3,,yes\r\n"


@given(st.lists(printable, min_size=2, max_size=5))
def test_what_was_written_is_read_again(cells):
    heads = [f"c{number}" for number in range(len(cells))]
    text = sheets.line_of(heads) + sheets.line_of(cells)
    sheet = sheets.read(("\ufeff" + text).encode())
    expected = [cell.strip(" ") for cell in cells]
    expected = ["" if cell in sheets.EMPTY else cell for cell in expected]
    if any(expected):
        assert list(sheet.lines[0].cells.values()) == expected


@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(content):
    with contextlib.suppress(sheets.Unreadable):
        assert len(sheets.read(content).lines) <= sheets.MOST_ROWS


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04\0\0", "is no text"),
        (b"identity,identity\nCP-1,CP-2\n", "there twice"),
        (b"identity\n" + b"x" * sheets.LARGEST_BYTES, "5 MB are the most"),
        (b'identity\n"CP-1', "This is not CSV"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_the_way_out(content, says):
    with pytest.raises(sheets.Unreadable, match=says):
        sheets.read(content)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_any_spreadsheet_is_understood(delimiter, encoding):
    text = delimiter.join(["Identity", "Name"]) + "\r\n" + delimiter.join(["CP-1", "Süd"]) + "\r\n"
    sheet = sheets.read(text.encode(encoding))
    assert sheet.lines == [sheets.Line(2, {"identity": "CP-1", "name": "Süd"})]
