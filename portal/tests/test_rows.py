"""Fifty bad inputs, and what real chargers were seen to do: each has a test named by its number.

    row                                             test_row_…      where
     1–10  frames that cannot be read               01 … 10         journeys/test_bad_frames.py, test_field.py
    11–14  actions and fields that are wrong        11 … 14         journeys/test_bad_frames.py, test_field.py
    15–20  ids, repeats, answers to nothing         15 … 20, 24     journeys/test_bad_frames.py
    21–23  boots                                    21 … 23         journeys/test_bad_frames.py
    25–33  starts, stops, meters, clocks            25 … 33         journeys/test_bad_facts.py, test_field.py
    34, 36 clocks that jump, updates of nothing     34, 36          journeys/test_bad_habits.py
    35     events out of order, twice, changed      35              journeys/test_bad_facts.py
    37–38  cards                                    37, 38          journeys/test_bad_habits.py
    39–40  identities, second connections           39, 40          journeys/test_handshakes.py
    41     markup in what a charger says            41              journeys/test_field.py
    42–50  exports, logs, addresses, uploads, REST, journeys/test_bad_habits.py
           logins, double clicks, lost orders,
           certificates                             42 … 50

    what real chargers were seen to do              test_field_1 … 8 in journeys/test_field.py and test_field_habits.py

Rows 42 and 45 hold because there is no such door: nothing is exported as a table, nothing can be uploaded.
"""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent


def numbers(kind: str) -> set[int]:
    found = re.compile(rf"def test_{kind}_(\d+)_")
    return {int(match) for path in HERE.rglob("test_*.py") for match in found.findall(path.read_text())}


def test_each_of_the_fifty_bad_inputs_has_a_test() -> None:
    assert numbers("row") == set(range(1, 51))


def test_each_habit_seen_in_the_field_has_a_test() -> None:
    assert numbers("field") == set(range(1, 9))
