"""The operator's side of a case: orders and looks, by REST, as any integrator would."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode

from portal.certify.expect import Failed

PATIENCE_S = 40.0
CARDS = {
    "accepted": {"value": "C0FFEE01", "kind": "ISO14443", "group": "FLEET-7"},
    "sibling": {"value": "C0FFEE02", "kind": "ISO14443", "group": "FLEET-7"},
    "blocked": {"value": "C0FFEE03", "kind": "ISO14443", "status": "blocked"},
    "expired": {"value": "C0FFEE04", "kind": "ISO14443", "expires_at": "2020-01-01T00:00:00Z"},
    "master": {"value": "C0FFEE05", "kind": "ISO14443", "group": "MASTERPASS"},
    "vicinity": {"value": "E007C0FFEE000006", "kind": "ISO15693"},
    "emaid": {"value": "DECHARGEYARD01", "kind": "eMAID"},
}
UNKNOWN_CARD = "C0FFEE99"


class Desk:
    """``url`` of the yard, e.g. http://127.0.0.1:8000; ``key``: an API key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self._headers = {"Authorization": f"Api-Key {key}", "Content-Type": "application/json"}
        self._hands = ThreadPoolExecutor(16, thread_name_prefix="desk")

    @property
    def ocpp_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ocpp"

    async def get(self, path: str, **params: Any) -> Any:
        return await self._ask("GET", f"{path}?{urlencode(params)}" if params else path)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        return await self._ask("POST", path, body)

    async def put(self, path: str, body: dict[str, Any]) -> Any:
        return await self._ask("PUT", path, body)

    async def patch(self, path: str, body: dict[str, Any]) -> Any:
        return await self._ask("PATCH", path, body)

    async def charger(self, identity: str) -> Any:
        return await self.get(f"chargers/{quote(identity)}/")

    async def order(self, identity: str, verb: str, arguments: dict[str, Any]) -> str:
        """The id of a new command; a ``verb`` with a capital is an OCPP action, sent as it is."""
        is_raw = verb[:1].isupper()
        body = {"action": verb, "payload": arguments} if is_raw else {"verb": verb, "arguments": arguments}
        return str((await self.post(f"chargers/{quote(identity)}/commands/", body))["id"])

    async def settled(self, command_id: str) -> Any:
        """The command once it is closed."""
        return await self.until(lambda command: command["status"] not in ("pending", "sent"), f"commands/{command_id}/")

    async def until(self, is_so: Callable[[Any], object], path: str, **params: Any) -> Any:
        """What ``path`` shows as soon as it is so. Raises Failed with what it showed last."""
        end = time.monotonic() + PATIENCE_S
        while not is_so(seen := await self.get(path, **params)):
            if time.monotonic() > end:
                raise Failed(f"{path} still shows {json.dumps(seen)[:300]}")
            await asyncio.sleep(0.03)
        return seen

    def hand_out_cards(self) -> None:
        """Once for all cases; before they begin."""
        for card in CARDS.values():
            self._ask_now("POST", "id-tokens/", card)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._hands, self._ask_now, method, path, body)

    def _ask_now(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own yard
            f"{self.url}/api/v1/{path}", data, self._headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310
                return json.load(answer)
        except HTTPError as error:
            raise Failed(f"{method} {path}: {error.code} {error.read().decode()[:300]}") from error
