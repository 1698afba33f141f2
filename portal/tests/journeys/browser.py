"""A browser at the desk: Debian's Chromium, driven by Playwright. Whatever it complains of is a failure."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import ConsoleMessage, Page, async_playwright

from portal.tests.journeys.stack import Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@asynccontextmanager
async def desk(stack: Stack, *, width: int = 1440, theme: str = "light") -> AsyncIterator[Page]:
    """The overview, signed in as admin: the first of a stack by the form, the others by what that gave it.

    At the end: nothing on the console and no failed request.
    """
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed here; `apt-get install chromium`.")
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = await browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",  # without a graphics card each frame of what breathes is painted by the processor
            timezone_id="Europe/Berlin",
            locale="en-GB",
        )
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: complaints.append(_said(message)))
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        if stack.cookies:
            await context.add_cookies(stack.cookies)
            await page.goto(stack.url)
        else:
            await _sign_in(page, stack)
        await is_live(page)
        stack.cookies = await context.cookies()
        yield page
        await browser.close()
    assert not (faults := _without_what_was_left(complaints)), faults


def _without_what_was_left(complaints: list[str]) -> list[str]:
    """Leaving a page ends its requests, of which htmx says `afterRequest` and then `sendAbort`: no fault."""
    kept: list[str] = []
    for said in complaints:
        if "htmx:sendAbort" in said and kept and "htmx:afterRequest" in kept[-1]:
            kept.pop()
        else:
            kept.append(said)
    return kept


async def _sign_in(page: Page, stack: Stack) -> None:
    await page.goto(f"{stack.url}/login/")
    await page.fill("#id_username", "admin")
    await page.fill("#id_password", stack.password)
    await page.click("button[type=submit]")


def _said(message: ConsoleMessage) -> str:
    return f"{message.location.get('url')}: {message.type} {message.text}"


AXE = (Path(__file__).parent / "axe-core-4.14.1/axe.min.js").read_text()
# Selectors of what an element that breaks a rule is, in a line each.
RUN_AXE = """axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations.flatMap(
    (rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")} ${node.html.slice(0, 120)}`)))"""


async def barriers(page: Page) -> list[str]:
    """What on this page keeps people with disabilities out, as axe-core sees it."""
    # By the debugger's door: the page's own policy lets no foreign script in.
    await page.evaluate(f"{AXE};0")
    found: list[str] = await page.evaluate(RUN_AXE)
    return found


async def is_live(page: Page) -> None:
    await page.wait_for_selector('[data-feed="live"]')


async def shows(page: Page, selector: str, text: str, within_s: float = 10) -> None:
    """Wait until the element says ``text``. Playwright's own waiting needs eval, which our policy forbids."""
    end = time.monotonic() + within_s
    seen = ""
    while time.monotonic() < end:
        seen = " ".join((await page.locator(selector).first.inner_text()).split())
        if text in seen:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{selector} did not say {text!r} within {within_s} s but {seen!r}")
