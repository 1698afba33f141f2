"""Configuration keys. OCPP 1.6 §5.3, §5.8."""

from __future__ import annotations

from chargers import configuration, credentials
from chargers.configuration import Place, Reported
from chargers.models import Command
from gateway.call import Call
from gateway.dialect import Payload, Unspeakable
from gateway.ocpp16.dialect import dialect
from gateway.wire import dicts, need, text

TAKEN = {"Accepted", "RebootRequired"}


@dialect.sends("read_settings")
def read_settings(command: Command) -> tuple[str, Payload]:
    """No key means all of them (§5.8)."""
    if command.arguments.get("criteria"):
        raise Unspeakable("OCPP 1.6 has no components, so it cannot read by their state ('criteria').")
    names = command.arguments.get("names")
    return "GetConfiguration", {"key": list(names)} if names else {}


@dialect.answers("GetConfiguration")
def configuration_told(command: Command, answer: Payload, call: Call) -> None:
    reports = [
        Reported(
            Place(text(key.get("key"))),
            value=text(key.get("value")),
            is_readonly=bool(key.get("readonly")),
            is_writeonly=False,
        )
        for key in dicts(answer.get("configurationKey"))
    ]
    configuration.record(call.charger, reports, at=call.at)
    unknown = answer.get("unknownKey")
    names = [text(name) for name in unknown] if isinstance(unknown, list) else []
    configuration.unknown(call.charger, [Place(name) for name in names], at=call.at)
    call.books.changed_chargers.add(call.charger.pk)


@dialect.sends("write_settings")
def write_settings(command: Command) -> tuple[str, Payload]:
    settings = need(command, "settings")
    if len(settings) != 1:
        raise Unspeakable(f"OCPP 1.6 writes one setting at a time; {len(settings)} were given.")
    (setting,) = settings
    if not setting.get("name"):
        raise Unspeakable(f"The setting to write has no name: {setting!r}.")
    return "ChangeConfiguration", {"key": setting["name"], "value": text(setting.get("value"))}


@dialect.sends("rotate_password")
def rotate_password(command: Command) -> tuple[str, Payload]:
    """A fresh key, as its bytes in hexadecimal: security whitepaper §2.2. It is in force once the charger took it."""
    return "ChangeConfiguration", {"key": "AuthorizationKey", "value": credentials.made().encode().hex()}


@dialect.answers("ChangeConfiguration")
def configuration_changed(command: Command, answer: Payload, call: Call) -> None:
    """§6.8: RebootRequired means accepted, in force after the next boot."""
    place, status = Place(text(command.payload.get("key"))), answer.get("status")
    if status in TAKEN:
        configuration.written(
            call.charger,
            place,
            text(command.payload.get("value")),
            needs_reboot=status == "RebootRequired",
            at=call.at,
            order=command.pk,
        )
    else:
        configuration.refused(call.charger, command.payload, order=command.pk)
    if status == "NotSupported":
        configuration.unknown(call.charger, [place], at=call.at)
    call.books.changed_chargers.add(call.charger.pk)
