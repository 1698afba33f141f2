"""People at the portal while chargers talk: `python -m portal.bench.desk`, the order as JSON on standard input.

Each person is signed in and fetches, one after the other and with a second in between, the list of chargers, that
list's live part (as the page itself does when it hears news) and one charger's page. Beside them a charger of its own
changes its state, and a browser's live feed tells when it hears of that.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import sys
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import uvloop
from websockets.asyncio.client import connect

from portal.bench.charger import Charger, Door
from portal.bench.histogram import Histogram
from portal.bench.load import Phase
from portal.bench.mix import identity

PAUSE_S = 1.0
PATIENCE_S = 30.0
QUIET_S = 1.0  # after the news before, which may come in two parts
STATES = ("Preparing", "Available")


class NotSignedIn(RuntimeError):
    """The portal does not take the password."""


class Browser:
    """One person's session: cookies and a kept connection. Blocking."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def sign_in(self, name: str, password: str) -> None:
        """Raises NotSignedIn."""
        self.fetch("/login/")
        form = {"username": name, "password": password, "csrfmiddlewaretoken": self._cookies.get("csrftoken", "")}
        status, _ = self._ask("POST", "/login/", body=urlencode(form))
        if status != http.client.FOUND:
            raise NotSignedIn(f"The portal answers {status} to the password of {name!r}.")

    def fetch(self, path: str, *, part: str = "") -> tuple[int, str]:
        """Status and text of a page, or of a ``part`` of it."""
        return self._ask("GET", path, headers={"HX-Request": "true", "HX-Target": part} if part else {})

    def _ask(self, verb: str, path: str, *, body: str = "", headers: dict[str, str] | None = None) -> tuple[int, str]:
        told = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"} | (headers or {})
        try:
            self._connection.request(verb, path, body or None, told)
            answer = self._connection.getresponse()
        except (http.client.HTTPException, ConnectionError):
            self._connection.close()  # the next request opens it again
            raise
        text = answer.read().decode(errors="replace")
        for header in answer.headers.get_all("Set-Cookie", []):
            name, _, value = header.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer.status, text


@dataclass(slots=True)
class Visit:
    """What people look at, and how long each took."""

    name: str
    path: str
    part: str
    times: Histogram
    failures: int = 0

    async def make(self, browser: Browser) -> None:
        began = time.monotonic()
        try:
            status, _ = await asyncio.to_thread(browser.fetch, self.path, part=self.part)
        except (OSError, http.client.HTTPException):
            status = 0
        self.times.add(time.monotonic() - began)
        self.failures += status != http.client.OK


class Witness(Phase):
    """A charger that changes its state, and the browser that waits to hear of it. ``lags``: from answer to news."""

    def __init__(self, number: int, door: Door) -> None:
        super().__init__([])
        self.lags = Histogram()
        self.unheard = 0
        self._charger = Charger(number, door, self)
        self._is_answered = asyncio.Event()
        self._is_open = asyncio.Event()

    def opened(self, charger: Charger) -> None:
        self._is_open.set()

    def answered(self, charger: Charger, seconds: float, is_result: bool) -> None:
        self._is_answered.set()

    async def arrive(self) -> None:
        await self._charger.dial()
        await asyncio.wait_for(self._is_open.wait(), PATIENCE_S)
        for frame in self._charger.station.arrival():
            await self._say(frame)

    async def watch(self, port: int, browser: Browser, topic: str) -> None:
        """Until cancelled."""
        headers = {"Cookie": browser.cookie}
        async with connect(f"ws://127.0.0.1:{port}/live/", additional_headers=headers) as feed:
            await feed.send(json.dumps({"watch": [topic]}))
            turn = 0
            while True:
                await self._until_quiet(feed, topic)
                await self._say(self._charger.station.status(1, STATES[turn % 2]))
                turn += 1
                answered_at = time.monotonic()
                if await self._hears(feed, topic, PATIENCE_S):
                    self.lags.add(time.monotonic() - answered_at)
                else:
                    self.unheard += 1

    async def _until_quiet(self, feed: Any, topic: str) -> None:
        while await self._hears(feed, topic, QUIET_S):
            pass

    async def _hears(self, feed: Any, topic: str, within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                news = json.loads(await asyncio.wait_for(feed.recv(), left_s))
            except TimeoutError:
                break
            if topic in news.get("changed", ()):
                return True
        return False

    async def _say(self, frame: str) -> None:
        self._is_answered.clear()
        self._charger.ask(frame, asyncio.get_running_loop().time())
        await asyncio.wait_for(self._is_answered.wait(), PATIENCE_S)


async def work(order: dict[str, Any]) -> dict[str, Any]:
    """The order: ``port`` and ``admin_password`` of the portal, ``people``, ``seconds``, whose page is ``shown``,
    ``door`` and ``number`` of the witness."""
    witness = Witness(order["number"], Door(**order["door"]))
    await witness.arrive()
    browsers = [Browser(order["port"]) for _ in range(order["people"])]
    for browser in browsers:
        await asyncio.to_thread(browser.sign_in, "admin", order["admin_password"])
    _, page = await asyncio.to_thread(browsers[0].fetch, f"/chargers/{quote(identity(order['number']))}/")
    topic = re.search(r'data-live="(charger-\d+)', page)
    assert topic is not None, "the charger's page names no topic of its own"
    visits = [
        Visit("fleet", "/chargers/", "", Histogram()),
        Visit("rows", "/chargers/", "rows", Histogram()),
        Visit("charger", f"/chargers/{quote(order['shown'])}/", "", Histogram()),
    ]
    tasks = [asyncio.ensure_future(_look_around(browser, visits)) for browser in browsers]
    tasks.append(asyncio.ensure_future(witness.watch(order["port"], browsers[0], topic[1])))
    done, _ = await asyncio.wait(tasks, timeout=order["seconds"], return_when=asyncio.FIRST_EXCEPTION)
    for task in tasks:
        task.cancel()
    for task in done:
        task.result()
    return {
        **{visit.name: visit.times.dump() for visit in visits},
        "failures": sum(visit.failures for visit in visits),
        "lags": witness.lags.dump(),
        "unheard": witness.unheard,
    }


async def _look_around(browser: Browser, visits: list[Visit]) -> None:
    while True:
        for visit in visits:
            await visit.make(browser)
            await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(work(json.loads(sys.stdin.readline())))) + "\n")
