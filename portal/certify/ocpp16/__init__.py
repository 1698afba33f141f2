"""The 77 cases of OCPP 1.6J. Importing the package registers them."""

from portal.certify.ocpp16 import (
    configuration,
    core,
    firmware,
    lists,
    remote,
    reservation,
    security,
    smartcharging,
)

__all__ = ["configuration", "core", "firmware", "lists", "remote", "reservation", "security", "smartcharging"]
