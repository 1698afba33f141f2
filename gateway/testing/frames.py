"""Payloads as chargers send them, one file each: `load("ocpp16/boot_acme.json")`.

A file is named for its message (see ACTIONS) and for what is special about it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).with_name("frames")

ACTIONS = {
    "authorize": "Authorize",
    "battery_swap": "BatterySwap",
    "boot": "BootNotification",
    "certificate_chain_status": "GetCertificateChainStatus",
    "customer_information": "NotifyCustomerInformation",
    "data_transfer": "DataTransfer",
    "der_alarm": "NotifyDERAlarm",
    "der_report": "ReportDERControl",
    "der_start_stop": "NotifyDERStartStop",
    "diagnostics": "DiagnosticsStatusNotification",
    "event": "NotifyEvent",
    "firmware": "FirmwareStatusNotification",
    "heartbeat": "Heartbeat",
    "log": "LogStatusNotification",
    "meter": "MeterValues",
    "priority_charging": "NotifyPriorityCharging",
    "profiles": "ReportChargingProfiles",
    "pull_schedule": "PullDynamicScheduleUpdate",
    "report": "NotifyReport",
    "reservation": "ReservationStatusUpdate",
    "security": "SecurityEventNotification",
    "settlement": "NotifySettlement",
    "sign_certificate": "SignCertificate",
    "signed_firmware": "SignedFirmwareStatusNotification",
    "start": "StartTransaction",
    "status": "StatusNotification",
    "stop": "StopTransaction",
    "stream_close": "ClosePeriodicEventStream",
    "stream_open": "OpenPeriodicEventStream",
    "stream_values": "NotifyPeriodicEventStream",
    "transaction": "TransactionEvent",
    "vat_number": "VatNumberValidation",
}
"""How a file's name begins → the action it is a payload of."""


def load(name: str, **changes: Any) -> dict[str, Any]:
    """A payload of its own, with top-level fields changed: `load("ocpp16/start.json", idTag="04AA")`."""
    payload: dict[str, Any] = orjson.loads((FOLDER / name).read_bytes())
    return payload | changes


def names(version: str) -> list[str]:
    """All files of a version's folder: `names("ocpp16")`."""
    return sorted(path.relative_to(FOLDER).as_posix() for path in (FOLDER / version).glob("*.json"))


def action(name: str) -> str:
    """The action a file is a payload of; of several that fit the longest."""
    stem = Path(name).stem
    fitting = [start for start in ACTIONS if stem == start or stem.startswith(f"{start}_")]
    if not fitting:
        raise LookupError(f"Frame {name!r} begins with none of {sorted(ACTIONS)}; rename it, or add its action there.")
    return ACTIONS[max(fitting, key=len)]
