"""OCPP 2.1, where it differs from 2.0.1: one module per chapter that has something new.

Importing the package fills the tables of `gateway.ocpp21.dialect.dialect`, which lie on top of those of 2.0.1.
"""

from gateway.ocpp21 import (
    battery_swap,
    certificates,
    grid,
    monitoring,
    payment,
    provisioning,
    smartcharging,
    streams,
    tariffs,
    transactions,
)

__all__ = [
    "battery_swap",
    "certificates",
    "grid",
    "monitoring",
    "payment",
    "provisioning",
    "smartcharging",
    "streams",
    "tariffs",
    "transactions",
]
