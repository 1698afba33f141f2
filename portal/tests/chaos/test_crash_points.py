"""Each point where one of our processes can die is reached by a living yard, and the yard heals from each death.

Real processes, broker and database; all points are armed at once, so deaths of gateways, worker, hands and tasks fall
together as they like. At the end the histories are held against the rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from gateway import crash
from portal.bench.charger import Door
from portal.chaos import building, drama
from portal.chaos.drama import Outcome
from portal.chaos.orders import Desk
from portal.chaos.site import Site
from portal.chaos.timeline import Fleet
from portal.supervisor.parts import PartMissing
from portal.tests import made_once

CHARGERS = 12
PASSWORD = "a-password-of-the-fleet"
# Not the first time: a process that dies at its first step has no work in hand.
NTH = 2


@dataclass
class Living:
    yard: Site
    fleet: Fleet
    desk: Desk


@pytest.fixture(scope="module")
def living() -> Iterator[Living]:
    armed = {crash.VARIABLE: ",".join(f"{point}:{NTH}" for point in crash.POINTS)}
    # A worker that takes long to start on a busy machine would cost half a minute of Retry-After each time.
    armed["FAIL_OFFLINE"] = "false"
    try:
        with building.running("embedded", CHARGERS, PASSWORD, env=armed, tables=made_once.tables()) as yard:
            history = yard.home / "history"
            door = Door("127.0.0.1", yard.port, PASSWORD)
            with Fleet(chargers=CHARGERS, rate=6.0, seed=7, door=door, history=history / "fleet.jsonl") as fleet:
                desk = Desk(
                    tuple(yard.gateway_ports.values()), (yard.home / "api-key").read_text(), chargers=CHARGERS,
                    per_s=4.0, seed=7, history=history / "orders.jsonl",
                )  # fmt: skip
                desk.start()
                yield Living(yard, fleet, desk)
    except PartMissing as missing:
        pytest.skip(str(missing))


@pytest.mark.timeout(400)  # of which a machine that does nothing else needs a few seconds
@pytest.mark.parametrize("point", crash.POINTS)
def test_a_process_dies_there_and_records_are_confirmed_again(living, point):
    trace = crash.trace(living.yard.home / "yard", point)
    assert living.yard.wait_until(trace.exists, 200), f"Nobody came to {point}."
    died_at = time.monotonic() - (time.time() - trace.stat().st_mtime)
    confirmed = living.fleet.timeline.first
    assert living.yard.wait_until(lambda: confirmed("acknowledged", 1, died_at) is not None, 180)


@pytest.mark.timeout(300)
def test_after_all_these_deaths_nothing_is_lost_or_double_and_everything_has_an_end(living):
    living.desk.leave()
    outcome = Outcome()
    drama.finish(living.yard, living.fleet, living.desk, outcome, lambda _text: None)
    drama.judge(living.yard, living.fleet, outcome)
    assert outcome.counts == {}, outcome.breaches
    assert outcome.unconfirmed == 0
    assert outcome.figures["acknowledged"] == outcome.figures["attempted"] > CHARGERS
