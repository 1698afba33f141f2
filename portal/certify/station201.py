"""A charging station of OCPP 2.0.1 in a case. One session at a time; its steps are the states that cases reuse."""

from __future__ import annotations

import itertools
import uuid
from typing import Any, ClassVar

from portal.certify.desk import Desk
from portal.certify.station import Station, card
from portal.certify.tls import Tls
from portal.certify.wire import Payload, now

BEGIN_WH, END_WH = 1000.0, 2500.0


def token(name: str) -> Payload:
    """idToken of a card; "free" is none, as of a button."""
    if name == "free":
        return {"idToken": "", "type": "NoAuthorization"}
    kind = {"vicinity": "ISO15693", "emaid": "eMAID"}.get(name, "ISO14443")
    return {"idToken": card(name), "type": kind}


def register(wh: float, context: str = "", **more: Any) -> Payload:
    """meterValue of the energy register."""
    sampled = {"value": wh, "measurand": "Energy.Active.Import.Register", "unitOfMeasure": {"unit": "Wh"}, **more}
    return {"timestamp": now(), "sampledValue": [sampled | ({"context": context} if context else {})]}


class Station201(Station):
    ocpp = "2.0.1"
    BOOT: ClassVar[Payload] = {
        "reason": "PowerUp",
        "chargingStation": {
            "vendorName": "Acme", "model": "Street 50", "serialNumber": "SN-201", "firmwareVersion": "2.0.0",
        },
    }  # fmt: skip

    def __init__(self, desk: Desk, identity: str, password: str, tls: Tls | None = None) -> None:
        super().__init__(desk, identity, password, tls)
        self.new_session()

    def new_session(self) -> None:
        """The next event begins another."""
        self.transaction, self._numbers, self.is_running = uuid.uuid4().hex, itertools.count(), False

    async def shows(self, status: str, *, evse: int = 1, connector: int = 1) -> None:
        told = {"evseId": evse, "connectorId": connector, "connectorStatus": status, "timestamp": now()}
        await self.says("StatusNotification", told)
        # A session says more of a plug in use than this message does.
        in_use = {"occupied", "preparing", "charging", "suspended_ev", "suspended_evse", "finishing"}
        await self.sees_connector(evse, connector, status=in_use if status == "Occupied" else status.lower())

    async def authorizes(self, name: str, status: str | set[str] = "Accepted", **wanted: Any) -> None:
        await self.says("Authorize", {"idToken": token(name)}, {"idTokenInfo": {"status": status, **wanted}})

    async def tells(
        self,
        trigger: str,
        state: str = "",
        *,
        name: str = "",
        status: str = "Accepted",
        kind: str = "",
        evse: int | None = 1,
        meter: list[Payload] | None = None,
        event: Payload | None = None,
        **info: Any,
    ) -> Payload:
        """A TransactionEvent, the first of a session being its start; idTokenInfo comes back if a card was shown."""
        told: Payload = {
            "eventType": kind or ("Updated" if self.is_running else "Started"),
            "timestamp": now(),
            "triggerReason": trigger,
            "seqNo": next(self._numbers),
            "transactionInfo": {
                "transactionId": self.transaction, **({"chargingState": state} if state else {}), **info,
            },
            **({"evse": {"id": evse, "connectorId": 1}} if evse else {}),
            **({"idToken": token(name)} if name else {}),
            **(event or {}),
        }  # fmt: skip
        first = told["eventType"] == "Started"
        given = meter if meter is not None else [register(BEGIN_WH, "Transaction.Begin")] if first else None
        if given:
            told["meterValue"] = given
        self.is_running = True
        wanted = {"idTokenInfo": {"status": status}} if name else {"idTokenInfo": None}
        return await self.says("TransactionEvent", told, wanted)

    async def ends(self, trigger: str, reason: str, *, name: str = "", state: str = "", **more: Any) -> None:
        """The Ended event, and the session as the operator sees it."""
        more = {"meter": [register(END_WH, "Transaction.End")], **more}
        await self.tells(trigger, state, name=name, kind="Ended", stoppedReason=reason, **more)
        await self.session(
            transaction_id=self.transaction,
            is_open=False,
            stop_reason=reason,
            is_incomplete=False,
            energy_wh=round(END_WH - BEGIN_WH),
        )

    # -- states that cases begin from and end in -----------------------------------------------------------------------

    async def is_authorized(self, name: str = "accepted") -> None:
        await self.authorizes(name)
        await self.tells("Authorized", "EVConnected" if self.is_running else "Idle", name=name)

    async def is_plugged_in(self) -> None:
        await self.shows("Occupied")
        await self.tells("CablePluggedIn", "EVConnected")

    async def charges(self, name: str = "accepted") -> None:
        """Card, car, energy: a session that runs."""
        await self.is_authorized(name)
        await self.is_plugged_in()
        await self.tells("ChargingStateChanged", "Charging")
        await self.session(is_open=True, charging_state="charging", token_verdict="accepted")  # noqa: S106 - a verdict

    async def is_told_to_stop(self, name: str = "accepted") -> None:
        await self.tells("StopAuthorized", "EVConnected", name=name)

    async def is_unplugged(self, reason: str = "Local", trigger: str = "EVCommunicationLost") -> None:
        """The car goes, and its session with it."""
        await self.ends(trigger, reason, state="Idle")
        await self.shows("Available")
