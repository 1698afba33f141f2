"""What a simulated charger tells: plain facts, heard by a dialect (which puts them on the wire) and by the street.

Times are epoch seconds of the charger's clock. An event is a snapshot: it stays true while it waits in a queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.simulator.connector import Connector, Session


class State(Enum):
    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EVSE = "SuspendedEVSE"
    SUSPENDED_EV = "SuspendedEV"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


CHARGING_STATES = frozenset({State.CHARGING, State.SUSPENDED_EV, State.SUSPENDED_EVSE})


class Reason(Enum):
    """Why a session ended."""

    LOCAL = auto()
    UNPLUGGED = auto()
    FULL = auto()
    REMOTE = auto()
    DEAUTHORIZED = auto()
    UNLOCKED = auto()
    SOFT_RESET = auto()
    HARD_RESET = auto()
    REBOOT = auto()
    FAULT = auto()


class Cause(Enum):
    """What made a session tell about itself."""

    PLUGGED = auto()
    AUTHORIZED = auto()
    REMOTE_START = auto()
    INTERVAL = auto()
    CLOCK = auto()
    STATE_CHANGED = auto()
    LIMIT_CHANGED = auto()
    TRIGGERED = auto()


class Topic(Enum):
    """What a CSMS can ask a charger to tell again."""

    BOOT = auto()
    HEARTBEAT = auto()
    STATUS = auto()
    METER = auto()
    SESSION = auto()
    FIRMWARE = auto()
    DIAGNOSTICS = auto()
    LOG = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """`code` is 1.6's ChargePointErrorCode, `vendor_code` what the display shows."""

    code: str
    vendor_code: str
    info: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a connector's meter. `energy_wh` is the register; currents are per phase (one entry on DC)."""

    at: float
    energy_wh: float
    power_w: float
    offered_w: float
    currents_a: tuple[float, ...]
    voltage_v: float
    soc_percent: float | None


@dataclass(frozen=True, slots=True)
class StatusChanged:
    number: int
    state: State
    fault: Fault | None
    at: float


@dataclass(frozen=True, slots=True)
class TokenShown:
    connector: Connector
    token: str
    at: float
    remote_id: int | None = None
    """The remote start that asks for this token to be authorized first."""


@dataclass(frozen=True, slots=True)
class TokenAnswered:
    connector: Connector
    is_accepted: bool


@dataclass(frozen=True, slots=True)
class CarAwaited:
    """A remote start was accepted, or a token shown first: now somebody has to plug in."""

    connector: Connector
    token: str


@dataclass(frozen=True, slots=True)
class SessionStarted:
    session: Session
    reading: Reading
    cause: Cause


@dataclass(frozen=True, slots=True)
class SessionUpdated:
    session: Session
    reading: Reading
    state: State
    cause: Cause


@dataclass(frozen=True, slots=True)
class SessionStopped:
    session: Session
    reading: Reading
    reason: Reason
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class MeterRead:
    """A connector's meter outside a session, because the CSMS asked or the clock struck."""

    number: int
    reading: Reading
    cause: Cause


@dataclass(frozen=True, slots=True)
class ReservationEnded:
    reservation_id: int
    is_expired: bool


@dataclass(frozen=True, slots=True)
class SecurityAlarm:
    kind: str
    info: str
    at: float


class JobStep(Enum):
    """Where a firmware update or an upload stands."""

    IDLE = auto()
    DOWNLOADING = auto()
    DOWNLOADED = auto()
    DOWNLOAD_FAILED = auto()
    SIGNATURE_VERIFIED = auto()
    INSTALLING = auto()
    INSTALL_REBOOTING = auto()
    INSTALLED = auto()
    INSTALLATION_FAILED = auto()
    UPLOADING = auto()
    UPLOADED = auto()
    UPLOAD_FAILED = auto()


class JobKind(Enum):
    FIRMWARE = auto()
    SIGNED_FIRMWARE = auto()
    DIAGNOSTICS = auto()
    LOG = auto()


@dataclass(frozen=True, slots=True)
class JobTold:
    kind: JobKind
    step: JobStep
    request_id: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """The CSMS triggered a message; `number` 0 is the whole charger."""

    topic: Topic
    number: int = 0


@dataclass(frozen=True, slots=True)
class PoweredDown:
    """The charger goes off and comes back after `off_s`; its socket dies with it."""

    off_s: float


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The network is away for a while; the charger is not."""

    off_s: float


Event = (
    StatusChanged
    | TokenShown
    | TokenAnswered
    | CarAwaited
    | SessionStarted
    | SessionUpdated
    | SessionStopped
    | MeterRead
    | ReservationEnded
    | SecurityAlarm
    | JobTold
    | Asked
    | PoweredDown
    | LinkLost
)
