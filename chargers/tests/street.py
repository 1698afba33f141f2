"""Chargers that answer what the outbox has for them, as their dialect would tell the domain; no wire in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from chargers import commands, configuration
from chargers.boots import Nameplate
from chargers.configuration import Place, Reported
from chargers.desired import quarantine, standings, steps
from chargers.models import Boot, Charger, Command, CommandStatus, Setting
from chargers.tests.boots import record_boot

Verdict = Callable[[str, str], str]  # key and value → Accepted | Rejected | RebootRequired | NotSupported


@dataclass
class Pole:
    """One charger of OCPP 1.6 with what it is set to, and its ways."""

    charger: Charger
    has: dict[str, str]
    verdict: Verdict = lambda key, value: "Accepted"
    keeps: Callable[[str, str], str] = lambda key, value: value  # what it really takes of a value
    log: list[str] = field(default_factory=list)
    pending: dict[str, str] = field(default_factory=dict)

    def fresh(self) -> Charger:
        return Charger.objects.get(pk=self.charger.pk)

    def tell(self, *names: str) -> None:
        """Report settings, all without names."""
        at = timezone.now()
        known = [name for name in names or self.has if name in self.has]
        configuration.record(self.fresh(), [Reported(Place(n), value=self.has[n]) for n in known], at=at)
        configuration.unknown(self.fresh(), [Place(n) for n in names if n not in self.has], at=at)

    def boot(self, firmware: str = "") -> Boot:
        self.has |= self.pending
        self.pending = {}
        charger = self.fresh()
        plate = Nameplate(charger.vendor, charger.model, firmware_version=firmware or charger.firmware_version)
        return record_boot(charger, plate, at=timezone.now())

    def answer(self) -> int:
        """Answer everything that waits for it; how much that was."""
        count = 0
        while claimed := commands.claim([self.charger.pk], at=timezone.now()):
            for command in claimed:
                self._do(command)
                count += 1
        return count

    def _do(self, command: Command) -> None:
        if command.verb == "read_settings":
            self.log.append(f"read {','.join(command.arguments.get('names', []))}")
            self.tell(*command.arguments.get("names", []))
            self._settle(command, "Accepted")
        elif command.verb == "write_settings":
            (setting,) = command.arguments["settings"]
            self._write(command, setting["name"], setting["value"])
        else:
            self.log.append(command.verb)
            Command.objects.filter(pk=command.pk).update(action="Reset")
            self._settle(command, "Accepted")
            self.boot()

    def _write(self, command: Command, key: str, value: str) -> None:
        said = self.verdict(key, value)
        self.log.append(f"write {key}={value}: {said}")
        at = timezone.now()
        if said in ("Accepted", "RebootRequired"):
            where = self.has if said == "Accepted" else self.pending
            where[key] = self.keeps(key, value)
            later = said == "RebootRequired"
            configuration.written(self.fresh(), Place(key), value, needs_reboot=later, at=at)
        self._settle(command, said)

    def _settle(self, command: Command, said: str) -> None:
        is_yes = said in ("Accepted", "RebootRequired")
        status = CommandStatus.ACCEPTED if is_yes else CommandStatus.REJECTED
        commands.settle(command.pk, status=status, answer={"status": said}, at=timezone.now())

    def value(self, key: str) -> str:
        return Setting.objects.get(charger=self.charger, name=key).value


def beat(*poles: Pole, rounds: int = 12) -> None:
    """Let beat come by and the chargers answer until nothing moves any more."""
    for _ in range(rounds):
        standings.look_due(at=timezone.now())
        quarantine.look(at=timezone.now())
        steps.advance_all(at=timezone.now())
        if not sum(pole.answer() for pole in poles):
            break
    standings.look_due(at=timezone.now())


def values(**keys: Any) -> list[tuple[str, str, str]]:
    return [("key", name, str(value)) for name, value in keys.items()]
