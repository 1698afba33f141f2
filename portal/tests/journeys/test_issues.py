"""A fault becomes an issue on the screen, is looked after, and closes by itself: a real browser, a running stack."""

from __future__ import annotations

from portal.tests.journeys.browser import desk, is_live, shows
from portal.tests.journeys.test_pages import say
from portal.tests.journeys.wire import booted


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
