"""What the chargers of a load say, and in which shares. OCPP 1.6, as text; pure but for the clock.

60 % MeterValues of five measurands, 25 % Heartbeat, 15 % of what a session brings: start, Charging, stop, Available.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

METER_VALUES, HEARTBEAT = 0.60, 0.25  # the rest belongs to sessions
CONNECTORS = 2
TOKENS = 100
SUBPROTOCOL = "ocpp1.6"


def identity(number: int) -> str:
    return f"BENCH-{number:06d}"


def token(number: int) -> str:
    return f"BENCH{number % TOKENS:09d}"


class Station:
    """One charger's side of the talk. ``pending``: the message id that waits for its answer, "" if none does."""

    __slots__ = ("_is_charging", "_number", "_random", "_said", "_starting", "_step", "_transaction", "_wh", "pending")

    def __init__(self, number: int) -> None:
        self.pending = ""
        self._number = number
        self._random = Random(number)  # noqa: S311 - the same load each time
        self._said = 0
        self._wh = 1000 * number
        self._is_charging = False
        self._starting = False
        self._transaction = 0
        self._step = 0

    @property
    def identity(self) -> str:
        return identity(self._number)

    def silence(self) -> Iterator[str]:
        """Nothing: it has its line, and that is all."""
        return iter(())

    def arrival(self) -> Iterator[str]:
        """What a charger says when it comes up: boot, and the state of its connectors."""
        yield self.boot()
        for connector in range(1, CONNECTORS + 1):
            yield self.status(connector, "Charging" if self._is_charging and connector == 1 else "Available")

    def opening(self) -> Iterator[str]:
        """An arrival, and a car that plugs in at once, so that meter values have their session."""
        yield from self.arrival()
        if not self._is_charging:
            yield self.next_of_session()

    def next_call(self) -> str:
        """One CALL drawn from the mix."""
        drawn = self._random.random()
        if drawn < METER_VALUES:
            return self.meter_values()
        return self.heartbeat() if drawn < METER_VALUES + HEARTBEAT else self.next_of_session()

    def hear(self, frame: str) -> bool:
        """Take an answer; False if it refuses (CALLERROR). Raises ValueError if it is not for what is pending."""
        if not frame.startswith(f',"{self.pending}"', 2) or not self.pending:
            raise ValueError(f"{self.identity} waits for {self.pending!r} and hears {frame[:60]!r}.")
        self.pending = ""
        if self._starting:
            self._starting = False
            digits = frame.partition('"transactionId":')[2]
            self._transaction = int(digits[: len(digits) - len(digits.lstrip("0123456789"))] or 0)
        return frame[1] == "3"

    def forget(self) -> None:
        """The line broke: what was asked stays unanswered, and a session whose start was not confirmed starts again."""
        self.pending = ""
        if self._starting:
            self._starting = self._is_charging = False
            self._step -= 1

    # -- the messages --------------------------------------------------------------------------------------------------

    def boot(self) -> str:
        return self._call(
            "BootNotification",
            '{"chargePointVendor":"Bench","chargePointModel":"Load 22","firmwareVersion":"1.0",'
            f'"chargePointSerialNumber":"{self._number}"}}',
        )

    def heartbeat(self) -> str:
        return self._call("Heartbeat", "{}")

    def status(self, connector: int, status: str) -> str:
        return self._call(
            "StatusNotification",
            f'{{"connectorId":{connector},"errorCode":"NoError","status":"{status}","timestamp":"{_now()}"}}',
        )

    def meter_values(self) -> str:
        self._wh += 25
        power_w = 10_000 + self._said % 997
        session = f'"transactionId":{self._transaction},' if self._is_charging else ""
        return self._call(
            "MeterValues",
            f'{{"connectorId":1,{session}"meterValue":[{{"timestamp":"{_now()}","sampledValue":['
            f'{{"value":"{self._wh}","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register",'
            f'"unit":"Wh"}},{{"value":"{power_w}","context":"Sample.Periodic","measurand":"Power.Active.Import",'
            f'"unit":"W"}},{{"value":"{power_w / 690:.1f}","context":"Sample.Periodic","measurand":"Current.Import",'
            '"unit":"A"},{"value":"230.1","context":"Sample.Periodic","measurand":"Voltage","unit":"V"},'
            f'{{"value":"{self._said % 100}","context":"Sample.Periodic","measurand":"SoC","unit":"Percent"}}]}}]}}',
        )

    def next_of_session(self) -> str:
        """Start, Charging, stop, Available, and again."""
        self._step += 1
        match self._step % 4:
            case 1:
                return self._start()
            case 2:
                return self.status(1, "Charging")
            case 3:
                return self._stop()
        return self.status(1, "Available")

    def _start(self) -> str:
        self._is_charging = self._starting = True
        return self._call(
            "StartTransaction",
            f'{{"connectorId":1,"idTag":"{token(self._number)}","meterStart":{self._wh},"timestamp":"{_now()}"}}',
        )

    def _stop(self) -> str:
        self._is_charging = False
        return self._call(
            "StopTransaction",
            f'{{"transactionId":{self._transaction},"idTag":"{token(self._number)}","meterStop":{self._wh},'
            f'"timestamp":"{_now()}","reason":"EVDisconnected"}}',
        )

    def _call(self, action: str, payload: str) -> str:
        self._said += 1
        # As long as the UUIDs that chargers send, for the sake of the indexes.
        self.pending = f"{self._said:08x}-bead-4000-8000-{self._number:012x}"
        return f'[2,"{self.pending}","{action}",{payload}]'


def _now() -> str:
    return f"{datetime.now(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
