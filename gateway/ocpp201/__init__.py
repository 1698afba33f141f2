"""OCPP 2.0.1, one module per chapter. Importing the package fills the tables of `gateway.ocpp201.dialect.dialect`."""

from gateway.ocpp201 import (
    authorization,
    availability,
    configuration,
    data_transfer,
    firmware,
    local_list,
    metering,
    monitoring,
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
    "configuration",
    "data_transfer",
    "firmware",
    "local_list",
    "metering",
    "monitoring",
    "provisioning",
    "remote",
    "reservation",
    "security",
    "smartcharging",
    "transactions",
]
