"""Frame → row → pixel, and click → frame → pixel, in a real browser on a running stack."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Any, Literal

import pytest
from playwright.async_api import Page

from portal.tests.journeys import tour
from portal.tests.journeys.browser import barriers, desk, is_live, shows
from portal.tests.journeys.stack import Stack
from portal.tests.journeys.wire import Wire, booted, dial, now

Theme = Literal["light", "dark"]
BARRIERS_LOOKED_FOR = {(1440, "light"), (380, "dark")}


async def say(wire: Wire, action: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Our answer to a CALL of the charger, which meanwhile knows nothing of what we ask it."""
    message_id = uuid.uuid4().hex
    await wire.send([2, message_id, action, payload])
    while (frame := await wire.receive())[1] != message_id:
        await wire.send([4, frame[1], "NotSupported", "", {}])
    answer: dict[str, Any] = frame[2]
    return answer


async def asked(wire: Wire, action: str) -> list[Any]:
    """The next request for ``action``; what else we ask meanwhile it does not know."""
    while (frame := await wire.receive())[2] != action:
        await wire.send([4, frame[1], "NotSupported", "", {}])
    return list(frame)


async def test_a_charger_that_boots_and_charges_shows_without_a_reload(stack):
    identity = f"CP-{uuid.uuid4().hex[:8]}"
    password = await asyncio.to_thread(stack.register, identity)
    async with desk(stack) as page:
        await page.goto(f"{stack.url}/chargers/{identity}/")
        await is_live(page)
        await shows(page, "#head", "Not seen yet")
        await page.evaluate("window.isTheSamePage = true")
        async with dial(stack, identity, password, boot=True) as wire:
            await say(wire, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging"})
            await shows(page, "#head", "Charging")
            start = {"connectorId": 1, "idTag": "04A2B3C4", "meterStart": 1000, "timestamp": now()}
            begun = await say(wire, "StartTransaction", start)
            samples = [
                {"value": "7400", "measurand": "Power.Active.Import", "unit": "W"},
                {"value": "2500", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            ]
            reading = {"timestamp": now(), "sampledValue": samples}
            await say(
                wire,
                "MeterValues",
                {"connectorId": 1, "transactionId": begun["transactionId"], "meterValue": [reading]},
            )
            await shows(page, "#now", "7.4 kW")
            await shows(page, "#now", "1.50 kWh")
            fault = {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted", "info": "31 mA"}
            await say(wire, "StatusNotification", fault)
            await shows(page, "#head", "Ground failure: current flows to earth, on connector 1 (GroundFailure).")
        await shows(page, "#head", "Offline")
        assert await page.evaluate("window.isTheSamePage")


async def test_a_click_becomes_a_frame_and_the_answer_a_pixel(stack):
    async with booted(stack) as wire, desk(stack) as page:
        await page.goto(f"{stack.url}/chargers/{wire.identity}/commands/?do=reset")
        await is_live(page)
        await page.click("#act button[type=submit]")
        await shows(page, "#act", f"Soft restart of {wire.identity}. No session is running.")
        await page.click("#act button[name=confirmed]")
        frame = await asked(wire, "Reset")
        assert frame[3] == {"type": "Soft"}
        await shows(page, "#orders", "waiting for its answer")
        await wire.send([3, frame[1], {"status": "Accepted"}])
        await shows(page, f"#command-{frame[1]}", "Accepted after")
        await page.click(f"#raw-{frame[1]} summary")
        await shows(page, f"#command-{frame[1]}", '"status": "Accepted"')


async def test_a_list_keeps_what_its_reader_does_while_it_changes(stack):
    async with booted(stack) as wire, desk(stack) as page:
        await page.goto(f"{stack.url}/chargers/?q={wire.identity}")
        await is_live(page)
        await page.evaluate(
            """() => {
                window.row = document.querySelector("#rows tbody tr");
                getSelection().selectAllChildren(row.querySelector("td.main"));
            }"""
        )
        await page.focus("#q")
        await page.keyboard.press("End")
        await page.evaluate("getSelection().selectAllChildren(row.querySelector('td.main'))")
        await say(wire, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "SuspendedEV"})
        await shows(page, "#rows", "Suspended by car")
        assert await page.evaluate("row.isConnected && getSelection().toString()") != ""
        assert await page.evaluate("row === document.querySelector('#rows tbody tr')")


async def test_an_opened_frame_stays_open_while_the_log_runs_on(stack):
    async with booted(stack) as wire, desk(stack) as page:
        await say(wire, "DataTransfer", {"vendorId": "acme", "data": "the first"})
        await page.goto(f"{stack.url}/chargers/{wire.identity}/log/?action=DataTransfer")
        await is_live(page)
        await page.click("#rows summary")
        await shows(page, "#rows .frames", '"data": "the first"')
        await say(wire, "DataTransfer", {"vendorId": "acme", "data": "the second"})
        await shows(page, "#rows tbody", "the second")
        await shows(page, "#rows details[open] .frames", '"data": "the first"')


async def test_registering_leads_to_url_and_password_and_the_charger_gets_in_with_them(stack):
    identity = f"CP-{uuid.uuid4().hex[:8]}"
    async with desk(stack) as page:
        await page.goto(f"{stack.url}/register-charger/")
        await page.fill("#id_identity", identity)
        await page.click("form.panel button[type=submit]")
        await is_live(page)
        told = await page.locator("[aria-labelledby=once-title] [data-copy]").evaluate_all(
            "buttons => buttons.map(button => button.dataset.copy)"
        )
        assert told[0] == f"{stack.ocpp_url}/{identity}"
        async with dial(stack, identity, told[3], boot=True):
            await shows(page, "#head", "last heard just now")


async def test_the_palette_finds_a_charger_by_a_piece_of_its_name(stack):
    async with booted(stack) as wire, desk(stack) as page:
        await page.keyboard.press("Control+k")
        await page.keyboard.type(wire.identity[3:])
        await page.keyboard.press("Enter")
        await page.wait_for_url(re.compile(f"/chargers/{wire.identity}/"), wait_until="commit")


# How a page looks does not depend on the parts, and that it works on them one look at each shows.
# A page is loaded for the first look at it; for the others its window is drawn wider, or evening comes.
@pytest.mark.parametrize(
    ("stack", "looks"),
    [
        ("embedded", [(380, "light"), (1024, "light")]),
        ("production", [(1440, "light"), (1440, "dark"), (380, "dark")]),
    ],
    indirect=["stack"],
)
async def test_every_page_fits_and_says_nothing_on_the_console(stack, looks):
    async with booted(stack) as wire, desk(stack, width=looks[0][0], theme=looks[0][1]) as page:
        await a_session(stack, wire)
        paths = await asyncio.to_thread(tour.pages, stack, wire.identity)
        assert len(paths) > 70, paths
        for path in paths:
            await seen_as(page, *looks[0])
            await page.goto(stack.url + path)
            await is_live(page)
            for width, theme in looks:
                await seen_as(page, width, theme)
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
                # Each theme once, at the widest and the narrowest: a minute for each is what it takes.
                if (width, theme) in BARRIERS_LOOKED_FOR:
                    assert not (found := await barriers(page)), (path, found)
        if looks[0][0] == 380:
            await seen_as(page, *looks[0])
            await a_list_on_a_phone(page, f"{stack.url}/chargers/?q={wire.identity}&online=yes")
        await page.context.clear_cookies()
        await page.goto(f"{stack.url}/login/")
        assert not (found := await barriers(page)), found


async def seen_as(page: Page, width: int, theme: Theme) -> None:
    """In a window so wide, by a system that likes it light or dark; the page has followed."""
    await page.set_viewport_size({"width": width, "height": 900})
    await page.emulate_media(color_scheme=theme)
    page_is = f"innerWidth === {width} && document.documentElement.dataset.bsTheme === '{theme}'"
    for _ in range(100):
        if await page.evaluate(page_is):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{page.url} did not become {theme} and {width} pixels wide within 10 s.")


async def a_list_on_a_phone(page: Page, url: str) -> None:
    """Choices are folded away, what is chosen is a chip that takes it back, and values bear their columns' names."""
    await page.goto(url)
    await is_live(page)
    assert await page.locator("#filters [name=online]").is_hidden()
    assert await page.locator("#rows td[data-word=Power]").count() == 1
    await page.click("#filters .fold")
    assert await page.locator("#filters [name=online]").is_visible()
    await page.click("#filters .chosen button")
    await page.wait_for_url(lambda now: "online=yes" not in now)
    assert await page.locator("#filters [name=online]").input_value() == ""


async def a_session(stack: Stack, wire: Wire) -> int:
    """One that the charger has just begun."""
    start = {"connectorId": 1, "idTag": "04A2B3C4", "meterStart": 1000, "timestamp": now()}
    begun = await say(wire, "StartTransaction", start)
    found = await asyncio.to_thread(stack.get, "sessions/", charger=wire.identity)
    assert str(found["results"][0]["transaction_id"]) == str(begun["transactionId"])
    return int(found["results"][0]["id"])
