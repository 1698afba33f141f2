"""OCPP 1.6, one module per chapter. Importing the package fills the tables of `gateway.ocpp16.dialect.dialect`."""

from gateway.ocpp16 import (
    authorization,
    availability,
    certificates,
    configuration,
    data_transfer,
    firmware,
    local_list,
    metering,
    provisioning,
    remote,
    reservation,
    security,
    smartcharging,
    transactions,
)

__all__ = [
    "authorization",
    "availability",
    "certificates",
    "configuration",
    "data_transfer",
    "firmware",
    "local_list",
    "metering",
    "provisioning",
    "remote",
    "reservation",
    "security",
    "smartcharging",
    "transactions",
]
