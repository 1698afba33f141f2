"""Every case is accounted for: played, or missing with its reason; the document says the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from portal.certify import letter, missing, report, run
from portal.certify.catalogue import cases, chosen
from portal.certify.expect import Failed, same
from portal.certify.registry import SCENARIOS

DOCUMENT = Path(__file__).parents[3] / "docs" / "certification.md"


def test_the_catalogue_has_each_public_case_once() -> None:
    assert Counter(case.ocpp for case in cases()) == {"1.6": 77, "2.0.1": 252}
    assert len({case.id for case in cases()}) == 329


def test_each_case_is_played_or_missing_for_a_reason_and_never_both() -> None:
    assert set(SCENARIOS) | set(missing.REASONS) == {case.id for case in cases()}
    assert not set(SCENARIOS) & set(missing.REASONS)
    assert all(missing.REASONS.values())


def test_the_document_says_what_is_played_and_what_is_missing() -> None:
    wanted = report.document()
    assert DOCUMENT.read_text() == wanted, (
        "python3 manage.py certify --write-docs brings docs/certification.md up to date"
    )


def test_cases_are_chosen_by_version_block_and_id() -> None:
    assert [case.id for case in chosen(ids=["TC_B_30"])] == ["TC_B_30"]
    assert {case.id[:5] for case in chosen(block="b")} == {"TC_B_"}
    assert len(chosen(ocpp="1.6", block="Reservation")) == 10
    with pytest.raises(KeyError, match="TC_Z_99"):
        chosen(ids=["TC_Z_99"])
    with pytest.raises(KeyError, match="'Z'"):
        chosen(block="Z")


def test_a_failure_counts_and_shows_its_reason() -> None:
    one, other, third = chosen(block="P") + chosen(ids=["TC_I_02"])
    outcomes = [
        run.Outcome(one, run.PASSED),
        run.Outcome(other, run.FAILED, "No."),
        run.Outcome(third, run.MISSING, "Why."),
    ]
    said = report.lines(outcomes)
    assert said[0].split()[-3:] == ["1/2", "1", "failed"]
    assert said[-2].endswith("No.") and said[-1].endswith("Why.")
    assert [entry["result"] for entry in report.as_json(outcomes)] == ["passed", "failed", "missing"]


@pytest.mark.parametrize(
    ("seen", "wanted", "sentence"),
    [
        ({"a": 1}, {"a": 2}, "x.a is 1, wanted 2"),
        ({}, {"a": 1}, "x.a is missing"),
        ({"a": 1}, {"a": None}, "x.a is 1, wanted it absent"),
        ({"a": [1]}, {"a": [1, 2]}, "x.a is [1], wanted 2 entries like [1, 2]"),
        ({"a": "c"}, {"a": {"b"}}, "x.a is 'c', wanted one of ['b']"),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 3}]}}, "x.a.b[0].c is 1, wanted 3"),
        ("text", {"a": 1}, "x is 'text', not an object"),
    ],
)
def test_a_difference_is_told_by_its_field(seen: object, wanted: object, sentence: str) -> None:
    with pytest.raises(Failed) as caught:
        same(seen, wanted, "x")
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "payload",
    [
        {"status": "Accepted", "interval": 300},
        {"status": "Perhaps", "interval": 300, "currentTime": "2026-03-01T00:00:00Z"},
        {"status": "Accepted", "interval": 300, "currentTime": "yesterday"},
        {"status": "Accepted", "interval": 300, "currentTime": "2026-03-01T00:00:00Z", "more": 1},
    ],
    ids=["a field is missing", "a word that is none", "a time that is none", "a field too many"],
)
def test_what_is_not_to_the_letter_fails_a_case(payload: dict[str, object]) -> None:
    for ocpp in ("1.6", "2.0.1"):
        with pytest.raises(Failed, match="BootNotificationResponse"):
            letter.check_answer(ocpp, "BootNotification", payload)
