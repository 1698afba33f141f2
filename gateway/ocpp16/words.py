"""The words of OCPP 1.6 and ours."""

from __future__ import annotations

from chargers.models import ConnectorStatus
from gateway.call import Call
from gateway.dialect import Payload
from gateway.wire import plug, said, wire_time
from sessions.authorization import Authorization

STATUS = {
    "Available": ConnectorStatus.AVAILABLE,
    "Preparing": ConnectorStatus.PREPARING,
    "Charging": ConnectorStatus.CHARGING,
    "SuspendedEV": ConnectorStatus.SUSPENDED_EV,
    "SuspendedEVSE": ConnectorStatus.SUSPENDED_EVSE,
    "Finishing": ConnectorStatus.FINISHING,
    "Reserved": ConnectorStatus.RESERVED,
    "Unavailable": ConnectorStatus.UNAVAILABLE,
    "Faulted": ConnectorStatus.FAULTED,
    "Occupied": ConnectorStatus.OCCUPIED,  # of 1.5; some firmware still says it
}
AUTHORIZATION = {
    "accepted": "Accepted",
    "blocked": "Blocked",
    "expired": "Expired",
    "invalid": "Invalid",
    "concurrent": "ConcurrentTx",
}
PURPOSE = {"charger_max": "ChargePointMaxProfile", "tx_default": "TxDefaultProfile", "tx": "TxProfile"}


def id_tag_info(authorization: Authorization) -> Payload:
    """idTagInfo. §6.23: parentIdTag has 20 characters; a longer group is not told."""
    token = authorization.token
    group = token.group if token and 0 < len(token.group) <= 20 else None
    return said(
        status=AUTHORIZATION[authorization.verdict],
        expiryDate=wire_time(token.expires_at) if token and token.expires_at else None,
        parentIdTag=group,
    )


def connector_of(call: Call) -> int:
    """The connector that a message about money names; 0, and a finding, if no charger can have it."""
    told = call.payload.get("connectorId")
    number = plug(told)
    if number is None:
        call.findings.append(f"connectorId {told!r} is no connector; taken as the charger itself.")
    return number or 0
