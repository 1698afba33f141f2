"""One running stack, as `up` starts it, for the cases of the Open Charge Alliance's certification (CSMS)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from portal.tests.journeys.stack import Stack, running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All cases in one process of pytest-xdist: starting the stack is the dear part."""
    for item in items:
        if "certification" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("certification"))
            item.add_marker(pytest.mark.timeout(120))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("certification"), "--no-demo") as stack:
        yield stack


@pytest.fixture(scope="session")
def cards(stack: Stack) -> dict[str, str]:
    """A card of each state, by what is said of it."""
    cards = {
        "accepted": {"value": "C0FFEE01", "group": "FLEET-7"},
        "sibling": {"value": "C0FFEE02", "group": "FLEET-7"},
        "blocked": {"value": "C0FFEE03", "status": "blocked"},
        "expired": {"value": "C0FFEE04", "expires_at": "2020-01-01T00:00:00Z"},
    }
    for card in cards.values():
        stack.rest.post("/api/v1/id-tokens/", json=card).raise_for_status()
    return {"unknown": "C0FFEE99"} | {name: card["value"] for name, card in cards.items()}
