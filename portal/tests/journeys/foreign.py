"""Chargers that we did not write: the `ocpp` package's own client, as its users use it."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call_result as result16
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v21 import call_result as result21
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call_result as result201


class Foreign16(ChargePoint16):
    chain = ""  # of its own certificate

    @on("CertificateSigned")
    def on_certificate_signed(self, certificate_chain: str, **_: Any) -> Any:
        self.chain = certificate_chain
        return result16.CertificateSigned(status="Accepted")

    @on("Reset")
    def on_reset(self, type: str, **_: Any) -> Any:  # noqa: A002 - the specification\'s word
        self.was_told = ("Reset", type)
        return result16.Reset(status="Accepted")

    @on("GetConfiguration")
    def on_get_configuration(self, **_: Any) -> Any:
        return result16.GetConfiguration(
            configuration_key=[{"key": "HeartbeatInterval", "readonly": False, "value": "300"}],
            unknown_key=[],
        )

    @on("RemoteStartTransaction")
    def on_remote_start(self, id_tag: str, **_: Any) -> Any:
        self.was_told = ("RemoteStartTransaction", id_tag)
        return result16.RemoteStartTransaction(status="Accepted")

    @on("ChangeAvailability")
    def on_change_availability(self, **_: Any) -> Any:
        return result16.ChangeAvailability(status="Rejected")


class Foreign201(ChargePoint201):
    chain = ""  # of its own certificate

    @on("CertificateSigned")
    def on_certificate_signed(self, certificate_chain: str, **_: Any) -> Any:
        self.chain = certificate_chain
        return result201.CertificateSigned(status="Accepted")

    @on("Reset")
    def on_reset(self, type: str, **_: Any) -> Any:  # noqa: A002 - the specification\'s word
        self.was_told = ("Reset", type)
        return result201.Reset(status="Accepted")

    @on("GetBaseReport")
    def on_get_base_report(self, **_: Any) -> Any:
        return result201.GetBaseReport(status="NotSupported")


class Foreign21(ChargePoint21):
    chain = ""  # of its own certificate

    @on("CertificateSigned")
    def on_certificate_signed(self, certificate_chain: str, **_: Any) -> Any:
        self.chain = certificate_chain
        return result21.CertificateSigned(status="Accepted")

    @on("Reset")
    def on_reset(self, type: str, **_: Any) -> Any:  # noqa: A002 - the specification\'s word
        self.was_told = ("Reset", type)
        return result21.Reset(status="Accepted")

    @on("SetChargingProfile")
    def on_set_charging_profile(self, **_: Any) -> Any:
        return result21.SetChargingProfile(status="Accepted")

    @on("UpdateDynamicSchedule")
    def on_update_dynamic_schedule(self, charging_profile_id: int, **_: Any) -> Any:
        return result21.UpdateDynamicSchedule(status="Accepted")

    async def send_unanswered(self, action: str, payload: dict[str, Any]) -> None:
        """A SEND, which the package cannot say; on its own socket."""
        await self._connection.send(json.dumps([6, str(uuid.uuid4()), action, payload]))


FOREIGN: dict[str, Any] = {"ocpp1.6": Foreign16, "ocpp2.0.1": Foreign201, "ocpp2.1": Foreign21}


@asynccontextmanager
async def foreign(
    ocpp_url: str, identity: str, password: str, subprotocol: str, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Any]:
    """A connected charger of the `ocpp` package."""
    credentials = base64.b64encode(f"{identity}:{password}".encode()).decode()
    async with websockets.connect(
        f"{ocpp_url}/{identity}",
        ssl=tls,
        subprotocols=[websockets.Subprotocol(subprotocol)],
        additional_headers={"Authorization": f"Basic {credentials}"} if password else {},
        proxy=None,
    ) as socket:
        charger = FOREIGN[subprotocol](identity, socket, response_timeout=15)
        listening = asyncio.ensure_future(charger.start())
        try:
            yield charger
        finally:
            listening.cancel()


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
