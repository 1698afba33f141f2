"""One connector with its meter, the car on it and the session through it. Pure: every verb gets the time."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.simulator.car import Car
from gateway.simulator.events import Fault, Reading, State
from gateway.simulator.profiles import Supply

GRID_V = 230.0
LEAST_CURRENT_A = 6.0
"""IEC 61851: no charging below 6 A per phase."""


@dataclass(slots=True)
class Grant:
    """A token that was accepted and may start a session here until the driver takes too long."""

    token: str
    remote_id: int | None = None


@dataclass(slots=True)
class Reservation:
    id: int
    token: str
    expires_at: float
    group_token: str | None = None


@dataclass(slots=True, eq=False)
class Session:
    """A charge. `wire_id` is how the CSMS knows it: 1.6 gives one, 2.0.1 takes ours (None: not known yet)."""

    connector: Connector
    token: str
    started_at: float
    meter_start_wh: float
    lapse: float
    remote_id: int | None = None
    reservation_id: int | None = None
    wire_id: str | None = None
    is_running: bool = True
    power_w: float = 0.0
    offered_w: float = 0.0
    measured_at: float = 0.0
    sampled_at: float = 0.0
    charging_s: float = 0.0
    stop_token: str | None = None
    _told: int = field(default=0, repr=False)

    def next_number(self) -> int:
        """Counts what was told about this session, from 0."""
        self._told += 1
        return self._told - 1

    @property
    def state(self) -> State:
        if self.power_w > 0:
            return State.CHARGING
        return State.SUSPENDED_EVSE if self.offered_w <= 0 else State.SUSPENDED_EV


@dataclass(slots=True, eq=False)
class Connector:
    """`register_wh` only ever grows; `shown` is the state that was told last."""

    number: int
    max_power_w: float
    is_dc: bool
    register_wh: float = 0.0
    is_operative: bool = True
    fault: Fault | None = None
    car: Car | None = None
    session: Session | None = None
    grant: Grant | None = None
    reservation: Reservation | None = None
    is_spent: bool = False
    """The session is over and the car still on the cable."""
    shown: State = State.AVAILABLE

    @property
    def state(self) -> State:
        if self.fault is not None:
            return State.FAULTED
        if self.session is not None:
            return self.session.state
        if not self.is_operative:
            return State.UNAVAILABLE
        if self.car is not None:
            return State.FINISHING if self.is_spent else State.PREPARING
        if self.grant is not None:
            return State.PREPARING
        return State.AVAILABLE if self.reservation is None else State.RESERVED

    @property
    def supply(self) -> Supply:
        phases = 3 if self.is_dc or self.car is None else self.car.ac_phases
        return Supply(GRID_V, phases)

    def grantable(self, token: str) -> bool:
        """May this token start here: nobody else is at it, nothing is broken, no other driver reserved it."""
        if self.fault is not None or not self.is_operative or self.session is not None or self.is_spent or self.grant:
            return False
        held = self.reservation
        return held is None or token in (held.token, held.group_token)

    def offer_w(self, limit_w: float | None) -> float:
        """What the charger offers under a limit; 0.0 when less than 6 A per phase would be left."""
        offered_w = self.max_power_w if limit_w is None else min(self.max_power_w, limit_w)
        floor_w = LEAST_CURRENT_A * GRID_V * (1 if self.is_dc else self.supply.phases)
        # A limit of exactly 6 A is charging: leave room for the rounding of A to W and back.
        return offered_w if offered_w >= floor_w - 1e-6 else 0.0

    def flow(self, limit_w: float | None) -> None:
        """Set the session's power from the limit in force and what the car wants."""
        session, car = self.session, self.car
        if session is None:
            return
        session.offered_w = self.offer_w(limit_w)
        session.power_w = 0.0 if car is None else min(session.offered_w, car.wants_w(is_dc=self.is_dc))

    def measure(self, at: float) -> float:
        """Advance the register to `at` with the power that flowed since; returns the energy added in Wh."""
        session, car = self.session, self.car
        if session is None:
            return 0.0
        elapsed_s = max(0.0, at - session.measured_at)
        session.measured_at = at
        if car is None or session.power_w <= 0 or elapsed_s == 0.0:
            return 0.0
        flowed_wh = session.power_w * elapsed_s * session.lapse / 3600
        energy_wh = min(flowed_wh, car.needs_wh(is_dc=self.is_dc))
        car.take(energy_wh, is_dc=self.is_dc)
        session.charging_s += elapsed_s
        self.register_wh += energy_wh
        return energy_wh

    def reading(self, at: float) -> Reading:
        session, car = self.session, self.car
        power_w = session.power_w if session else 0.0
        if self.is_dc:
            voltage_v = 380.0 + 60.0 * car.soc if car else 0.0
            currents_a: tuple[float, ...] = (power_w / voltage_v if voltage_v else 0.0,)
        else:
            # The grid sags a little under load, as a real cable does.
            voltage_v = GRID_V - 3.0 * power_w / self.max_power_w
            phases = self.supply.phases
            currents_a = (power_w / voltage_v / phases,) * phases
        return Reading(
            at=at,
            energy_wh=self.register_wh,
            power_w=power_w,
            offered_w=session.offered_w if session else 0.0,
            currents_a=currents_a,
            voltage_v=voltage_v,
            soc_percent=round(car.soc * 100, 1) if self.is_dc and car else None,
        )
