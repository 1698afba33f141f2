"""A saved view, a file out and in again, the wallboard, the map and the keyboard: a real browser, a running stack."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path

from playwright.async_api import FilePayload

from portal.tests.journeys.browser import desk, is_live, shows
from portal.tests.journeys.test_pages import say
from portal.tests.journeys.wire import booted


def rows_of(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))


async def test_a_view_is_saved_exported_changed_and_brought_in_again(stack):
    async with booted(stack) as wire, desk(stack) as page:
        await page.goto(f"{stack.url}/chargers/")
        await is_live(page)
        await page.fill("#q", wire.identity)
        await page.wait_for_url(f"**/chargers/?q={wire.identity}")
        await page.click("#columns-menu summary")
        await page.check("#columns-menu input[value=name]")
        await shows(page, "#rows thead", "Name")
        await page.keyboard.press("Escape")
        await page.click("#views-menu summary")
        await page.fill("#view-name", "The new one")
        await page.click(".save-view button")
        await is_live(page)
        assert "cols=" in page.url
        await shows(page, ".views a[aria-current]", "The new one")

        async with page.expect_download() as coming:
            await page.click(".views a[download]")
        rows = rows_of(await (await coming.value).path())
        assert [row["identity"] for row in rows] == [wire.identity]
        other = f"{wire.identity}-B"
        table = f"identity,name,site\n{wire.identity},Left bay,\n{other},Right bay,Nowhere\na/b,,\n"
        file: FilePayload = {"name": "chargers.csv", "mimeType": "text/csv", "buffer": table.encode()}

        await page.goto(f"{stack.url}/import/chargers/")
        await page.set_input_files("#id_file", file)
        await page.click("form.panel button[type=submit]")
        await is_live(page)
        await shows(page, "#findings", "There is no such site.")
        await shows(page, "h1", "1 charger can be brought in.")
        await page.go_back()
        await page.set_input_files("#id_file", file)
        await page.check("#id_makes_sites")
        await page.click("form.panel button[type=submit]")
        await is_live(page)
        await shows(page, "h1", "2 chargers can be brought in.")
        await page.click(".lede form button")
        await is_live(page)
        await shows(page, "h1", "2 chargers brought in.")
        async with page.expect_download() as coming:
            await page.click("[data-save]")
        (told,) = rows_of(await (await coming.value).path())
        assert told["identity"] == other
        assert len(told["password"]) == 20
        registered = await asyncio.to_thread(stack.get, f"chargers/{other}/")
        assert registered["name"] == "Right bay"


async def test_the_wallboard_the_map_and_the_log_follow_what_happens(stack):
    async with booted(stack) as wire, desk(stack) as page:
        place = {"name": f"Yard of {wire.identity}", "latitude": 52.5, "longitude": 13.4}
        site = await asyncio.to_thread(stack.rest.post, "/api/v1/sites/", json=place)
        await asyncio.to_thread(
            stack.rest.patch, f"/api/v1/chargers/{wire.identity}/", json={"site": site.json()["id"]}
        )
        await page.goto(f"{stack.url}/wallboard/")
        await is_live(page)
        before = int(await page.inner_text(".wall-stats a:nth-child(2) b"))
        await say(wire, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging"})
        await shows(page, ".wall-stats a:nth-child(2) b", str(before + 1))

        await page.goto(f"{stack.url}/map/")
        await is_live(page)
        ring = page.locator(f".map-ring[aria-label*='{wire.identity}']")
        await ring.first.wait_for()
        assert "1 Charging" in (await ring.first.get_attribute("aria-label") or "")
        # Colour alone tells nothing: the shape of the worst state stands in the ring, and its word in the legend.
        assert (await ring.first.locator("use").get_attribute("href") or "").endswith("#s-charging")
        assert "Charging" in await page.inner_text(".map-legend")
        await ring.first.press("Enter")
        await shows(page, ".map-popup", f"Yard of {wire.identity}")
        await page.click(".map-popup a")
        await page.wait_for_url("**/sites/*/")

        await page.goto(f"{stack.url}/log/?who={wire.identity}")
        await is_live(page)
        await say(wire, "DataTransfer", {"vendorId": "acme", "data": "seen by the whole fleet's log"})
        await shows(page, "#rows tbody", "seen by the whole fleet's log")


async def test_the_keyboard_leads_everywhere_and_says_how(stack):
    async with desk(stack) as page:
        await page.keyboard.press("?")
        await shows(page, "#keys", "wallboard")
        await page.keyboard.press("Escape")
        for key, path in (("l", "/log/"), ("m", "/map/"), ("r", "/reservations/"), ("c", "/chargers/")):
            await page.keyboard.press("g")
            await page.keyboard.press(key)
            await page.wait_for_url(f"**{path}")
            await is_live(page)
