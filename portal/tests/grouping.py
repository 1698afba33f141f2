"""Which tests run in one process of pytest-xdist, and which of them begin: what they share is dear to start.

Not by `xdist_group`: xdist 3.8 hands the mark over in the node's id, which pytest 9.2 no longer lets it change, so each
test went wherever there was room, and each process started each yard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from xdist.scheduler import LoadScopeScheduling

JOURNEYS = "portal/tests/journeys/"
PARTS = re.compile(r"[\[-](embedded|production)[\]-]")


def group_of(node_id: str) -> str:
    """The stack of a journey, else the module of a test.

    >>> group_of("portal/tests/journeys/test_field.py::test_row_01[production]")
    'journeys on production parts'
    """
    module, _, name = node_id.partition("::")
    if module.startswith(JOURNEYS) and (parts := PARTS.search(name)):
        return f"journeys on {parts[1]} parts"
    return module


class ByGroup(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def longest_first(limits_s: Iterable[tuple[str, float]]) -> list[str]:
    """Groups by the longest time limit of a test in them, so that the processes end together."""
    longest_s: dict[str, float] = {}
    for node_id, limit_s in limits_s:
        group = group_of(node_id)
        longest_s[group] = max(limit_s, longest_s.get(group, 0.0))
    return sorted(longest_s, key=lambda group: -longest_s[group])
