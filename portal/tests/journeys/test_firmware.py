"""A firmware campaign with one bad charger, and a log that is fetched: simulated chargers and a real browser."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from chargers.campaigns.care import shuffle_key
from portal.supervisor.children import die_with_parent
from portal.tests.journeys.browser import desk, is_live, shows
from portal.tests.journeys.stack import ROOT, Stack, until


@contextmanager
def street(stack: Stack, file: Path, members: list[dict[str, Any]]) -> Iterator[None]:
    """These chargers, simulated beside the running stack at a demo's pace, without drivers."""
    file.write_text(json.dumps({"chargers": members, "tokens": ["NOBODY"]}))
    process = subprocess.Popen(
        [sys.executable, "manage.py", "simulate", "--fleet", str(file), "--url", stack.ocpp_url, "--day-length", "120"],
        cwd=ROOT, env=stack.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - a killed test run leaves no street behind
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def model() -> str:
    """A model of this test's own: other journeys share the stack."""
    return f"M{uuid.uuid4().hex[:8]}"


def member(stack: Stack, model: str, number: int) -> dict[str, Any]:
    identity = f"{model}-{number}"
    password = stack.register(identity)
    return {
        "identity": identity, "password": password, "vendor": "Acme", "model": model, "firmware": "1.0.0",
        "ocpp": ("1.6", "2.0.1", "2.1")[number % 3],
    }  # fmt: skip


def run_of(stack: Stack, model: str) -> dict[str, str]:
    rows = stack.get("chargers/", search=model)["results"]
    return {row["identity"]: row["firmware_version"] for row in rows}


@pytest.mark.parametrize("stack", ["embedded"], indirect=True)  # it is dear, and the other parts add nothing
async def test_a_campaign_halts_at_a_bad_charger_and_a_log_is_fetched(stack, tmp_path, model):
    members = [await asyncio.to_thread(member, stack, model, number) for number in range(4)]
    canary, *_, bad = sorted(members, key=lambda each: shuffle_key(each["identity"].casefold()))
    bad["firmware_fault"] = "install"
    with street(stack, tmp_path / "street.json", members):
        await asyncio.to_thread(until, lambda: set(run_of(stack, model).values()) == {"1.0.0"}, 60)
        async with desk(stack) as page:
            await add_image(page, stack, tmp_path, model)
            await begin_campaign(page, stack, model)
            await shows(page, "#campaign", "It has halted by itself: 1 of 3 failed in ring 2", within_s=90)
            await shows(page, "#rows", "It told InstallationFailed.")
            # The others of its ring run the new one, if they were under way when it failed.
            run = run_of(stack, model)
            assert (run[canary["identity"]], run[bad["identity"]]) == ("2.0.0", "1.0.0")
            await page.click("#campaign [popovertarget=ask-cancel]")
            await page.click("#ask-cancel button[value=cancel]")
            await is_live(page)
            await shows(page, "#campaign", "cancelled")
            await fetch_log(page, stack, members[1]["identity"])
    await asyncio.to_thread(links_are_bounded, stack)


async def add_image(page: Any, stack: Stack, folder: Path, model: str) -> None:
    file = folder / f"{model}-2.0.0.bin"
    file.write_bytes(bytes(range(256)) * 4096)
    await page.goto(f"{stack.url}/firmware/images/new/")
    await is_live(page)
    await page.set_input_files("#id_file", str(file))
    for name, value in (("vendor", "acme"), ("model", f"{model}*"), ("version", "2.0.0"), ("sha256", "00")):
        await page.fill(f"#id_{name}", value)
    await page.click("form.panel button[type=submit]")
    await shows(page, "#id_sha256_error", "it was damaged on its way, or is another one.")
    await page.set_input_files("#id_file", str(file))
    await page.fill("#id_sha256", "")
    await page.click("form.panel button[type=submit]")
    await shows(page, "h1", "0 of 4 chargers run it.")


async def begin_campaign(page: Any, stack: Stack, model: str) -> None:
    await page.click("text=Start a campaign")
    await is_live(page)
    await page.fill("#id_ring_sizes", "1, 3")
    await page.fill("#id_soak_minutes", "0")
    await page.uncheck("#id_needs_session")
    await page.fill("#id_most_per_site", "0")
    await page.click("form.body button[type=submit]")
    await shows(page, "form.body", "4 chargers match, 0 already run it, 0 are offline, 0 are charging.")
    await page.click("button[name=confirmed]")
    await is_live(page)


async def fetch_log(page: Any, stack: Stack, identity: str) -> None:
    await page.goto(f"{stack.url}/chargers/{identity}/commands/?do=fetch_logs")
    await is_live(page)
    await page.click("#act button[type=submit]")
    await page.goto(f"{stack.url}/chargers/{identity}/firmware/")
    await is_live(page)
    await shows(page, "#firmware", "received,", within_s=40)
    await page.click("#firmware td.main a")
    await is_live(page)
    await shows(page, ".log-text", identity)


def links_are_bounded(stack: Stack) -> None:
    """What the door to our files refuses, over a real socket."""
    plain = httpx.Client(base_url=stack.url, timeout=10)
    assert plain.get("/files/forged/x.bin").status_code == 403
    assert plain.put("/files/forged/x.bin", content=b"x").status_code == 403
    log = stack.get("logs/")["results"][0]
    asked = stack.get(f"commands/{log['command']}/")["payload"]
    used = (asked.get("location") or asked["log"]["remoteLocation"]).replace(stack.url, "")
    assert plain.put(used, content=b"twice").status_code == 403
    found = stack.rest.get(f"/api/v1/logs/{log['id']}/download/")
    assert found.status_code == 302
    part = plain.get(found.headers["location"], headers={"Range": "bytes=0-3"})
    assert (part.status_code, len(part.content)) == (206, 4)
    with socket.create_connection((plain.base_url.host, plain.base_url.port or 80), timeout=10) as line:
        line.sendall(b"PUT /files/x/y HTTP/1.1\r\nHost: yard\r\nContent-Length: 9000000000\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.1 413")
