"""From a number of chargers to processes, quotas and dollars. Pure arithmetic on `figures`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from portal.capacity import figures as f

DAY_S = 86_400.0
MONTH_S = f.HOURS * 3600.0


@dataclass(slots=True, frozen=True)
class Load:
    """CALLs of all chargers. ``storm``: all of them dial at once, and boot."""

    chargers: int
    calls_per_s: float
    peak_per_s: float
    calls_per_month: float

    @classmethod
    def of(
        cls,
        chargers: int,
        *,
        heartbeat_s: int = f.HEARTBEAT_INTERVAL_S,
        connectors: int = f.CONNECTORS,
        sample_s: int = f.SAMPLE_INTERVAL_S,
    ) -> Load:
        session = f.MINUTES_PER_SESSION * 60 / sample_s + f.CALLS_AROUND_A_SESSION
        per_day = DAY_S / heartbeat_s + connectors * f.SESSIONS_PER_DAY * session
        per_s = chargers * per_day / DAY_S
        return cls(chargers, per_s, per_s * f.PEAK, per_s * MONTH_S)


@dataclass(slots=True, frozen=True)
class Limit:
    """Something that ends: how much of it is used at the peak, and what one does then."""

    name: str
    used: float
    most: float
    way_out: str

    @property
    def share(self) -> float:
        return self.used / self.most


@dataclass(slots=True, frozen=True)
class Size:
    """One of the parameter sets of deploy/aws. vCPU and GB of a task; ``chargers``: up to."""

    name: str
    chargers: int
    gateway: tuple[float, float]
    gateways: int  # at least
    worker: tuple[float, float]
    workers: int
    portal: tuple[float, float]
    portals: int
    database: str
    database_gb: int
    is_doubled: bool  # database and cache in two zones
    cache: str
    beat_is_spot: bool = False


SIZES = (
    Size("small", 1_000, (0.25, 1), 1, (0.25, 1), 1, (0, 0), 0, "db.t4g.micro", 20, False, "cache.t4g.micro", True),
    Size("standard", 15_000, (0.5, 2), 2, (1, 2), 2, (0.5, 1), 2, "db.t4g.medium", 100, True, "cache.t4g.small"),
    Size("large", 1_000_000, (2, 4), 7, (2, 4), 4, (1, 2), 3, "db.m7g.xlarge", 1000, True, "cache.m7g.large"),
)


@dataclass(slots=True)
class Plan:
    load: Load
    size: Size
    gateways: int
    workers: int
    mqtt_connections: int
    limits: list[Limit]
    costs: dict[str, float] = field(default_factory=dict)  # US dollars a month

    @property
    def total_usd(self) -> float:
        return sum(self.costs.values())

    @property
    def first_limit(self) -> Limit:
        return max(self.limits, key=lambda limit: limit.share)


def plan(chargers: int, **habits: int) -> Plan:
    """What that many chargers need; ``habits`` as in `Load.of`. Raises ValueError for a number that is none."""
    if wrong := {name: value for name, value in {"chargers": chargers, **habits}.items() if value < 1}:
        raise ValueError(f"{wrong}: each has to be 1 at least.")
    load = Load.of(chargers, **habits)
    size = next((size for size in SIZES if chargers <= size.chargers), SIZES[-1])
    gateways = max(
        size.gateways,
        math.ceil(chargers / f.CHARGERS_PER_GATEWAY),
        _tasks(load.peak_per_s * f.GATEWAY_S_PER_CALL, size.gateway[0]),
    )
    workers = max(
        size.workers,
        _tasks(load.peak_per_s * f.WORKER_S_PER_CALL, size.worker[0]),
        # Each connection of a worker carries a CALL and its answer.
        math.ceil(load.peak_per_s * 2 / (f.IOT_CONNECTION_PER_S * f.CONNECTIONS_PER_WORKER * f.SHARE_OF_A_CONNECTION)),
    )
    # Of gateways 25 chargers each, of workers as many as their answers need.
    connections = math.ceil(chargers / 25) + workers * f.CONNECTIONS_PER_WORKER
    made = Plan(load, size, gateways, workers, connections, _limits(load, size, gateways, workers))
    made.costs = _costs(made)
    return made


def storm_s(chargers: int, made: Plan | None = None) -> float:
    """How long until all are back after all have left: let in as fast as gateways admit, answered by the workers."""
    made = made or plan(chargers)
    dial_s = chargers / (f.ADMITTED_PER_S * made.gateways)
    answer_s = chargers * f.CALLS_OF_A_BOOT * f.WORKER_S_PER_CALL / (made.workers * made.size.worker[0])
    return max(dial_s, answer_s)


def _tasks(cores: float, vcpus: float) -> int:
    return math.ceil(cores / (vcpus * f.SHARE_OF_A_CORE))


def _limits(load: Load, size: Size, gateways: int, workers: int) -> list[Limit]:
    database_cores = load.peak_per_s * f.DATABASE_S_PER_CALL
    memory_kib = f.GATEWAY_KIB + load.chargers / gateways * f.GATEWAY_KIB_PER_CHARGER
    return [
        Limit(
            "CPU of the gateways",
            load.peak_per_s * f.GATEWAY_S_PER_CALL,
            gateways * size.gateway[0] * f.SHARE_OF_A_CORE,
            "more gateways: autoscaling does it",
        ),
        Limit(
            "memory of a gateway",
            memory_kib,
            size.gateway[1] * 1024 * 1024 * 0.8,
            "more gateways, or more memory for each",
        ),
        Limit(
            "CPU of the workers",
            load.peak_per_s * f.WORKER_S_PER_CALL,
            workers * size.worker[0] * f.SHARE_OF_A_CORE,
            "more workers: autoscaling does it",
        ),
        Limit(
            f"CPU of the database ({size.database})",
            database_cores,
            f.RDS_VCPUS[size.database] * f.SHARE_OF_A_CORE,
            "the next larger class; then yards apart, one for each region or customer",
        ),
        Limit(
            "IoT Core, publishes of the account each way",
            load.peak_per_s * f.IOT_MESSAGES_PER_CALL / 2,
            f.IOT_ACCOUNT_PER_S,
            "have AWS raise it, or split the fleet over accounts; or brokers of your own",
        ),
        Limit(
            "IoT Core, messages on the workers' connections",
            load.peak_per_s * 2,
            workers * f.CONNECTIONS_PER_WORKER * f.IOT_CONNECTION_PER_S,
            "MQTT_WORKER_CONNECTIONS; or INGEST_QUEUE_URL, then only answers go through them",
        ),
    ]


def _costs(made: Plan) -> dict[str, float]:
    size, load = made.size, made.load
    million_calls = load.calls_per_month / 1e6
    zones = 2 if size.is_doubled else 1
    tasks = made.gateways + made.workers + size.portals + 1
    fargate = sum(
        count * _fargate(task)
        for count, task in ((made.gateways, size.gateway), (made.workers, size.worker), (size.portals, size.portal))
    ) + _fargate((0.25, 0.5)) * (f.SPOT if size.beat_is_spot else 1)
    database_h = f.RDS_H[size.database]
    heartbeats = load.chargers * MONTH_S / f.HEARTBEAT_INTERVAL_S / 1e6
    return {
        "tasks (Fargate)": fargate,
        "addresses": (tasks + zones) * f.PUBLIC_IPV4_H * f.HOURS,
        "balancer": (f.NLB_H + f.NLCU_H * load.chargers / f.TLS_CONNECTIONS_PER_NLCU) * f.HOURS,
        "database": (database_h * f.HOURS + size.database_gb * f.RDS_GB) * zones,
        "Valkey": f.CACHE_H[size.cache] * f.HOURS * zones,
        "IoT Core": _iot(million_calls * f.IOT_MESSAGES_PER_CALL)
        + made.mqtt_connections * MONTH_S / 60 / 1e6 * f.IOT_MINUTES_PER_MILLION,
        "rules, heartbeat table": heartbeats * (2 * f.RULES_PER_MILLION + f.DYNAMODB_PER_MILLION),
        "logs, metrics, secrets": million_calls * f.LOG_GB_PER_MILLION_CALLS * f.CLOUDWATCH_LOG_GB
        + f.METRICS * f.CLOUDWATCH_METRIC
        + f.ALARMS * f.CLOUDWATCH_ALARM
        + f.SECRETS * f.SECRET,
    }


def _fargate(task: tuple[float, float]) -> float:
    return (task[0] * f.FARGATE_VCPU_H + task[1] * f.FARGATE_GB_H) * f.HOURS


def _iot(million: float) -> float:
    """Messages a month, by AWS's steps."""
    first, second = f.IOT_STEPS
    steps = (min(million, first), min(max(0.0, million - first), second - first), max(0.0, million - second))
    return sum(count * price for count, price in zip(steps, f.IOT_PER_MILLION, strict=True))
