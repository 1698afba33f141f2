"""A charge point of OCPP 1.6 in a case."""

from __future__ import annotations

from typing import Any, ClassVar

from portal.certify.station import Station, card
from portal.certify.wire import Payload, now

BEGIN_WH, END_WH = 1000, 2500


def register_of(wh: int, context: str) -> Payload:
    """meterValue of the energy register."""
    sampled = {"value": str(wh), "context": context, "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    return {"timestamp": now(), "sampledValue": [sampled]}


class Station16(Station):
    ocpp = "1.6"
    BOOT: ClassVar[Payload] = {
        "chargePointVendor": "Acme",
        "chargePointModel": "Wallbox 22",
        "chargePointSerialNumber": "SN-16",
        "firmwareVersion": "1.0.0",
    }

    async def shows(self, status: str, *, connector: int = 1, error: str = "NoError", **more: Any) -> None:
        """A StatusNotification, and what the operator sees of it."""
        told = {"connectorId": connector, "status": status, "errorCode": error, "timestamp": now(), **more}
        await self.says("StatusNotification", told)

    async def authorizes(self, name: str, status: str = "Accepted", **wanted: Any) -> None:
        await self.says("Authorize", {"idTag": card(name)}, {"idTagInfo": {"status": status, **wanted}})

    async def starts(self, name: str, *, status: str = "Accepted", connector: int = 1, **more: Any) -> int:
        """A StartTransaction; the number that the yard gave it."""
        told = {"connectorId": connector, "idTag": card(name), "meterStart": BEGIN_WH, "timestamp": now(), **more}
        wanted = {"idTagInfo": {"status": status}, "transactionId": lambda number: number > 0}
        return int((await self.says("StartTransaction", told, wanted))["transactionId"])

    async def meters(self, number: int, wh: int, *, connector: int = 1) -> None:
        value = [register_of(wh, "Sample.Periodic")]
        await self.says("MeterValues", {"connectorId": connector, "transactionId": number, "meterValue": value})

    async def stops(self, number: int, reason: str, name: str = "", **more: Any) -> None:
        """A StopTransaction; one with a card must be answered with what is known of the card."""
        told = {"transactionId": number, "meterStop": END_WH, "timestamp": now(), "reason": reason, **more}
        if name:
            await self.says("StopTransaction", told | {"idTag": card(name)}, {"idTagInfo": {"status": "Accepted"}})
        else:
            await self.says("StopTransaction", told, {"idTagInfo": None})

    async def charges(self, name: str = "accepted", *, connector: int = 1, **more: Any) -> int:
        """From a free connector to a charging car; the number of the transaction."""
        await self.shows("Preparing", connector=connector)
        await self.authorizes(name)
        number = await self.starts(name, connector=connector, **more)
        await self.shows("Charging", connector=connector)
        await self.sees_connector(connector, status="charging")
        return number

    async def is_left(self, *, connector: int = 1) -> None:
        """The car goes."""
        await self.shows("Finishing", connector=connector)
        await self.shows("Available", connector=connector)
        await self.sees_connector(connector, status="available", error_code="")
