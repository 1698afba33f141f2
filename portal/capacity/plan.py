"""From a number of chargers to processes, quotas and dollars. Pure arithmetic on `figures`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from portal.capacity import figures as f

IOT_CORE, OWN, APART = "iot-core", "own", "apart"  # our own beside beat, or in a task of its own
DAY_S = 86_400.0
MONTH_S = f.HOURS * 3600.0


@dataclass(slots=True, frozen=True)
class Load:
    """CALLs of all chargers. ``storm``: all of them dial at once, and boot."""

    chargers: int
    calls_per_s: float
    peak_per_s: float
    calls_per_month: float
    samples_per_day: float = 0.0  # MeterValues among them, of all chargers

    @classmethod
    def of(
        cls,
        chargers: int,
        *,
        heartbeat_s: int = f.HEARTBEAT_INTERVAL_S,
        connectors: int = f.CONNECTORS,
        sample_s: int = f.SAMPLE_INTERVAL_S,
    ) -> Load:
        sessions = connectors * f.SESSIONS_PER_DAY
        samples = sessions * f.MINUTES_PER_SESSION * 60 / sample_s
        per_day = DAY_S / heartbeat_s + samples + sessions * f.CALLS_AROUND_A_SESSION
        per_s = chargers * per_day / DAY_S
        return cls(chargers, per_s, per_s * f.PEAK, per_s * MONTH_S, chargers * samples)


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
    journal_days: int = 90
    meter_value_days: int = 730
    broker: str = IOT_CORE
    is_by_queue: bool = False


SIZES = (
    Size(
        "small", 1_000, (0.25, 1), 1, (0.25, 1), 1, (0, 0), 0, "db.t4g.micro", 40, False, "cache.t4g.micro",
        journal_days=14, meter_value_days=90, broker=OWN,
    ),
    Size(
        "medium", 5_000, (0.25, 1), 2, (0.5, 1), 1, (0, 0), 0, "db.t4g.small", 50, False, "cache.t4g.micro",
        journal_days=14, meter_value_days=90, broker=OWN,
    ),
    Size("standard", 15_000, (0.5, 2), 2, (1, 2), 2, (0.5, 1), 2, "db.t4g.medium", 100, True, "cache.t4g.small"),
    Size(
        "large", 1_000_000, (0.5, 1), 3, (1, 2), 2, (0.5, 1), 2, "db.t4g.large", 200, True, "cache.t4g.small",
        journal_days=30, meter_value_days=180, is_by_queue=True,
    ),
)  # fmt: skip
BROKER_CORES = 0.25  # of the task that it shares with beat


@dataclass(slots=True)
class Plan:
    load: Load
    size: Size
    gateways: int
    workers: int
    mqtt_connections: int
    database_gb: int
    limits: list[Limit]
    costs: dict[str, float] = field(default_factory=dict)  # US dollars a month

    @property
    def total_usd(self) -> float:
        return sum(self.costs.values())

    @property
    def first_limit(self) -> Limit:
        return max(self.limits, key=lambda limit: limit.share)


def plan(chargers: int, *, zones: int = 0, broker: str = "", **habits: int) -> Plan:
    """What that many chargers need; ``habits`` as in `Load.of`, ``broker`` if not that of the parameter set.

    ``zones``: 1, or 2 so that the yard outlives one of them; 0: as the parameter set for so many has it.
    Raises ValueError for a number that is none.
    """
    if wrong := {name: value for name, value in {"chargers": chargers, **habits}.items() if value < 1}:
        raise ValueError(f"{wrong}: each has to be 1 at least.")
    load = Load.of(chargers, **habits)
    sizes = [size for size in SIZES if not zones or size.is_doubled is (zones == 2)]
    size = next((size for size in sizes if chargers <= size.chargers), sizes[-1])
    size = replace(size, database=_database(load, size))
    if broker and broker != size.broker:
        # Our own fills no queue.
        size = replace(size, broker=broker, is_by_queue=size.is_by_queue and broker == IOT_CORE)
    gateways = max(
        size.gateways,
        math.ceil(chargers / f.CHARGERS_PER_GATEWAY),
        _tasks(load.peak_per_s * f.GATEWAY_S_PER_CALL, size.gateway[0]),
    )
    workers = max(size.workers, _tasks(load.peak_per_s * f.WORKER_S_PER_CALL, size.worker[0]))
    connections = gateways + workers
    if size.broker == IOT_CORE:
        # Each connection of a worker carries answers, and without a queue CALLs.
        carried_per_s = f.IOT_CONNECTION_PER_S * f.CONNECTIONS_PER_WORKER * f.SHARE_OF_A_CONNECTION
        workers = max(workers, math.ceil(load.peak_per_s * _carried(size) / carried_per_s))
        # Of gateways 25 chargers each, of workers as many as their answers need.
        connections = math.ceil(chargers / 25) + workers * f.CONNECTIONS_PER_WORKER
    made = Plan(load, size, gateways, workers, connections, _database_gb(load, size), [])
    made.limits = _limits(made)
    made.costs = _costs(made)
    return made


def _carried(size: Size) -> int:
    """Messages of a CALL on the workers' connections to IoT Core."""
    return 1 if size.is_by_queue else 2


def _database_gb(load: Load, size: Size) -> int:
    """What is kept when the yard has run for as long as it keeps things; the disk grows to it by itself."""
    log = load.calls_per_s * DAY_S * f.LOG_BYTES_PER_CALL * (size.journal_days + f.MONTH_MORE)
    values = load.samples_per_day * f.METER_VALUE_BYTES * (size.meter_value_days + f.MONTH_MORE)
    return max(size.database_gb, math.ceil((log + values) / 1e9 + f.BOOKS_GB))


def storm_s(chargers: int, made: Plan | None = None) -> float:
    """How long until all are back after all have left: let in as fast as gateways admit, answered by the workers."""
    made = made or plan(chargers)
    dial_s = chargers / (f.ADMITTED_PER_S * made.gateways)
    answer_s = chargers * f.CALLS_OF_A_BOOT * f.WORKER_S_PER_CALL / (made.workers * made.size.worker[0])
    return max(dial_s, answer_s)


def _database(load: Load, size: Size) -> str:
    """The class of the parameter set, or the smallest larger one that bears it; if none does, the largest."""
    larger = list(f.RDS_H)[list(f.RDS_H).index(size.database) :]
    used = load.peak_per_s * f.DATABASE_S_PER_CALL
    return next((name for name in larger if used <= f.RDS_CORES[name]), larger[-1])


def _tasks(cores: float, vcpus: float) -> int:
    return math.ceil(cores / (vcpus * f.SHARE_OF_A_CORE))


def _limits(made: Plan) -> list[Limit]:
    load, size = made.load, made.size
    memory_kib = f.GATEWAY_KIB + load.chargers / made.gateways * f.GATEWAY_KIB_PER_CHARGER
    limits = [
        Limit(
            "CPU of the gateways",
            load.peak_per_s * f.GATEWAY_S_PER_CALL,
            made.gateways * size.gateway[0] * f.SHARE_OF_A_CORE,
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
            made.workers * size.worker[0] * f.SHARE_OF_A_CORE,
            "more workers: autoscaling does it",
        ),
        Limit(
            f"CPU of the database ({size.database})",
            load.peak_per_s * f.DATABASE_S_PER_CALL,
            f.RDS_CORES[size.database],
            "the next larger class (DatabaseClass); then yards apart, one for each region or customer",
        ),
    ]
    return limits + (_limits_of_iot_core(made) if size.broker == IOT_CORE else [_limit_of_broker(load)])


def _limit_of_broker(load: Load) -> Limit:
    used = load.peak_per_s * f.BROKER_S_PER_CALL
    return Limit("CPU of our broker", used, BROKER_CORES * f.SHARE_OF_A_CORE, "Broker=iot-core")


def _limits_of_iot_core(made: Plan) -> list[Limit]:
    load, carried = made.load, _carried(made.size)
    return [
        Limit(
            "IoT Core, publishes of the account each way",
            load.peak_per_s * 2,
            f.IOT_ACCOUNT_PER_S,
            "have AWS raise it, or split the fleet over accounts; or brokers of your own",
        ),
        Limit(
            "IoT Core, messages on the workers' connections",
            load.peak_per_s * carried,
            made.workers * f.CONNECTIONS_PER_WORKER * f.IOT_CONNECTION_PER_S,
            "MQTT_WORKER_CONNECTIONS" + ("" if carried == 1 else "; or INGEST_QUEUE_URL, then only answers go there"),
        ),
    ]


def _costs(made: Plan) -> dict[str, float]:
    size, load = made.size, made.load
    million_calls = load.calls_per_month / 1e6
    zones = 2 if size.is_doubled else 1
    brokers = 1 if size.broker == APART else 0
    tasks = made.gateways + made.workers + size.portals + 1 + brokers
    fargate = sum(
        count * _fargate(task)
        for count, task in (
            (made.gateways, size.gateway),
            (made.workers, size.worker),
            (size.portals, size.portal),
            (1 + brokers, (0.25, 0.5)),  # beat, and our broker beside it or apart
        )
    )
    return {
        "tasks (Fargate)": fargate,
        "addresses": (tasks + zones) * f.PUBLIC_IPV4_H * f.HOURS,
        "balancer": (f.NLB_H + f.NLCU_H * load.chargers / f.TLS_CONNECTIONS_PER_NLCU) * f.HOURS,
        "database": (f.RDS_H[size.database] * f.HOURS + made.database_gb * f.RDS_GB) * zones,
        "Valkey": f.CACHE_H[size.cache] * f.HOURS * zones,
        "broker": _broker(made),
        "shadows": load.chargers * f.REPORTS_PER_DAY * MONTH_S / DAY_S / 1e6 * f.SHADOWS_PER_MILLION,
        "rules, queue": _rules(made),
        "logs, metrics, secrets": million_calls * f.LOG_GB_PER_MILLION_CALLS * f.CLOUDWATCH_LOG_GB
        + f.METRICS * f.CLOUDWATCH_METRIC
        + f.ALARMS * f.CLOUDWATCH_ALARM
        + f.SECRETS * f.SECRET,
    }


def _broker(made: Plan) -> float:
    """Messages and connections of IoT Core; our own costs its name, and the task it runs in stands among the tasks."""
    if made.size.broker != IOT_CORE:
        return f.BROKER_NAME
    per_call = f.IOT_MESSAGES_PER_CALL_BY_QUEUE if made.size.is_by_queue else f.IOT_MESSAGES_PER_CALL
    pulses = made.workers * MONTH_S / f.PULSE_S * (1 + made.gateways + made.size.portals)
    minutes = made.mqtt_connections * MONTH_S / 60
    return _iot(made.load.calls_per_month / 1e6 * per_call + pulses / 1e6) + minutes / 1e6 * f.IOT_MINUTES_PER_MILLION


def _rules(made: Plan) -> float:
    """The table of heartbeats, and with a queue each CALL once more; nothing with our own broker."""
    if made.size.broker != IOT_CORE:
        return 0.0
    heartbeats = made.load.chargers * MONTH_S / f.HEARTBEAT_INTERVAL_S / 1e6
    queued = made.load.calls_per_month / 1e6 if made.size.is_by_queue else 0.0
    return heartbeats * (2 * f.RULES_PER_MILLION + f.DYNAMODB_PER_MILLION) + queued * (
        2 * f.RULES_PER_MILLION + f.SQS_PER_MILLION * f.SQS_REQUESTS_PER_CALL
    )


def _fargate(task: tuple[float, float]) -> float:
    return (task[0] * f.FARGATE_VCPU_H + task[1] * f.FARGATE_GB_H) * f.HOURS


def _iot(million: float) -> float:
    """Messages a month, by AWS's steps."""
    first, second = f.IOT_STEPS
    steps = (min(million, first), min(max(0.0, million - first), second - first), max(0.0, million - second))
    return sum(count * price for count, price in zip(steps, f.IOT_PER_MILLION, strict=True))
