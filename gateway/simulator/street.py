"""What happens around a charger: drivers who come, charge and go by the hour of the day, and now and then a mishap.

Hears the charger's events and uses its verbs as hands do; knows no OCPP.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from gateway.simulator import events as e
from gateway.simulator.car import Car
from gateway.simulator.charger import Charger
from gateway.simulator.connector import Connector, Session
from gateway.simulator.events import CHARGING_STATES, Event, Fault, Reason, State

FAULTS = (
    Fault("GroundFailure", "GF-31", "Residual current above 30 mA"),
    Fault("HighTemperature", "OT-17", "Power stage at 92 degrees"),
    Fault("ConnectorLockFailure", "CL-04", "Lock motor blocked"),
    Fault("OverCurrentFailure", "OC-09", "L2 above 35 A"),
    Fault("EVCommunicationError", "PLC-22", "SLAC timed out"),
)
ALARMS = (
    ("SettingSystemTime", "Clock corrected by 4 s"),
    ("MemoryExhaustion", "Log partition at 91 %"),
    ("TamperDetectionActivated", "Cover opened"),
    ("InvalidMessages", "Unreadable frame dropped"),
)
STRANGER = "DEADBEEF00"
STRANGERS_SHARE = 0.02
"""So many drivers try a token that nobody knows."""


@dataclass(slots=True)
class Visit:
    token: str
    car: Car


def any_car(chance: random.Random) -> Car:
    return Car(
        battery_wh=chance.choice((38_000, 52_000, 58_000, 64_000, 77_000, 82_000)),
        soc=chance.uniform(0.12, 0.62),
        target_soc=chance.choice((0.8, 0.8, 0.9, 1.0)),
        ac_power_w=(power_w := chance.choice((7_360.0, 11_040.0, 11_040.0, 22_080.0))),
        ac_phases=1 if power_w < 10_000 else 3,
        dc_power_w=chance.choice((50_000.0, 100_000.0, 125_000.0, 170_000.0)),
    )


class Street:
    """The world around one charger."""

    def __init__(self, charger: Charger, tokens: Sequence[str]) -> None:
        self._charger = charger
        self._tokens = tokens
        self._agenda = charger.agenda
        self._pace = charger.pace
        self._chance = charger.chance
        self._visits: dict[int, Visit] = {}
        charger.listeners.append(self.hear)

    def open(self, *, busy_share: float = 0.4) -> None:
        """Let things begin to happen. In a sped-up day the first car comes at once to that share of the connectors."""
        for connector in self._charger.connectors:
            self._arrive_later(connector)
            if self._pace.speed > 1 and self._chance.random() < busy_share:
                # Whoever starts a demo sees the first car within seconds.
                self._after(self._chance.uniform(0.001, 0.04) * self._pace.day_s, self._arrive, connector)
        self._mishap_later(self._pace.faults_per_day, self._break_something)
        self._mishap_later(self._pace.dropouts_per_day, self._cut_the_line)
        self._mishap_later(self._pace.alarms_per_day, self._alarm)

    def hear(self, event: Event) -> None:
        match event:
            case e.TokenAnswered(connector, False):
                self._after(self._hand_s, self._turn_away, connector)
            case e.CarAwaited(connector, token):
                self._visits.setdefault(connector.number, Visit(token, any_car(self._chance)))
                self._after(self._hand_s, self._plug_in, connector)
            case e.SessionStarted(session):
                self._after(self._patience_s(session), self._leave, session)
            case e.SessionUpdated(session, _, State.SUSPENDED_EV, e.Cause.STATE_CHANGED):
                self._car_took_no_more(session)
            case e.SessionStopped(session):
                self._after(self._hand_s, self._give_up, session.connector)

    # --- a visit -------------------------------------------------------------------------------------------------

    @property
    def _hand_s(self) -> float:
        return self._pace.hand_s(self._chance)

    def _after(self, delay_s: float, do: Callable[..., object], *args: object) -> None:
        self._agenda.after(delay_s, partial(do, *args))

    def _arrive_later(self, connector: Connector) -> None:
        self._agenda.at(self._pace.next_arrival(self._agenda.now(), self._chance), partial(self._arrive, connector))

    def _arrive(self, connector: Connector) -> None:
        """A car turns in. Whoever finds the place taken, broken or dark drives on."""
        self._arrive_later(connector)
        if connector.number in self._visits or connector.car or not self._charger.is_powered:
            return
        if connector.state not in (State.AVAILABLE, State.RESERVED) or self._charger.is_closed_for_work:
            return
        visit = Visit(self._token_for(connector), any_car(self._chance))
        self._visits[connector.number] = visit
        if self._chance.random() < 0.25:
            self._show_token(connector)
        else:
            self._charger.plug_in(connector, visit.car)
            self._after(self._hand_s, self._show_token, connector)

    def _token_for(self, connector: Connector) -> str:
        if connector.reservation is not None:
            return connector.reservation.token
        if self._chance.random() < STRANGERS_SHARE:
            return STRANGER
        return self._chance.choice(self._tokens)

    def _show_token(self, connector: Connector) -> None:
        visit = self._visits.get(connector.number)
        if visit is None or connector.session is not None:
            return
        if not self._charger.show_token(connector, visit.token):
            self._give_up(connector)

    def _plug_in(self, connector: Connector) -> None:
        visit = self._visits.get(connector.number)
        if visit is None or not self._charger.plug_in(connector, visit.car):
            self._visits.pop(connector.number, None)

    def _patience_s(self, session: Session) -> float:
        """When the driver comes back, full or not: a limit that slows the charge does not make people wait for ever."""
        connector = session.connector
        if connector.car is None:
            return self._hand_s
        power_w = max(1.0, min(connector.max_power_w, connector.car.wants_w(is_dc=connector.is_dc)))
        full_in_s = connector.car.needs_wh(is_dc=connector.is_dc) / power_w * 3600 / session.lapse
        return max(self._hand_s, full_in_s * self._chance.uniform(0.5, 2.5))

    def _car_took_no_more(self, session: Session) -> None:
        if session.connector.is_dc:
            self._after(self._hand_s, self._charger.stop, session, Reason.FULL)
        else:
            self._after(self._pace.linger_s(self._chance), self._leave, session)

    def _leave(self, session: Session) -> None:
        if not session.is_running:
            return
        if self._charger.is_powered and self._chance.random() < 0.65:
            self._charger.stop(session, Reason.LOCAL, token=session.token)
        else:
            self._give_up(session.connector)

    def _turn_away(self, connector: Connector) -> None:
        # The operator may have started the session meanwhile.
        if connector.session is None and connector.grant is None:
            self._give_up(connector)

    def _give_up(self, connector: Connector) -> None:
        """Take the cable out, if there is one, and drive off."""
        self._visits.pop(connector.number, None)
        self._charger.unplug(connector)

    # --- mishaps -------------------------------------------------------------------------------------------------

    def _mishap_later(self, per_day: float, do: Callable[[], object]) -> None:
        when = self._pace.next_mishap(self._agenda.now(), per_day, self._chance)
        self._agenda.at(when, do)

    def _break_something(self) -> None:
        self._mishap_later(self._pace.faults_per_day, self._break_something)
        connector = self._chance.choice(self._charger.connectors)
        if connector.fault is None and self._charger.is_powered:
            self._charger.break_down(connector, self._chance.choice(FAULTS))
            self._after(self._pace.mishap_s(self._chance), self._charger.recover, connector)

    def _cut_the_line(self) -> None:
        self._mishap_later(self._pace.dropouts_per_day, self._cut_the_line)
        self._charger.tell(e.LinkLost(self._pace.mishap_s(self._chance)))

    def _alarm(self) -> None:
        self._mishap_later(self._pace.alarms_per_day, self._alarm)
        kind, info = self._chance.choice(ALARMS)
        self._charger.tell(e.SecurityAlarm(kind, info, self._agenda.now()))


def is_charging(charger: Charger) -> bool:
    return any(connector.state in CHARGING_STATES for connector in charger.connectors)
