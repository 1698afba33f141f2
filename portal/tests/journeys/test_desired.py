"""A template pushed to a site in a real browser: a charger takes it and needs a restart for a part of it, one rejects a
key, one falls into a boot loop; then all of it is taken back."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import websockets

from gateway.simulator.charger import Make
from gateway.simulator.fleet import Fleet, Member, Plan
from portal.tests.journeys.browser import desk, is_live, shows
from portal.tests.journeys.stack import Stack, until
from portal.tests.journeys.wire import dial

pytestmark = pytest.mark.timeout(300)
INTERVAL, PING = "MeterValueSampleInterval", "WebSocketPingInterval"


@asynccontextmanager
async def simulated(stack: Stack, passwords: dict[str, str]) -> AsyncIterator[Fleet]:
    """Chargers of the simulator, each a model of its own, so that none has to wait until another has tried a key."""
    members = [
        Member(identity, "1.6", Make("Acme", identity, "1.0", 22_080.0), 1, password)
        for identity, password in passwords.items()
    ]
    plan = Plan(stack.ocpp_url, members, seed=3, day_s=200)  # fast machines: a restart takes a second or two
    fleet, stop = Fleet(plan, lambda _: None), asyncio.Event()
    running = asyncio.create_task(fleet.run(stop))
    try:
        yield fleet
    finally:
        stop.set()
        await running


class Stubborn:
    """A charger of 1.6 that rejects what it is to be set to, or (``loops``) takes it and boots again and again."""

    def __init__(self, stack: Stack, identity: str, password: str, *, loops: bool) -> None:
        self.stack, self.identity, self.password, self.loops = stack, identity, password, loops
        self.has = {INTERVAL: "60", PING: "0"}
        self.boots_left = 0

    async def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, TimeoutError, websockets.WebSocketException):
                await self._live()
            await asyncio.sleep(0.5)  # it starts again

    async def _live(self) -> None:
        async with dial(self.stack, self.identity, self.password) as wire:
            plate = {"chargePointVendor": "Stubborn", "chargePointModel": self.identity, "firmwareVersion": "6.6"}
            await wire.send([2, uuid.uuid4().hex, "BootNotification", plate])
            while True:
                frame = await wire.receive(within_s=600)
                if frame[0] == 3 and self.boots_left:
                    self.boots_left -= 1
                    return  # it is up, and falls over
                if frame[0] == 2:
                    await wire.send([3, frame[1], self._answer(frame[2], frame[3])])
                    if self.boots_left:
                        return

    def _answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if action == "GetConfiguration":
            known = [{"key": k, "value": v, "readonly": False} for k, v in self.has.items() if k in payload["key"]]
            return {"configurationKey": known, "unknownKey": [k for k in payload["key"] if k not in self.has]}
        if not self.loops or action != "ChangeConfiguration":
            return {"status": "Rejected" if action == "ChangeConfiguration" else "Accepted"}
        is_bad = (
            self.has[payload["key"]] != payload["value"] and payload["key"] == INTERVAL and payload["value"] != "60"
        )
        self.has[payload["key"]] = payload["value"]
        self.boots_left = 4 if is_bad else 0
        return {"status": "Accepted"}


@pytest.mark.parametrize("stack", ["embedded"], indirect=True)
async def test_a_template_goes_to_a_site_and_comes_back(stack: Stack) -> None:
    site = (await asyncio.to_thread(stack.rest.post, "/api/v1/sites/", json={"name": "Settings yard"})).json()["id"]
    names = {role: f"{role}-{uuid.uuid4().hex[:6]}" for role in ("TAKES", "REJECTS", "LOOPS")}
    passwords = {
        name: await asyncio.to_thread(stack.register, name, site=site, security_profile=1) for name in names.values()
    }
    stubborn = [
        Stubborn(stack, names[role], passwords[names[role]], loops=role == "LOOPS") for role in ("REJECTS", "LOOPS")
    ]
    alive = [asyncio.create_task(each.run()) for each in stubborn]
    try:
        async with simulated(stack, {names["TAKES"]: passwords[names["TAKES"]]}) as fleet, desk(stack) as page:
            settings = fleet.agents[0].charger.settings
            before = settings.text("sample_interval_s")
            await page.goto(f"{stack.url}/configuration/templates/new/")
            await page.fill("#id_name", "Yard: every half minute")
            await page.fill("#id_keys", f"{INTERVAL} = 30\n{PING} = 55")
            await page.check(f"input[name=sites][value='{site}']")
            await page.click("form.panel button[type=submit]")
            await is_live(page)
            await shows(page, "#template-head", "3 of 3 chargers are not as wanted", within_s=60)
            await page.click("#template-head .btn-primary")
            await shows(page, "main", "of 3 chargers")
            await page.click("button[name=confirmed]")
            await is_live(page)
            rollout = page.url

            await shows(page, "#rows", "It answered Rejected.", within_s=60)
            await page.goto(f"{stack.url}/configuration/quarantine/")
            await is_live(page)
            await shows(page, "#rows", f"{names['LOOPS']} booted", within_s=60)

            await page.goto(f"{stack.url}/configuration/restarts/")
            await is_live(page)
            await shows(page, "#rows", names["TAKES"], within_s=60)
            await page.check(f"[aria-label='Restart {names['TAKES']}']")
            await page.click("main form.panel button[type=submit]")
            await page.goto(f"{rollout}?status=done")
            await is_live(page)
            await shows(page, "#rows", PING, within_s=60)
            assert (settings.text("sample_interval_s"), settings.text("websocket_ping_s")) == ("30", "55")

            await page.goto(f"{stack.url}/chargers/{names['REJECTS']}/configuration/")
            await is_live(page)
            await shows(page, "#wanted", "the charger refuses it", within_s=60)

            await page.goto(f"{rollout}take-back/")
            await page.click("button[name=confirmed]")
            await is_live(page)
            await shows(page, "#rows", f"{INTERVAL} 30 → 60 as wanted", within_s=60)
            assert stubborn[1].has[INTERVAL] == "60"
            await asyncio.to_thread(until, lambda: settings.text("sample_interval_s") == before, 60)
    finally:
        for task in alive:
            task.cancel()
        await asyncio.gather(*alive, return_exceptions=True)
