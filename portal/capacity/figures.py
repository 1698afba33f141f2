"""Every number that the plan is computed from, and where it comes from. Change it here when it is measured anew."""

from __future__ import annotations

# -- what a charger says ---------------------------------------------------------------------------------------------
# Counted in the simulator: a wallbox with two connectors over two days (`gateway/simulator/street.py`), per connector.
SESSIONS_PER_DAY = 1.75
MINUTES_PER_SESSION = 178.0
CALLS_AROUND_A_SESSION = 7.2  # Authorize, StartTransaction, StopTransaction, 4.2 StatusNotification
# What the tables reckon with; `capacity` takes others.
CONNECTORS = 1
SAMPLE_INTERVAL_S = 300  # of meter values
HEARTBEAT_INTERVAL_S = 1800  # of the parameter sets; pings tell sooner who is gone
PEAK = 4.0  # the busiest minute against the average: evenings, and chargers that come back
CALLS_OF_A_BOOT = 4.0  # boot, three states
REPORTS_PER_DAY = 4.0  # of a charger to its shadow: it leaves and comes twice a day

# -- what a CALL costs here: ten minutes of the mix, 800 CALLs/s of 5,000 chargers, all of it on two cores with
# PostgreSQL and Mosquitto, 1.25 ms in all (docs/decisions/0032 tells how these came about) --------------------------
GATEWAY_S_PER_CALL = 250e-6
WORKER_S_PER_CALL = 541e-6
DATABASE_S_PER_CALL = 382e-6
BROKER_S_PER_CALL = 51e-6
SHARE_OF_A_CORE = 0.6  # what autoscaling aims at
GATEWAY_KIB_PER_CHARGER = 44  # MQTT side included, under traffic; an idle one has 26 (docs/decisions/0013)
GATEWAY_KIB = 120 * 1024  # an empty one
CHARGERS_PER_GATEWAY = 8000  # 10,000 were held; the rest is for when one dies
ADMITTED_PER_S = 500  # ADMISSION_PER_S of one gateway

# -- what stays: docs/decisions/0014, indexes included, on PostgreSQL ------------------------------------------------
LOG_BYTES_PER_CALL = 760
METER_VALUE_BYTES = 600  # of two measurands
MONTH_MORE = 31  # days: a month is forgotten when all of it is old
BOOKS_GB = 3.0  # everything else, and room to work

# -- AWS IoT Core: gateway/bus/mqtt.py -------------------------------------------------------------------------------
# In: published, delivered, and the worker's PUBACK, which is metered as well; out: published and delivered.
IOT_MESSAGES_PER_CALL = 5
IOT_MESSAGES_PER_CALL_BY_QUEUE = 3
PULSE_S = 1.0  # each worker says that it lives, to each gateway and portal
IOT_ACCOUNT_PER_S = 20_000  # publishes in, and as many out; can be raised
IOT_CONNECTION_PER_S = 80
CONNECTIONS_PER_WORKER = 10  # MQTT_WORKER_CONNECTIONS
SHARE_OF_A_CONNECTION = 0.7  # shared subscriptions spread by chance

# -- prices, US dollars, us-east-1, on demand. AWS's own lists are no text; each price says with what it was compared in
# 2026-11 and of when that page is. Look all of them up before you decide.
HOURS = 730
FARGATE_VCPU_H, FARGATE_GB_H = 0.03238, 0.00356  # arm64; vantage.sh, undated
PUBLIC_IPV4_H = 0.005  # since 2024-02, scalefactory.com (2023-08) and haufe-akademie.de (2024)
NLB_H = 0.0225  # clustercost.com, 2025
TLS_CONNECTIONS_PER_NLCU = 3000  # AWS
DYNAMODB_PER_MILLION = 0.625
RDS_GB = 0.115  # usage.ai, 2026-06
# The t4g: infratally.com, 2026. The m7g: from memory. In the order of their size.
RDS_H = {
    "db.t4g.micro": 0.016, "db.t4g.small": 0.032, "db.t4g.medium": 0.065, "db.t4g.large": 0.129, "db.m7g.xlarge": 0.337,
    "db.m7g.4xlarge": 1.348,
}  # fmt: skip
# What one may load on all day: of a t4g its baseline, of others `SHARE_OF_A_CORE`.
RDS_CORES = {
    "db.t4g.micro": 0.2, "db.t4g.small": 0.4, "db.t4g.medium": 0.4, "db.t4g.large": 0.6, "db.m7g.xlarge": 2.4,
    "db.m7g.4xlarge": 9.6,
}  # fmt: skip
CLOUDWATCH_METRIC, CLOUDWATCH_LOG_GB = 0.30, 0.50  # signoz.io, 2026-02
# **From memory, compared with nothing** (so is the db.t4g.large, and whether AWS still counts so):
NLCU_H = 0.006
IOT_PER_MILLION = (1.00, 0.80, 0.70)  # the first 1,000 million, the next 4,000, beyond; what is metered: AWS
IOT_STEPS = (1_000.0, 5_000.0)  # million
IOT_MINUTES_PER_MILLION = 0.08
RULES_PER_MILLION = 0.15  # triggered, and again for each action
SHADOWS_PER_MILLION = 1.25
SQS_PER_MILLION, SQS_REQUESTS_PER_CALL = 0.40, 1.4  # sent alone, taken and deleted by up to ten
CACHE_H = {"cache.t4g.micro": 0.0128, "cache.t4g.small": 0.0256}
CLOUDWATCH_ALARM = 0.10
SECRET = 0.40
BROKER_NAME = 0.60  # a private zone, and what stands in it
# Counted in the templates:
METRICS, ALARMS, SECRETS = 12, 7, 4
LOG_GB_PER_MILLION_CALLS = 0.25  # one line per frame
SAMPLE_500_USD = 175  # what the AWS OCPP gateway sample says for 500 chargers
