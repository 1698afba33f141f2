"""Every setting of Chargeyard, read from the environment (12-factor).

Each secret may also come as ``NAME_FILE``, or as ``NAME_ARN`` from AWS Secrets Manager. A wrong value stops the start
with a sentence that names it; `.env.example` lists all names with their defaults. `python3 manage.py up` fills in the
embedded parts. How Django is put together, which nobody sets, stands in `portal.wiring`.
"""

from __future__ import annotations

import os
from pathlib import Path

from environs import Env, EnvError, validate

from portal.environment import (
    announce_missing_file,
    announce_wrong,
    announce_wrong_networks,
    is_iot_core,
    keep_certificates,
    keep_secret,
    secret,
    tile_source,
    with_secret_files,
)
from portal.wiring import *  # noqa: F403
from portal.wiring import BASE_DIR

with_secret_files(
    os.environ,
    *("DATABASE_URL", "DATABASE_PASSWORD", "REDIS_URL", "MQTT_URL", "MQTT_CLIENT_PEM", "SECRET_KEY", "CHARGER_CA_PEM"),
    *("CREDENTIAL_PEPPER", "EMAIL_URL", "TLS_CERTIFICATE_PEM"),
)
env = Env(eager=False)

# -- where things are ------------------------------------------------------------------------------------------------
CHARGEYARD_HOME = Path(env.str("CHARGEYARD_HOME", str(BASE_DIR / "var"))).expanduser().absolute()
# While `up` runs, it says there where its embedded parts are, so that commands in another shell find them.
env.read_env(str(CHARGEYARD_HOME / "embedded.env"), recurse=False)
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "") or secret(CHARGEYARD_HOME / "secret-key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["*"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
# How staff and chargers reach us from outside, e.g. https://csms.example; empty: as the browser came.
PUBLIC_URL = env.str("PUBLIC_URL", "").rstrip("/")
if PUBLIC_URL.startswith("https://"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = [*CSRF_TRUSTED_ORIGINS, PUBLIC_URL]

DATABASES = {
    "default": env.dj_db_url("DATABASE_URL", f"sqlite:///{CHARGEYARD_HOME / 'chargeyard.sqlite3'}", conn_max_age=None)
}
if _password := env.str("DATABASE_PASSWORD", ""):  # beside the URL, where something else makes and changes it
    DATABASES["default"]["PASSWORD"] = _password
if DATABASES["default"].get("ENGINE") == "django.db.backends.sqlite3":
    # IMMEDIATE: a writer waits for the lock instead of failing half-way. FULL: what chargers were told is on disk.
    # No automatic checkpoint: before 3.51.3 one that races a commit can corrupt the file; the supervisor does it alone.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;",
    }
else:
    # PostgreSQL plans the statements of the reply path once per connection. Off behind a pooler that cannot follow
    # prepared statements from one server connection to the next (PgBouncer before 1.21, in transaction mode).
    DATABASES["default"]["OPTIONS"] = {
        # A host that is gone without a word is noticed within 15 s, not within the kernel's two hours.
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": 12_000,  # ms
        **DATABASES["default"].get("OPTIONS", {}),
        "prepare_threshold": 0 if env.bool("DATABASE_PREPARE", True) else None,
    }
# What serves chargers and people gives up a database connection that has been silent that long; 0: never.
DATABASE_PATIENCE_S = env.float("DATABASE_PATIENCE_S", 10.0)

REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
MQTT_URL = env.str("MQTT_URL", "mqtt://127.0.0.1:1883")
# Put before every topic, e.g. "ocpp/"; empty is the contract of the AWS OCPP gateway sample.
MQTT_PREFIX = env.str("MQTT_PREFIX", "")
# Whether the broker knows $share (Mosquitto, EMQX, IoT Core: yes; NATS: no, then run one worker process only).
MQTT_SHARED_SUBSCRIPTIONS = env.bool("MQTT_SHARED_SUBSCRIPTIONS", True)
# What we show the broker over mqtts://, certificate and private key in PEM; empty: a password in MQTT_URL, or nothing.
MQTT_CLIENT_PEM = env.str("MQTT_CLIENT_PEM", "")
# Whom we trust to sign the broker's certificate; empty: the authorities that this machine trusts, Amazon's among them.
MQTT_CA_FILE = env.str("MQTT_CA_FILE", "")
# Limits of the broker, see gateway/bus/mqtt.py. On AWS IoT Core they have its defaults without being set.
MQTT_IS_IOT_CORE = is_iot_core(MQTT_URL)
MQTT_CHARGERS_PER_CONNECTION = env.int("MQTT_CHARGERS_PER_CONNECTION", 25 if MQTT_IS_IOT_CORE else 2000)
# Of one connection, and of one gateway; 0: no limit.
MQTT_PUBLISHES_PER_S = env.float("MQTT_PUBLISHES_PER_S", 80 if MQTT_IS_IOT_CORE else 0)
MQTT_CONNECTS_PER_S = env.float("MQTT_CONNECTS_PER_S", 50 if MQTT_IS_IOT_CORE else 0)
# Connections of one worker. One is enough unless the broker limits what goes through it.
MQTT_WORKER_CONNECTIONS = env.int(
    "MQTT_WORKER_CONNECTIONS", 10 if MQTT_IS_IOT_CORE else 1, validate=validate.Range(min=1)
)
# Whether the broker keeps a worker's place while it is away. Off where none comes back under its name (ECS): a
# Mosquitto would hold the share of the frames for it that it had.
MQTT_WORKER_SESSIONS = env.bool("MQTT_WORKER_SESSIONS", True)
# What the broker takes in one message (AWS IoT Core: 128 KB); larger frames go by the database.
MQTT_PAYLOAD_LIMIT_BYTES = env.int("MQTT_PAYLOAD_LIMIT_BYTES", 128 * 1024)

# -- TLS at our own door ---------------------------------------------------------------------------------------------
TLS_PORT: int | None = env.int("TLS_PORT", None)  # beside the plain one; none: no TLS
# PEM files, certificate first, then its chain: one, or one of RSA and one of ECDSA. Empty: those that
# `create_tls_certificate` made. The keys in the same order; empty: in the certificate's file.
TLS_CERTIFICATE: list[str] = env.list("TLS_CERTIFICATE", []) or [
    str(made) for name in ("tls-ecdsa.pem", "tls-rsa.pem") if (made := CHARGEYARD_HOME / name).exists()
]
# The same as text, each followed by its chain and its key, for containers that keep no files.
if _pem := env.str("TLS_CERTIFICATE_PEM", ""):
    TLS_CERTIFICATE = keep_certificates(CHARGEYARD_HOME / "tls-given", _pem)
TLS_KEY: list[str] = env.list("TLS_KEY", [])
# PEM files of authorities whose client certificates are believed beside our own, and of their revocation lists.
TLS_CLIENT_CA: list[str] = env.list("TLS_CLIENT_CA", [])

# -- chargers --------------------------------------------------------------------------------------------------------
UNKNOWN_CHARGERS = env.str("UNKNOWN_CHARGERS", "refuse")  # refuse | close_1008 | quarantine | accept
PING_INTERVAL_S = env.int("PING_INTERVAL_S", 20)
PING_TIMEOUT_S = env.int("PING_TIMEOUT_S", 20)
FRAME_LIMIT_BYTES = env.int("FRAME_LIMIT_BYTES", 2 * 1024 * 1024)
# Send chargers away while no worker can store what they say. Off where another backend stands behind the broker.
FAIL_OFFLINE = env.bool("FAIL_OFFLINE", True)
# Chargers a gateway process lets in per second, those with an open session first; 0: no limit.
ADMISSION_PER_S = env.int("ADMISSION_PER_S", 1000)
HEARTBEAT_INTERVAL_S = env.int("HEARTBEAT_INTERVAL_S", 300)
# Whom `serve` serves: all | gateway (chargers) | portal (people and integrators).
ROLE = env.str("ROLE", "all")
# permessage-deflate where a charger offers it: less traffic on a mobile link for 20 KiB and twice the CPU per charger.
WEBSOCKET_COMPRESSION = env.bool("WEBSOCKET_COMPRESSION", False)
# How many proxies of ours stand before the gateway: the charger's address is then the last but n-1 in X-Forwarded-For.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
# Addresses (or networks) of those proxies; empty: whoever connects is believed what it says about itself.
PROXY_ADDRESSES: list[str] = env.list("PROXY_ADDRESSES", [])
# The header in which they hand over a charger's certificate; it counts only with PROXY_ADDRESSES.
PROXY_CERTIFICATE_HEADER = env.str("PROXY_CERTIFICATE_HEADER", "")
# All that reaches the gateway has come by TLS, to a balancer that does not say so (an AWS NLB).
BEHIND_TLS = env.bool("BEHIND_TLS", False)
COMMAND_TIMEOUT_S = env.int("COMMAND_TIMEOUT_S", 30)
COMMAND_TTL_S = env.int("COMMAND_TTL_S", 24 * 3600)
# Key and certificate (one PEM file) of the authority that signs chargers' keys; made if it is not there.
CHARGER_CA_FILE = Path(env.str("CHARGER_CA_FILE", str(CHARGEYARD_HOME / "charger-ca.pem")))
# The same as text, for containers that keep no files.
if _pem := env.str("CHARGER_CA_PEM", ""):
    keep_secret(CHARGER_CA_FILE, _pem)
# The organization that chargers' certificates must name, and that ours do; empty: any.
CPO_NAME = env.str("CPO_NAME", "")
# Ask a charger to renew its certificate so many days before its end; 0: never.
RENEW_CERTIFICATE_DAYS = env.int("RENEW_CERTIFICATE_DAYS", 30)
# A certificate that is over for no more days than this still lets its charger in, which may do nothing but renew it.
EXPIRED_CERTIFICATE_DAYS = env.int("EXPIRED_CERTIFICATE_DAYS", 0)
# What is mixed into the hashes of chargers' passwords, the present one first; empty: SECRET_KEY.
CREDENTIAL_PEPPER: list[str] = env.list("CREDENTIAL_PEPPER", [])
# Dotted path of a class that answers for plug and charge (`gateway.iso15118.Provider`); empty: chargers are refused.
ISO15118_PROVIDER = env.str("ISO15118_PROVIDER", "")
# Hosts whose OCSP responders are asked for chargers: names, *.example.com, or * for any public one; none: nobody is.
OCSP_HOSTS: list[str] = env.list("OCSP_HOSTS", [])
# Certificates (PEM) of those who issue cars' and contracts' certificates: by them responders' signatures are checked.
OCSP_ISSUERS = env.str("OCSP_ISSUERS", "")
# How long the log of OCPP frames is kept (heartbeats: 7 days). Two days at least: by it repeated requests are known.
JOURNAL_DAYS = env.int("JOURNAL_DAYS", 90, validate=validate.Range(min=2))
# How long histories are kept; 0: for ever. Sessions, their events and hours are accounts and always stay.
METER_VALUE_DAYS = env.int("METER_VALUE_DAYS", 730, validate=validate.Range(min=0))
PRESENCE_DAYS = env.int("PRESENCE_DAYS", 400, validate=validate.Range(min=0))
STATUS_DAYS = env.int("STATUS_DAYS", 400, validate=validate.Range(min=0))
CONNECTION_DAYS = env.int("CONNECTION_DAYS", 400, validate=validate.Range(min=0))
BOOT_DAYS = env.int("BOOT_DAYS", 730, validate=validate.Range(min=0))
NOTICE_DAYS = env.int("NOTICE_DAYS", 730, validate=validate.Range(min=0))
SECURITY_EVENT_DAYS = env.int("SECURITY_EVENT_DAYS", 730, validate=validate.Range(min=0))
ISSUE_DAYS = env.int("ISSUE_DAYS", 730, validate=validate.Range(min=0))  # from when they were closed
# From when they were over: commands and jobs, rollouts of settings, firmware campaigns.
ORDER_DAYS = env.int("ORDER_DAYS", 730, validate=validate.Range(min=0))
DEAD_LETTER_DAYS = env.int("DEAD_LETTER_DAYS", 400, validate=validate.Range(min=0))
# How long logs that chargers left with us are kept.
LOG_FILE_DAYS = env.int("LOG_FILE_DAYS", 90, validate=validate.Range(min=0))
# Read a charger's configuration after the first accepted boot of a firmware; that holds up the first order meanwhile.
READ_SETTINGS_AFTER_BOOT = env.bool("READ_SETTINGS_AFTER_BOOT", False)
# Read from a charger what templates want of it, and nothing else: after a boot, and each night at its site (2 to 5).
CHECK_SETTINGS_AFTER_BOOT = env.bool("CHECK_SETTINGS_AFTER_BOOT", True)
CHECK_SETTINGS_NIGHTLY = env.bool("CHECK_SETTINGS_NIGHTLY", True)
# So long one charger of a model and firmware keeps a setting that is new to them, before the others get it; 0: at once.
CONFIGURATION_TRIAL_S = env.int("CONFIGURATION_TRIAL_S", 120, validate=validate.Range(min=0))
# Refuse a card that already charges on another connector (ConcurrentTx). Off: a fleet's card may charge several cars.
ONE_SESSION_PER_TOKEN = env.bool("ONE_SESSION_PER_TOKEN", False)
# A station that shows drivers what they owe (2.x) is told when it has heard nothing of that for so long; 0: never.
COST_UPDATES_S = env.int("COST_UPDATES_S", 60, validate=validate.Range(min=0))

# -- news of issues --------------------------------------------------------------------------------------------------
# The mail server, e.g. submission://user:password@mail.example:587; empty: no mail is sent.
EMAIL_URL = env.str("EMAIL_URL", "")
if EMAIL_URL:
    vars().update(env.dj_email_url("EMAIL_URL"))
MAIL_FROM = DEFAULT_FROM_EMAIL = env.str("MAIL_FROM", "chargeyard@localhost")
# Hosts that webhooks may call: names, *.example.com, or * for any public one. One named in full may be private.
WEBHOOK_HOSTS: list[str] = env.list("WEBHOOK_HOSTS", ["*"])

# -- the map ---------------------------------------------------------------------------------------------------------
# A tile service, e.g. https://tile.example/{z}/{x}/{y}.png; people's browsers fetch from there. Empty: only degrees.
MAP_TILES_URL = env.str("MAP_TILES_URL", "")
MAP_ATTRIBUTION = env.str("MAP_ATTRIBUTION", "")  # what that service wants to be named as; may hold HTML
_tiles = tile_source(MAP_TILES_URL)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", *_tiles],
        "connect-src": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
    }
}

# -- files -----------------------------------------------------------------------------------------------------------
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(CHARGEYARD_HOME / "staticfiles")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Firmware, diagnostics, exports: an S3 bucket, or without one a folder.
FILES_BUCKET = env.str("FILES_BUCKET", "")
MEDIA_ROOT = CHARGEYARD_HOME / "files"
UPLOAD_LIMIT_BYTES = env.int("UPLOAD_LIMIT_BYTES", 100 * 1024 * 1024)
# How long a charger may fetch a firmware by the link it was given; one on a slow line resumes.
FIRMWARE_LINK_S = env.int("FIRMWARE_LINK_S", 6 * 3600, validate=validate.Range(min=60, max=7 * 24 * 3600))

# -- live pages and tasks: Redis -------------------------------------------------------------------------------------
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # redis-py 8 cuts an idle socket after 5 s unless told not to.
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}], "prefix": "chargeyard"},
    }
}
CELERY_BROKER_URL = REDIS_URL

# -- figures ---------------------------------------------------------------------------------------------------------
# Write each process's figures into its log once a minute, as CloudWatch reads them; empty: do not.
CLOUDWATCH_NAMESPACE = env.str("CLOUDWATCH_NAMESPACE", "")
# Where the worker serves its figures to Prometheus, e.g. 127.0.0.1:9464; empty: nowhere. `serve` has /metrics.
WORKER_METRICS = env.str("WORKER_METRICS", "")

# -- AWS -------------------------------------------------------------------------------------------------------------
# Keep a Thing and its shadows in AWS IoT for each charger, and take chargers from there. Needs AWS_REGION and a role.
AWS_IOT_THINGS = env.bool("AWS_IOT_THINGS", False)
# Of those Things; empty: Charger, and with an MQTT_PREFIX Charger-… by it.
AWS_IOT_THING_TYPE = env.str("AWS_IOT_THING_TYPE", "")
# An SQS queue that an IoT rule fills with what chargers say, in place of the workers' own subscription.
INGEST_QUEUE_URL = env.str("INGEST_QUEUE_URL", "")

# -- logs ------------------------------------------------------------------------------------------------------------
LOG_FORMAT = env.str("LOG_FORMAT", "console")  # console | json
LOGGING = {"format": LOG_FORMAT, "level": env.str("LOG_LEVEL", "INFO")}

if MQTT_IS_IOT_CORE and MQTT_CHARGERS_PER_CONNECTION > 50:
    raise SystemExit(
        f"MQTT_CHARGERS_PER_CONNECTION is {MQTT_CHARGERS_PER_CONNECTION}; AWS IoT Core takes 50 subscriptions on a "
        "connection. Set it to 50 or less, or unset it."
    )
announce_missing_file("OCSP_ISSUERS", OCSP_ISSUERS)
announce_wrong_networks("PROXY_ADDRESSES", PROXY_ADDRESSES)
announce_wrong(
    env,
    UNKNOWN_CHARGERS=(UNKNOWN_CHARGERS, {"refuse", "close_1008", "quarantine", "accept"}),
    LOG_FORMAT=(LOG_FORMAT, {"console", "json"}),
    ROLE=(ROLE, {"all", "gateway", "portal"}),
    error=EnvError,
)
