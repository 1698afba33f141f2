"""The charger of a case, and what an operator orders it to do. What is of one version: `station16`, `station201`."""

from __future__ import annotations

from typing import Any, ClassVar

from websockets.asyncio.client import ClientConnection

from portal.certify.desk import CARDS, UNKNOWN_CARD, Desk
from portal.certify.expect import Failed, expect, same
from portal.certify.tls import Tls
from portal.certify.wire import Payload, Wire, basic, dial

OK: Payload = {"status": "Accepted"}
NO: Payload = {"status": "Rejected"}


def card(name: str) -> str:
    """The number of one of the yard's cards by what is said of it; "unknown" is none of them."""
    return UNKNOWN_CARD if name == "unknown" else CARDS[name]["value"]


class Station:
    ocpp: ClassVar[str]
    BOOT: ClassVar[Payload]

    def __init__(self, desk: Desk, identity: str, password: str, tls: Tls | None = None) -> None:
        self.desk, self.identity, self.password, self.tls = desk, identity, password, tls
        self._wire: Wire | None = None
        self._last_command = ""

    @property
    def subprotocol(self) -> str:
        return f"ocpp{self.ocpp}"

    @property
    def wire(self) -> Wire:
        assert self._wire is not None, "not connected"
        return self._wire

    @property
    def is_connected(self) -> bool:
        return self._wire is not None

    # -- the line --------------------------------------------------------------------------------------------------

    async def connects(self, password: str | None = None, *, offers: list[str] | None = None) -> None:
        """Dial in and be let in. Raises Failed, or `websockets.InvalidStatus` if the yard refuses."""
        headers = basic(self.identity, self.password if password is None else password)
        socket = await dial(self.desk.ocpp_url, self.identity, offers=offers or [self.subprotocol], headers=headers)
        self.takes(socket)

    def takes(self, socket: ClientConnection) -> None:
        """Go on with an open connection."""
        same(socket.subprotocol, self.subprotocol, "The subprotocol")
        self._wire = Wire(socket, self.ocpp)

    async def leaves(self) -> None:
        if self._wire is not None:
            await self._wire.close()
            self._wire = None

    async def reconnects(self, password: str | None = None) -> None:
        await self.leaves()
        await self.connects(password)

    async def boots(self, **changes: Any) -> Payload:
        """Tell a start; it must be accepted."""
        return await self.says(
            "BootNotification",
            {**self.BOOT, **changes},
            {"status": "Accepted", "interval": lambda seconds: seconds > 0, "currentTime": ends_with_z},
        )

    async def says(self, action: str, payload: Payload, wanted: Payload | None = None) -> Payload:
        return await self.wire.says(action, payload, wanted)

    async def is_refused(self, action: str, payload: Payload, code: str) -> None:
        await self.wire.is_refused(action, payload, code)

    async def hears(self, action: str, wanted: Payload, answer: Payload) -> Payload:
        return await self.wire.hears(action, wanted, answer)

    async def is_left_alone(self) -> None:
        """Nothing came that was not asked for. Raises Failed."""
        await self.wire.is_left_alone()

    # -- the operator ----------------------------------------------------------------------------------------------

    async def is_ordered(self, verb: str, arguments: Payload | None = None) -> None:
        self._last_command = await self.desk.order(self.identity, verb, arguments or {})

    async def sees_settled(self, status: str, answer: Payload | None = None) -> None:
        """What the operator sees of the last order."""
        command = await self.desk.settled(self._last_command)
        same(command["status"], status, f"The order {command['verb']} ({command['explanation'] or command['action']})")
        if answer is not None:
            expect(command["answer"] == answer, f"The order shows the answer {command['answer']!r}, not {answer!r}")

    async def ordered(
        self, verb: str, arguments: Payload, action: str, wanted: Payload, answer: Payload, outcome: str = "accepted"
    ) -> Payload:
        """The operator orders, the charger hears it and answers, the operator sees the outcome; what was heard."""
        await self.is_ordered(verb, arguments)
        heard = await self.hears(action, wanted, answer)
        await self.sees_settled(outcome, answer)
        return heard

    async def sessions(self) -> list[Any]:
        """The oldest first."""
        found: list[Any] = (await self.desk.get("sessions/", charger=self.identity, ordering="started_at"))["results"]
        return found

    async def session(self, **wanted: Any) -> Any:
        """The charger's only session, which must be as wanted, and nothing at it to be looked after by people."""
        found = await self.sessions()
        expect(len(found) == 1, f"The yard shows {len(found)} sessions, wanted one")
        same(found[0], {"needs_review": False, "is_superseded": False, **wanted}, "The session")
        return found[0]

    async def sees_connector(self, evse_id: int = 1, connector_id: int = 1, **wanted: Any) -> None:
        """What the operator sees of a connector; ``evse_id`` 0 is the charger."""
        connectors = (await self.desk.charger(self.identity))["connectors"]
        for connector in connectors:
            if (connector["evse_id"], connector["connector_id"]) == (evse_id, connector_id):
                same(connector, wanted, f"Connector {evse_id}.{connector_id}")
                return
        raise Failed(f"The yard shows no connector {evse_id}.{connector_id}")

    async def sees_newest(self, action: str, status: str) -> None:
        """What the operator sees of the newest order of an action, which the yard gave by itself."""
        found = await self.desk.get("commands/", charger=self.identity, action=action)
        settled = await self.desk.settled(found["results"][0]["id"])
        same(settled["status"], status, f"The order {action}")

    async def sees_charger(self, **wanted: Any) -> None:
        same(await self.desk.charger(self.identity), wanted, "The charger")


def ends_with_z(text: str) -> bool:
    return text.endswith("Z")
