"""A site shares its power on the running stack: simulated chargers of three versions, which measure what they draw."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.simulator.car import Car
from gateway.simulator.charger import Make
from gateway.simulator.fleet import Fleet, Member, Plan
from gateway.simulator.profiles import Profiles
from portal.tests.journeys.stack import Stack

pytestmark = pytest.mark.timeout(300)
LIMIT_A = 40.0
VERSIONS = {"PLACE-1": "1.6", "PLACE-2": "2.0.1", "PLACE-3": "2.1"}


class Deaf(Profiles):
    """Takes each profile, and holds to none."""

    __slots__ = ()

    def session_limit_w(self, *told: Any, **more: Any) -> float | None:
        return None


def draw(stack: Stack, *, is_on: bool = True) -> Any:
    site = stack.rest.post("/api/v1/sites/", json={"name": "Shared yard"}).json()
    for identity in VERSIONS:
        stack.rest.patch(f"/api/v1/chargers/{identity}/", json={"site": site["id"]}).raise_for_status()
    told = {
        "is_on": is_on,
        "lease_s": 30,
        "nodes": [{"name": "connection", "l1_a": LIMIT_A, "l2_a": LIMIT_A, "l3_a": LIMIT_A}],
        "outlets": [{"charger": identity, "evse_id": 1, "node": "connection"} for identity in VERSIONS],
    }
    return site["id"], told


def power(stack: Stack, site: int) -> Any:
    return stack.get(f"sites/{site}/power/")


@asynccontextmanager
async def street(stack: Stack, passwords: dict[str, str]) -> AsyncIterator[Fleet]:
    make = Make("Acme", "Wallbox 22", "1.0", 22_080.0)
    members = [Member(identity, VERSIONS[identity], make, 1, password) for identity, password in passwords.items()]
    fleet, stop = Fleet(Plan(stack.ocpp_url, members, seed=3), lambda _: None), asyncio.Event()
    running = asyncio.create_task(fleet.run(stop))
    try:
        yield fleet
    finally:
        stop.set()
        await running


def drawn_a(fleet: Fleet) -> list[float]:
    """What each charger's own meter shows, per phase."""
    sessions = [agent.charger.connectors[0].session for agent in fleet.agents]
    return [session.power_w / 690 if session else 0.0 for session in sessions]


async def until(look: Callable[[], Any], fleet: Fleet, *, most_a: float, within_s: float) -> list[float]:
    """The highest sum that was seen until ``look`` was true; fails as soon as one is above ``most_a``."""
    end, seen = time.monotonic() + within_s, []
    while True:
        seen.append(sum(drawn_a(fleet)))
        assert seen[-1] <= most_a + 0.1, f"{drawn_a(fleet)} A together are above {most_a} A"
        if await asyncio.to_thread(look):
            return seen
        assert time.monotonic() < end, f"not within {within_s} s; last drawn: {drawn_a(fleet)} A"
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("stack", ["embedded"], indirect=True)
async def test_three_cars_share_what_one_and_a_half_would_take(stack: Stack) -> None:
    passwords = {identity: await asyncio.to_thread(stack.register, identity) for identity in VERSIONS}
    for token in ("SHARE-1", "SHARE-2", "SHARE-3"):
        stack.rest.post("/api/v1/id-tokens/", json={"value": token}).raise_for_status()
    site, told = await asyncio.to_thread(draw, stack)
    (await asyncio.to_thread(stack.rest.put, f"/api/v1/sites/{site}/power/", json=told)).raise_for_status()
    async with street(stack, passwords) as fleet:

        def are_led() -> bool:
            return all(outlet["worst_a"] == 0 for outlet in power(stack, site)["outlets"])

        await until(are_led, fleet, most_a=0, within_s=60)  # defaults first: nobody may draw without us

        for agent, token in zip(fleet.agents, ("SHARE-1", "SHARE-2", "SHARE-3"), strict=True):
            connector = agent.charger.connectors[0]
            agent.charger.plug_in(connector, Car(77_000, 0.2, 0.9, 22_080.0, 3, 0.0))
            agent.charger.show_token(connector, token)
        await until(lambda: sum(drawn_a(fleet)) >= 36, fleet, most_a=LIMIT_A, within_s=90)
        assert min(drawn_a(fleet)) >= 6

        await contain_one_that_disobeys(stack, site, fleet)

        signal = {"source": "grid operator", "limit_w": 20 * 690}
        stack.rest.post(f"/api/v1/sites/{site}/capacity-signals/", json=signal).raise_for_status()
        await until(lambda: sum(drawn_a(fleet)) <= 20.1, fleet, most_a=LIMIT_A, within_s=40)
        await until(lambda: power(stack, site)["fullness"] <= 1, fleet, most_a=20, within_s=40)

        told["is_on"] = False  # nobody plans any more: leases end by themselves, and the floor is left
        (await asyncio.to_thread(stack.rest.put, f"/api/v1/sites/{site}/power/", json=told)).raise_for_status()
        await until(lambda: max(drawn_a(fleet)) <= 6.05, fleet, most_a=20, within_s=60)


async def contain_one_that_disobeys(stack: Stack, site: int, fleet: Fleet) -> None:
    """Its meter tells on it: it is stopped, its cable is kept free, and the others have the rest until staff say."""
    deaf = fleet.agents[2].charger
    deaf.change_setting("sample_interval_s", "5")
    held, deaf.profiles = deaf.profiles, Deaf()
    deaf.limits_changed()
    assert sum(drawn_a(fleet)) > LIMIT_A, "it takes what its cable bears"
    await until(lambda: drawn_a(fleet)[2] == 0, fleet, most_a=32 + LIMIT_A, within_s=120)
    await until(lambda: sum(drawn_a(fleet)) <= 8, fleet, most_a=LIMIT_A, within_s=60)
    assert [outlet["is_wild"] for outlet in power(stack, site)["outlets"]] == [False, False, True]
    await until(lambda: "charger_wild" in open_issues(stack), fleet, most_a=8, within_s=60)

    deaf.profiles = held
    place = {"charger": "PLACE-3", "evse_id": 1}
    stack.rest.post(f"/api/v1/sites/{site}/trust/", json=place).raise_for_status()
    await until(lambda: sum(drawn_a(fleet)) >= 36, fleet, most_a=LIMIT_A, within_s=60)


def open_issues(stack: Stack) -> set[str]:
    return {issue["rule"] for issue in stack.get("issues/")["results"] if issue["closed_at"] is None}
