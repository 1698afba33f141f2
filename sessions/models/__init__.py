"""The tables of what flows through the cable."""

from sessions.models.session import ChargingSession, MeterValue, Reservation, SessionEvent, SessionHour
from sessions.models.token import IdToken

__all__ = ["ChargingSession", "IdToken", "MeterValue", "Reservation", "SessionEvent", "SessionHour"]
