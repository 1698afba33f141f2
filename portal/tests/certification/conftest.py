"""One yard for the certification cases, played several at a time as `manage.py certify` does."""

from __future__ import annotations

import asyncio

import pytest

from portal.certify import run
from portal.certify.catalogue import Case, chosen
from portal.certify.judged import judged
from portal.tests import made_once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever is the first waits until all cases are played."""
    for item in items:
        if _plays(item):
            item.add_marker(pytest.mark.timeout(900))


def _plays(item: pytest.Item) -> bool:
    return "outcomes" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, run.Outcome]:
    """How each chosen case ended, by its id."""
    params = [
        item.callspec.params for item in request.session.items if isinstance(item, pytest.Function) and _plays(item)
    ]
    wanted = [case.id for case in (param["case"] for param in params) if isinstance(case, Case)]
    with judged(made_once.settings(tmp_path_factory.mktemp("judged"))) as site:
        played = asyncio.run(run.run(chosen(ids=wanted), site.desk, tls=site.tls))
    return {outcome.case.id: outcome for outcome in played}
