"""A profile is drawn by keyboard, sent and read back from a simulated charger; a tree is edited, refused in place."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page

from gateway.simulator.charger import Make
from gateway.simulator.fleet import Fleet, Member, Plan
from portal.tests.journeys.browser import desk, is_live, shows
from portal.tests.journeys.stack import Stack, until


@asynccontextmanager
async def standing(stack: Stack, identity: str, password: str) -> AsyncIterator[None]:
    """A simulated charger of 1.6 that keeps profiles and tells its composite schedule by reckoning of its own."""
    make = Make("Acme", "Wallbox 22", "1.0", 22_080.0)
    fleet = Fleet(Plan(stack.ocpp_url, [Member(identity, "1.6", make, 1, password)], seed=3), lambda _: None)
    stop = asyncio.Event()
    running = asyncio.create_task(fleet.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


@pytest.mark.parametrize("stack", ["embedded"], indirect=True)
async def test_a_profile_is_drawn_sent_and_read_back_and_a_tree_is_edited(stack: Stack) -> None:
    identity, name = f"CP-{uuid.uuid4().hex[:8]}", f"Night {uuid.uuid4().hex[:6]}"
    password = await asyncio.to_thread(stack.register, identity)
    site = (await asyncio.to_thread(stack.rest.post, "/api/v1/sites/", json={"name": name})).json()["id"]
    await asyncio.to_thread(stack.rest.patch, f"/api/v1/chargers/{identity}/", json={"site": site})
    async with standing(stack, identity, password), desk(stack) as page:
        await asyncio.to_thread(until, lambda: stack.get(f"chargers/{identity}/")["connectors"], 30)
        await _draw(page, stack, name, identity)
        await _send(page, identity)
        await page.goto(f"{stack.url}/profiles/")
        await is_live(page)
        await page.click(f"text={name}")
        await shows(page, "#places", "Its composite schedule shows it.", within_s=40)
        await shows(page, "#places", "held")
        await _edit_tree(page, stack, site, identity)


async def _draw(page: Page, stack: Stack, name: str, identity: str) -> None:
    await page.goto(f"{stack.url}/profiles/new/")
    await is_live(page)
    await page.fill("#id_name", name)
    await page.focus("#steps [data-step='1']")
    await page.keyboard.press("ArrowDown")  # 10 A become 9
    await page.keyboard.press("Shift+ArrowRight")  # 06:00 become 07:00
    assert await page.input_value("tbody tr:nth-child(2) [name=limit]") == "9"
    assert await page.input_value("tbody tr:nth-child(2) [name=start]") == "07:00"
    await _drag(page)
    await page.fill("tbody tr:nth-child(2) [name=limit]", "11")
    await page.fill("#charger", identity)
    await shows(page, "#preview", "Nothing in its specification speaks against it (OCPP 1.6).")
    await page.fill("tbody tr:nth-child(1) [name=start]", "01:00")
    await shows(page, "#preview", "The first period must start at 0. (OCPP 1.6 §7.14)")
    await page.fill("tbody tr:nth-child(1) [name=start]", "00:00")
    await shows(page, "#preview", "Nothing in its specification speaks against it")
    await page.click("#profile-form button[type=submit]")
    await is_live(page)
    await shows(page, "main", f"Saved {name}.")


async def _drag(page: Page) -> None:
    """The second point, 9 A at 07:00, to more amperes and a later hour; what it comes to is drawn anew."""
    before = await page.get_attribute("#preview path.stair", "d")
    box = await page.locator("#steps [data-step='1']").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 60, y - 50, steps=6)
    await page.mouse.up()
    row = "tbody tr:nth-child(2)"
    assert float(await page.input_value(f"{row} [name=limit]")) > 12
    assert await page.input_value(f"{row} [name=start]") > "08:00"
    for _ in range(100):
        if await page.get_attribute("#preview path.stair", "d") != before:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the composite schedule was not drawn anew")


async def _send(page: Page, identity: str) -> None:
    await page.click("text=Send it to chargers")
    await page.fill("#id_chargers", identity)
    await page.click("form.panel button[type=submit]")
    await shows(page, "#push-preview", "It goes to 1 place.")
    await shows(page, "#push-preview .small", identity)
    await page.click("#push-preview button[name=confirmed]")
    await is_live(page)
    await shows(page, "#rows", "effect seen: Its composite schedule shows it.", within_s=40)


async def _edit_tree(page: Page, stack: Stack, site: int, identity: str) -> None:
    await page.goto(f"{stack.url}/sites/{site}/power/")
    await is_live(page)
    await shows(page, "#tree", f"{identity} · 1")
    await page.click("[aria-labelledby=nodes-title] [data-add]")
    await page.fill("[aria-labelledby=nodes-title] tr:nth-child(2) [name=node_name]", "Panel")
    await page.fill("[aria-labelledby=nodes-title] tr:nth-child(2) [name=node_parent]", "Grid connection")
    await page.fill("[aria-labelledby=nodes-title] tr:nth-child(2) [name=node_l1_a]", "80")
    await shows(page, "#tree", "'Panel' bears 80 A on L1, more than the 63 A of 'Grid connection' above it")
    await page.click("form.split button[type=submit]")
    await shows(page, "form .note[role=alert]", "Not saved. 'Panel' bears 80 A")
    await page.fill("[aria-labelledby=nodes-title] tr:nth-child(2) [name=node_l1_a]", "40")
    await page.fill("[name=outlet_node]", "Panel")
    await page.click("form.split button[type=submit]")
    await is_live(page)
    await shows(page, "#site-power", "Panel, L1 40.0 A")
