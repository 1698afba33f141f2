"""The simulated charger: what it does when a car, a driver, a mishap or its operator acts on it.

Pure: time comes from the agenda, chance from the generator it is given, and all it has to say goes to its listeners as
events. It knows no OCPP version and no socket.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.simulator import events as e
from gateway.simulator.agenda import Agenda
from gateway.simulator.authorization import LocalTokens
from gateway.simulator.car import Car
from gateway.simulator.configuration import Configuration, Verdict
from gateway.simulator.connector import Connector, Grant, Reservation, Session
from gateway.simulator.events import Cause, Event, Fault, Reason, State
from gateway.simulator.limits import limit_w
from gateway.simulator.metering import Metering
from gateway.simulator.pace import Pace
from gateway.simulator.profiles import TX, Profiles

DC_FROM_W = 40_000.0
HARD_RESET_S = 0.5
"""Long enough to answer the order."""


@dataclass(frozen=True, slots=True)
class Make:
    """What is written on the box."""

    vendor: str
    model: str
    firmware: str
    max_power_w: float

    @property
    def is_dc(self) -> bool:
        return self.max_power_w >= DC_FROM_W


class Charger:
    """Verbs are safe to call in any state: what cannot happen now answers False or None, and nothing is told."""

    def __init__(
        self, identity: str, make: Make, *, connectors: int, agenda: Agenda, pace: Pace, chance: random.Random
    ) -> None:
        self.identity = identity
        self.make = make
        self.agenda = agenda
        self.pace = pace
        self.chance = chance
        self.settings = Configuration(
            connectors=connectors,
            vendor=make.vendor,
            model=make.model,
            firmware=make.firmware,
            serial=f"{chance.getrandbits(40):010X}",
            sample_interval_s=pace.sample_interval_s,
        )
        self.tokens = LocalTokens(self.settings)
        self.profiles = Profiles()
        self.connectors = [
            # A meter that has seen some years: a register from zero hides mistakes.
            Connector(n + 1, make.max_power_w, make.is_dc, register_wh=float(chance.randrange(10_000, 9_000_000)))
            for n in range(connectors)
        ]
        self.listeners: list[Callable[[Event], None]] = []
        self.is_operative = True
        self.is_powered = True
        self.firmware_fault = ""
        """What goes wrong with each update, see `gateway.simulator.jobs`."""
        self.is_closed_for_work = False
        """An update waits to be installed: no new session may begin."""
        self.boot_reason = "PowerUp"
        self.reset_when_idle = False
        self.metering = Metering(self)

    # --- looking -------------------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        for listen in self.listeners:
            listen(event)

    def connector(self, number: int) -> Connector | None:
        return self.connectors[number - 1] if 0 < number <= len(self.connectors) else None

    def sessions(self) -> list[Session]:
        return [connector.session for connector in self.connectors if connector.session is not None]

    def session(self, wire_id: str) -> Session | None:
        return next((session for session in self.sessions() if session.wire_id == wire_id), None)

    @property
    def state(self) -> State:
        """Of the charger as a whole (connector 0 of 1.6)."""
        return State.AVAILABLE if self.is_operative else State.UNAVAILABLE

    def show(self, connector: Connector) -> None:
        """Tell the connector's state if it is not what was told last."""
        state = connector.state
        if state is not connector.shown:
            connector.shown = state
            self.tell(e.StatusChanged(connector.number, state, connector.fault, self.agenda.now()))

    # --- what drivers do -----------------------------------------------------------------------------------------

    def plug_in(self, connector: Connector, car: Car) -> bool:
        if connector.car is not None or not self.is_powered:
            return False
        connector.car = car
        self.show(connector)
        self._start_if_ready(connector, Cause.PLUGGED)
        return True

    def unplug(self, connector: Connector) -> None:
        session = connector.session
        if session is not None:
            self._end(session, Reason.UNPLUGGED)
        connector.car = None
        connector.is_spent = False
        self.show(connector)
        if session is not None:
            self._after_session()

    def show_token(self, connector: Connector, token: str) -> bool:
        """A token at the reader: ends the session it began, else asks whether it may begin one."""
        if not self.is_powered:
            return False
        session = connector.session
        if session is not None:
            if session.token.upper() == token.upper():
                self.stop(session, Reason.LOCAL, token=token)
            return True
        if self.is_closed_for_work or not connector.grantable(token):
            return False
        self.tell(e.TokenShown(connector, token, self.agenda.now()))
        return True

    def answer_token(
        self, connector: Connector, token: str, *, is_accepted: bool, remote_id: int | None = None
    ) -> None:
        """The CSMS, or the charger for it while offline, has judged a shown token."""
        is_accepted = is_accepted and not self.is_closed_for_work and connector.grantable(token)
        self.tell(e.TokenAnswered(connector, is_accepted))
        if is_accepted:
            self._grant(connector, Grant(token, remote_id), Cause.AUTHORIZED)

    def answer_token_offline(self, connector: Connector, token: str, remote_id: int | None = None) -> None:
        self.answer_token(connector, token, is_accepted=self.tokens.allows_offline(token), remote_id=remote_id)

    # --- what the operator does ----------------------------------------------------------------------------------

    def remote_start(self, token: str, number: int | None, remote_id: int | None) -> Connector | None:
        """Let `token` charge, at connector `number` or where it can; None if it cannot.

        A connector that has a car goes before a free one: the driver who pressed the button stands there.
        """
        if not self.is_powered or self.is_closed_for_work:
            return None
        named = self.connectors if number is None else [c for c in self.connectors if c.number == number]
        able = sorted((c for c in named if c.grantable(token)), key=lambda c: c.car is None)
        if not able:
            return None
        if self.settings.is_on("authorize_remote_start"):
            self.tell(e.TokenShown(able[0], token, self.agenda.now(), remote_id))
        else:
            self._grant(able[0], Grant(token, remote_id), Cause.REMOTE_START)
        return able[0]

    def stop(self, session: Session, reason: Reason, *, token: str | None = None) -> None:
        if session.is_running:
            session.stop_token = token
            self._end(session, reason)
            self.show(session.connector)
            self._after_session()

    def set_operative(self, number: int, *, is_operative: bool) -> bool:
        """Open or close a connector (0: all of them). False: it waits until the running session is over."""
        meant = self.connectors if number == 0 else [c for c in self.connectors if c.number == number]
        if number == 0 and self.is_operative != is_operative:
            self.is_operative = is_operative
            self.tell(e.StatusChanged(0, self.state, None, self.agenda.now()))
        for connector in meant:
            connector.is_operative = is_operative
            self.show(connector)
        return is_operative or all(connector.session is None for connector in meant)

    def reserve(self, connector: Connector, reservation: Reservation) -> None:
        """Hold a free connector until the reservation expires or is used."""
        connector.reservation = reservation
        self.agenda.at(reservation.expires_at, partial(self._expire, connector, reservation))
        self.show(connector)

    def cancel_reservation(self, reservation_id: int) -> bool:
        for connector in self.connectors:
            if connector.reservation is not None and connector.reservation.id == reservation_id:
                connector.reservation = None
                self.show(connector)
                return True
        return False

    def reset(self, *, is_hard: bool) -> None:
        """End all sessions and restart. A hard one pulls the plug at once, a soft one lets the queue empty first."""
        self.reset_when_idle = False
        for session in self.sessions():
            self.stop(session, Reason.HARD_RESET if is_hard else Reason.SOFT_RESET)
        delay_s = HARD_RESET_S if is_hard else self.pace.machine_s(self.chance)
        self.agenda.after(delay_s, partial(self.power_down, "RemoteReset"))

    def power_down(self, boot_reason: str) -> None:
        if not self.is_powered:
            return
        self.is_powered = False
        self.boot_reason = boot_reason
        off_s = self.pace.machine_s(self.chance)
        self.agenda.after(off_s, self._power_up)
        self.tell(e.PoweredDown(off_s))

    def change_setting(self, name: str, value: str) -> Verdict:
        verdict = self.settings.change(name, value)
        if verdict is Verdict.ACCEPTED and name == "clock_interval_s":
            self.metering.rearm_clock()
        if verdict is Verdict.ACCEPTED and name == "sample_interval_s":
            for session in self.sessions():
                session.sampled_at = self.agenda.now()
        return verdict

    def limits_changed(self) -> None:
        """Profiles came or went, or a session did: let every session flow at its new limit."""
        for session in self.sessions():
            self.metering.flow(session)

    # --- mishaps -------------------------------------------------------------------------------------------------

    def break_down(self, connector: Connector, fault: Fault) -> None:
        connector.fault = fault
        if connector.session is not None:
            self.stop(connector.session, Reason.FAULT)
        self.show(connector)

    def recover(self, connector: Connector) -> None:
        connector.fault = None
        self.show(connector)
        self._start_if_ready(connector, Cause.AUTHORIZED)

    # --- inside --------------------------------------------------------------------------------------------------

    def _grant(self, connector: Connector, grant: Grant, cause: Cause) -> None:
        connector.grant = grant
        self.show(connector)
        if not self._start_if_ready(connector, cause):
            self.agenda.after(self.settings.number("connection_timeout_s"), partial(self._withdraw, connector, grant))
            self.tell(e.CarAwaited(connector, grant.token))

    def _withdraw(self, connector: Connector, grant: Grant) -> None:
        if connector.grant is grant:
            connector.grant = None
            self.profiles.remove(lambda p: p.purpose == TX and p.number == connector.number)
            self.show(connector)
            self.tell(e.TokenAnswered(connector, is_accepted=False))

    def _expire(self, connector: Connector, reservation: Reservation) -> None:
        if connector.reservation is reservation:
            connector.reservation = None
            self.tell(e.ReservationEnded(reservation.id, is_expired=True))
            self.show(connector)

    def _start_if_ready(self, connector: Connector, cause: Cause) -> bool:
        grant, car = connector.grant, connector.car
        if grant is None or car is None or connector.session is not None or connector.fault is not None:
            return False
        now = self.agenda.now()
        reservation, connector.reservation, connector.grant = connector.reservation, None, None
        power_w = max(1.0, min(connector.max_power_w, car.wants_w(is_dc=connector.is_dc)))
        natural_s = car.needs_wh(is_dc=connector.is_dc) / power_w * 3600
        session = Session(
            connector=connector,
            token=grant.token,
            started_at=now,
            meter_start_wh=connector.register_wh,
            lapse=self.pace.lapse(natural_s, self.chance),
            remote_id=grant.remote_id,
            reservation_id=reservation.id if reservation else None,
            measured_at=now,
            sampled_at=now,
        )
        connector.session = session
        connector.flow(limit_w(self, connector, now))
        cause = Cause.REMOTE_START if grant.remote_id is not None else cause
        self.tell(e.SessionStarted(session, connector.reading(now), cause))
        self.show(connector)
        self.limits_changed()
        self.metering.follow(session)
        return True

    def _end(self, session: Session, reason: Reason) -> None:
        connector = session.connector
        self.metering.advance(connector)
        session.is_running = False
        session.power_w = 0.0
        reading = connector.reading(self.agenda.now())
        connector.session = None
        connector.is_spent = True
        self.profiles.remove(lambda p: p.purpose == TX and p.number == connector.number)
        self.tell(e.SessionStopped(session, reading, reason, connector.fault))

    def _after_session(self) -> None:
        """What one session leaves, the others may draw; and a reset may have waited for the last."""
        self.limits_changed()
        if self.reset_when_idle and not self.sessions():
            self.reset(is_hard=False)

    def _power_up(self) -> None:
        self.is_powered = True
        self.settings.apply_pending()
        self.tell(e.SecurityAlarm("StartupOfTheDevice", self.boot_reason, self.agenda.now()))
