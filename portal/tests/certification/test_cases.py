"""Each public certification case for a CSMS, by its id: `-k TC_B_30` plays one."""

from __future__ import annotations

import pytest

from portal.certify import run
from portal.certify.catalogue import Case, cases


@pytest.mark.parametrize("case", cases(), ids=str)
def test_the_yard_passes(case: Case, outcomes: dict[str, run.Outcome]) -> None:
    outcome = outcomes[case.id]
    if outcome.result == run.MISSING:
        pytest.skip(outcome.reason)
    assert outcome.result == run.PASSED, outcome.reason
