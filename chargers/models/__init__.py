"""The tables of what stands in the street."""

from chargers.models.charger import Charger, Registration, SecurityProfile, fold
from chargers.models.command import Command, CommandStatus
from chargers.models.configuration import Setting, Transfer, VendorMessage
from chargers.models.connector import Connector, ConnectorStatus, StatusChange
from chargers.models.journal import DeadLetter, Exchange, SecurityEvent
from chargers.models.presence import Boot, Connection, GatewayProcess, PresenceHour, WorkerProcess
from chargers.models.site import Site

__all__ = [
    "Boot",
    "Charger",
    "Command",
    "CommandStatus",
    "Connection",
    "Connector",
    "ConnectorStatus",
    "DeadLetter",
    "Exchange",
    "GatewayProcess",
    "PresenceHour",
    "Registration",
    "SecurityEvent",
    "SecurityProfile",
    "Setting",
    "Site",
    "StatusChange",
    "Transfer",
    "VendorMessage",
    "WorkerProcess",
    "fold",
]
