"""A charger's settings under neutral names, with the rules for changing one. Wire names are the dialects' business.

A charger keeps only what differs from the factory table, so a thousand of them share one table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Verdict(Enum):
    ACCEPTED = auto()
    REJECTED = auto()
    REBOOT_REQUIRED = auto()


@dataclass(frozen=True, slots=True)
class Setting:
    """`kind` is int, bool, list or text; `least` and `most` bound an int (or a text's length)."""

    value: str
    kind: str = "text"
    is_readonly: bool = False
    is_secret: bool = False
    needs_reboot: bool = False
    least: int = 0
    most: int = 2**31 - 1

    def admits(self, value: str) -> bool:
        match self.kind:
            case "int":
                return value.strip().lstrip("-").isdecimal() and self.least <= int(value) <= self.most
            case "bool":
                return value.lower() in ("true", "false")
            case _:
                return self.least <= len(value) <= self.most


def _int(value: int, least: int = 0, most: int = 2**31 - 1, *, needs_reboot: bool = False) -> Setting:
    return Setting(str(value), "int", least=least, most=most, needs_reboot=needs_reboot)


def _flag(value: str) -> Setting:
    return Setting(value, "bool")


def _fixed(value: str, kind: str = "text") -> Setting:
    return Setting(value, kind, is_readonly=True)


MEASURANDS = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC"

FACTORY: Mapping[str, Setting] = {
    "heartbeat_interval_s": _int(300, 1),
    "connection_timeout_s": _int(60, 1),
    "sample_interval_s": _int(60),
    "sampled_measurands": Setting(MEASURANDS, "list"),
    "clock_interval_s": _int(0),
    "clock_measurands": Setting("Energy.Active.Import.Register", "list"),
    "stop_measurands": Setting("Energy.Active.Import.Register", "list"),
    "message_attempts": _int(3, 1, 100),
    "message_retry_s": _int(60, 1),
    "message_timeout_s": _int(30, 1, 300),
    "websocket_ping_s": _int(0, 0, 3600, needs_reboot=True),
    "authorize_remote_start": _flag("false"),
    "local_authorize_offline": _flag("true"),
    "local_pre_authorize": _fixed("false", "bool"),
    "offline_unknown_token": _flag("false"),
    "authorization_cache": _flag("true"),
    "local_list": _flag("true"),
    "stop_on_invalid_token": _flag("true"),
    "stop_on_unplug": _fixed("true", "bool"),
    "unlock_on_unplug": _fixed("true", "bool"),
    "password": Setting("", is_secret=True, least=16, most=40),
    "operator_name": Setting("Chargeyard", most=50),
    "light_intensity": _int(80, 0, 100),
    "reset_retries": _int(1, 0, 10),
    "profiles": _fixed(
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger", "list"
    ),
    "connectors": _fixed("1", "int"),
    "phase_rotation": Setting("0.RST,1.RST,2.RST", "list"),
    "keys_per_request": _fixed("50", "int"),
    "list_length": _fixed("1000", "int"),
    "list_update_length": _fixed("200", "int"),
    "stack_levels": _fixed("10", "int"),
    "rate_units": _fixed("Current,Power", "list"),
    "schedule_periods": _fixed("24", "int"),
    "profiles_installed": _fixed("20", "int"),
    "reserve_station": _fixed("true", "bool"),
    "transfer_protocols": _fixed("HTTP,HTTPS", "list"),
    "security_profile": _fixed("1", "int"),
    "start_point": _fixed("PowerPathClosed", "list"),
    "stop_point": _fixed("PowerPathClosed", "list"),
    "vendor": _fixed(""),
    "model": _fixed(""),
    "firmware": _fixed(""),
    "serial": _fixed(""),
}


class Configuration:
    """Values in force; those that need a reboot wait in `pending` until `apply_pending`."""

    __slots__ = ("_changed", "_pending")

    def __init__(self, **values: object) -> None:
        self._changed: dict[str, str] = {}
        self._pending: dict[str, str] = {}
        for name, value in values.items():
            self.install(name, value)

    def install(self, name: str, value: object) -> None:
        """Set what the outside may not (a serial number, the connectors); no rule is asked."""
        assert name in FACTORY, f"{name!r} is no setting"
        self._changed[name] = str(value)

    def text(self, name: str) -> str:
        value = self._changed.get(name)
        return FACTORY[name].value if value is None else value

    def number(self, name: str) -> int:
        return int(self.text(name))

    def is_on(self, name: str) -> bool:
        return self.text(name).lower() == "true"

    def items(self, name: str) -> list[str]:
        return [item.strip() for item in self.text(name).split(",") if item.strip()]

    def change(self, name: str, value: str) -> Verdict:
        setting = FACTORY[name]
        if setting.is_readonly or not setting.admits(value):
            return Verdict.REJECTED
        if setting.needs_reboot:
            self._pending[name] = value
            return Verdict.REBOOT_REQUIRED
        self._changed[name] = value
        return Verdict.ACCEPTED

    def apply_pending(self) -> None:
        """A reboot has happened."""
        self._changed.update(self._pending)
        self._pending.clear()
