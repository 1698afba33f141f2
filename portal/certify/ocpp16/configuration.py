"""Configuration keys, and the cache of cards."""

from __future__ import annotations

from portal.certify.orders import Order, prove
from portal.certify.station import NO, OK
from portal.certify.wire import Payload

KEYS = [
    {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
    {"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core,SmartCharging"},
]
PROFILES = {"configurationKey": KEYS[1:]}
SAMPLING = "MeterValueSampleInterval"


def writes(name: str, value: object) -> tuple[str, Payload, str, Payload]:
    order = {"settings": [{"name": name, "value": value}]}
    return "write_settings", order, "ChangeConfiguration", {"key": name, "value": str(value)}


prove("TC_019_1", Order("read_settings", {}, "GetConfiguration", {"key": None}, {"configurationKey": KEYS}))
prove(
    "TC_019_2",
    Order(
        "read_settings", {"names": ["SupportedFeatureProfiles"]}, "GetConfiguration",
        {"key": ["SupportedFeatureProfiles"]}, PROFILES,
    ),
)  # fmt: skip
prove("TC_021", Order(*writes(SAMPLING, 60), OK))
prove("TC_040_1", Order(*writes("Nonsense", 1), {"status": "NotSupported"}, "rejected"))
prove("TC_040_2", Order(*writes(SAMPLING, -1), NO, "rejected"))
prove("TC_061", Order("clear_cache", {}, "ClearCache", {}, OK))
