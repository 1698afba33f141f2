"""The tables of what stands in the street."""

from chargers.models.campaign import Campaign, Participant
from chargers.models.certificates import (
    CertificateRequest,
    ClientCertificate,
    InstalledCertificate,
    RevocationAnswer,
)
from chargers.models.charger import Charger, Registration, SecurityProfile, fold
from chargers.models.command import Command, CommandStatus
from chargers.models.configuration import Setting, Transfer, VendorMessage
from chargers.models.connector import Connector, ConnectorStatus, StatusChange
from chargers.models.desired import (
    Reading,
    Refusal,
    Rollout,
    SettingQuarantine,
    SettingTemplate,
    Standing,
    TemplateValue,
    Write,
)
from chargers.models.files import FirmwareImage, Upload
from chargers.models.job import Job
from chargers.models.journal import DeadLetter, Exchange, LargeFrame, SecurityEvent
from chargers.models.messages import CustomerRecord, DisplayMessage
from chargers.models.monitoring import Alert, Monitor
from chargers.models.notice import Notice
from chargers.models.presence import REPLACED, Boot, Connection, GatewayProcess, PresenceHour, WorkerProcess
from chargers.models.protocol import Breach, JournalMark, PackUse
from chargers.models.site import Site
from chargers.models.tag import Tag
from chargers.models.twin import Twin
from chargers.models.upgrade import ProfileUpgrade

__all__ = [
    "REPLACED",
    "Alert",
    "Boot",
    "Breach",
    "Campaign",
    "CertificateRequest",
    "Charger",
    "ClientCertificate",
    "Command",
    "CommandStatus",
    "Connection",
    "Connector",
    "ConnectorStatus",
    "CustomerRecord",
    "DeadLetter",
    "DisplayMessage",
    "Exchange",
    "FirmwareImage",
    "GatewayProcess",
    "InstalledCertificate",
    "Job",
    "JournalMark",
    "LargeFrame",
    "Monitor",
    "Notice",
    "PackUse",
    "Participant",
    "PresenceHour",
    "ProfileUpgrade",
    "Reading",
    "Refusal",
    "Registration",
    "RevocationAnswer",
    "Rollout",
    "SecurityEvent",
    "SecurityProfile",
    "Setting",
    "SettingQuarantine",
    "SettingTemplate",
    "Site",
    "Standing",
    "StatusChange",
    "Tag",
    "TemplateValue",
    "Transfer",
    "Twin",
    "Upload",
    "VendorMessage",
    "WorkerProcess",
    "Write",
    "fold",
]
