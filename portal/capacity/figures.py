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

# -- what a CALL costs here: docs/decisions/0032, 800 CALLs/s of the mix on PostgreSQL and Mosquitto -----------------
GATEWAY_S_PER_CALL = 211e-6
WORKER_S_PER_CALL = 583e-6
DATABASE_S_PER_CALL = 376e-6
BROKER_S_PER_CALL = 48e-6
SHARE_OF_A_CORE = 0.6  # what autoscaling aims at
GATEWAY_KIB_PER_CHARGER = 44  # MQTT side included, under traffic
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

# -- prices, US dollars, us-east-1, on demand. Compared in 2026-11 with public pages, of which the date is theirs: AWS's
# own (IoT Core's metering; its price list is not in the text), vantage.sh (Fargate), infratally.com and usage.ai (RDS,
# 2026-06), clustercost.com (balancer, 2025), signoz.io (CloudWatch, 2026-02). **From memory, found nowhere**: what
# stands under that heading below. Look all of them up before you decide.
HOURS = 730
FARGATE_VCPU_H, FARGATE_GB_H = 0.03238, 0.00356  # arm64
SPOT = 0.3
NLB_H, NLCU_H = 0.0225, 0.006
TLS_CONNECTIONS_PER_NLCU = 3000
DYNAMODB_PER_MILLION = 0.625
RDS_GB, RDS_VCPUS = 0.115, {"db.t4g.micro": 2, "db.t4g.medium": 2, "db.m7g.xlarge": 4, "db.m7g.4xlarge": 16}
CLOUDWATCH_METRIC, CLOUDWATCH_ALARM, CLOUDWATCH_LOG_GB = 0.30, 0.10, 0.50
# From memory (of RDS the m7g, of the balancer the NLCU as well):
PUBLIC_IPV4_H = 0.005
IOT_PER_MILLION = (1.00, 0.80, 0.70)  # the first 1,000 million, the next 4,000, beyond
IOT_STEPS = (1_000.0, 5_000.0)  # million
IOT_MINUTES_PER_MILLION = 0.08
RULES_PER_MILLION = 0.15  # triggered, and again for each action
SHADOWS_PER_MILLION = 1.25
SQS_PER_MILLION, SQS_REQUESTS_PER_CALL = 0.40, 1.4  # sent alone, taken and deleted by up to ten
RDS_H = {"db.t4g.micro": 0.016, "db.t4g.medium": 0.065, "db.m7g.xlarge": 0.337, "db.m7g.4xlarge": 1.348}
CACHE_H = {"cache.t4g.micro": 0.0128, "cache.t4g.small": 0.0256, "cache.m7g.large": 0.1264}
BROKER_NAME = 0.60  # a private zone, and what stands in it
METRICS, ALARMS, SECRETS, SECRET = 10, 7, 4, 0.40
LOG_GB_PER_MILLION_CALLS = 0.25  # one line per frame
SAMPLE_500_USD = 175  # what the AWS OCPP gateway sample says for 500 chargers
