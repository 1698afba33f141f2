"""The tables of what flows through the cable."""

from sessions.models.review import Review
from sessions.models.session import ChargingSession, MeterValue, Reservation, SessionEvent, SessionHour
from sessions.models.tariff import Tariff
from sessions.models.token import IdToken

__all__ = ["ChargingSession", "IdToken", "MeterValue", "Reservation", "Review", "SessionEvent", "SessionHour", "Tariff"]
