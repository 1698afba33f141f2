"""A fault becomes an issue on the screen, is looked after, and closes by itself: a real browser, a running stack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import Page

from portal.tests.journeys.browser import desk, is_live, shows
from portal.tests.journeys.stack import Stack
from portal.tests.journeys.test_pages import say
from portal.tests.journeys.wire import booted, now


async def test_a_fault_is_worked_from_the_overview_to_its_end(stack):
    async with booted(stack) as wire, desk(stack) as page:
        fault = {"connectorId": 1, "errorCode": "ReaderFailure", "status": "Faulted", "info": "no answer"}
        await say(wire, "StatusNotification", fault)
        # Found from the overview in three clicks: who is faulted, this one, what it said.
        await page.goto(f"{stack.url}/")
        await is_live(page)
        await shows(page, "#summary .lede", "a fault.")
        await page.click(".stats a[href*='state=faulted']")
        await is_live(page)
        await page.click(f"#rows td.main a:text-is('{wire.identity}')")
        await is_live(page)
        await shows(page, "#head", "Its card reader does not work")
        await page.click(".tabs a[href$='/log/']")
        await is_live(page)
        await shows(page, "#rows", "StatusNotification")
        await page.goto(f"{stack.url}/issues/?q={wire.identity}")
        await is_live(page)
        # Patience is 30 s, and rules look every 15.
        await shows(page, "#rows", "its card reader does not work", within_s=100)
        await page.click("#rows td.main a")
        await is_live(page)
        await shows(page, "#issue", "Drivers can be started from here")
        await page.click("#issue-head button[value=acknowledge]")
        await is_live(page)
        await shows(page, "#issue-head", "seen by admin")
        await say(wire, "StatusNotification", {**fault, "errorCode": "NoError", "status": "Available"})
        await shows(page, "#issue-head", "It reports Available.", within_s=40)


async def test_a_stuck_session_is_closed_with_a_reason_and_a_double_click_orders_once(stack):
    async with booted(stack) as wire, desk(stack) as page:
        start = {"connectorId": 1, "idTag": "04A2B3C4", "meterStart": 1000, "timestamp": now()}
        begun = await say(wire, "StartTransaction", start)
        transaction_id = begun["transactionId"]
        for register in ("1500", "2000"):
            await say(wire, "MeterValues", meter(transaction_id, register))
        (running,) = await asyncio.to_thread(sessions_of, stack, wire.identity)
        await page.goto(f"{stack.url}/sessions/{running['id']}/")
        await is_live(page)
        await the_curve_grows_in_place(page, lambda: say(wire, "MeterValues", meter(transaction_id, "2500")))
        await page.click("#decide summary")
        await page.fill("#reason", "The car has gone.")
        await page.click("#decide button[value=close]")
        await shows(page, "main", "The car has gone.")
        (closed,) = await asyncio.to_thread(sessions_of, stack, wire.identity)
        assert (closed["stop_reason"], closed["energy_wh"], closed["needs_review"]) == ("ClosedByStaff", 1500, True)

        await page.goto(f"{stack.url}/jobs/new/?q={wire.identity}&do=trigger")
        await is_live(page)
        await page.click("form.body button[type=submit]")
        await shows(page, "form.body", "This reaches 1 charger")
        await page.dblclick("button[name=confirmed]")
        await page.wait_for_url("**/jobs/*/")
        orders = await asyncio.to_thread(stack.get, f"chargers/{wire.identity}/commands/")
        assert [order["verb"] for order in orders["results"]] == ["trigger"]


def meter(transaction_id: int, register_wh: str) -> dict[str, Any]:
    reading = {"timestamp": now(), "sampledValue": [{"value": register_wh}]}
    return {"connectorId": 1, "transactionId": transaction_id, "meterValue": [reading]}


async def the_curve_grows_in_place(page: Page, read: Callable[[], Awaitable[Any]]) -> None:
    """What is drawn is not drawn anew for each reading: whoever points at it keeps the values under the pointer."""
    await page.wait_for_selector(".curve canvas")
    points = "document.querySelector('.curve').chart.plot.data[0].length"
    before = await page.evaluate(f"window.drawn = document.querySelector('.curve canvas'), {points}")
    await read()
    for _ in range(100):
        if await page.evaluate(points) > before:
            break
        await asyncio.sleep(0.1)
    assert await page.evaluate(points) == before + 1
    assert await page.evaluate("window.drawn.isConnected")


def sessions_of(stack: Stack, identity: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stack.get("sessions/", charger=identity)["results"]
    return found
