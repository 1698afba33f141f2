"""The tables of who may draw how much."""

from smartcharging.models.days import CapacitySignal, EnergyPrice, SiteSample
from smartcharging.models.probes import Probe
from smartcharging.models.profiles import (
    ChargingNeeds,
    CompositeReport,
    ExternalLimit,
    InstalledProfile,
    Placement,
    SavedProfile,
)
from smartcharging.models.sites import LeadChange, Leader, Limit, LimitNode, Outlet, SitePlan

__all__ = [
    "CapacitySignal",
    "ChargingNeeds",
    "CompositeReport",
    "EnergyPrice",
    "ExternalLimit",
    "InstalledProfile",
    "LeadChange",
    "Leader",
    "Limit",
    "LimitNode",
    "Outlet",
    "Placement",
    "Probe",
    "SavedProfile",
    "SitePlan",
    "SiteSample",
]
