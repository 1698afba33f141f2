"""The table of rules, in the order in which they look: what explains others comes first."""

from __future__ import annotations

from portal.issues.rule import Rule
from portal.issues.rules import (
    boots,
    certificates,
    charging,
    clocks,
    configuration,
    evictions,
    faults,
    firmware,
    power,
    presence,
    protocol,
    registration,
)

RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        presence.YARD_LOST,
        presence.SITE_LOST,
        presence.CHARGER_OFFLINE,
        faults.FAULTED,
        faults.ALERT,
        power.SITE_UNSAFE,
        power.CHARGER_WILD,
        power.EDGE_SILENT,
        power.METER_SILENT,
        power.SITE_UNPLANNED,
        evictions.EVICTIONS,
        boots.BOOT_LOOP,
        charging.FAILED_STARTS,
        charging.STUCK_SESSION,
        charging.SILENT_EVSE,
        firmware.FIRMWARE_FAILED,
        clocks.CLOCK_SKEW,
        configuration.SETTING_QUARANTINED,
        configuration.CONFIGURATION_DRIFT,
        configuration.SETTING_REFUSED,
        protocol.PROTOCOL_ERRORS,
        certificates.CERTIFICATE_EXPIRES,
        registration.QUARANTINED,
    )
}
