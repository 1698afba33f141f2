"""What passes between us and a charger whose boot is Pending: it is set up and reports, and charges nobody.

OCPP 1.6 §4.2, 2.0.1 part 2, B02. It may say what we asked it for and nothing else, and hears all but starts and stops.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from chargers.models import Charger, Command, CommandStatus, Registration

NOT_YET = frozenset(
    {"RemoteStartTransaction", "RemoteStopTransaction", "RequestStartTransaction", "RequestStopTransaction"}
)
# What a charger says because of which order of ours; a trigger names it in its payload.
BECAUSE_OF = {
    "NotifyReport": {"GetBaseReport", "GetReport"},
    "NotifyMonitoringReport": {"GetMonitoringReport"},
    "LogStatusNotification": {"GetLog"},
    "DiagnosticsStatusNotification": {"GetDiagnostics"},
    "FirmwareStatusNotification": {"UpdateFirmware"},
    "SignedFirmwareStatusNotification": {"SignedUpdateFirmware"},
}
TRIGGERS = {"TriggerMessage", "ExtendedTriggerMessage"}
SIGNING = {"SignChargePointCertificate", "SignChargingStationCertificate", "SignV2GCertificate"}
LASTS = timedelta(hours=1)


def is_pending(charger: Charger) -> bool:
    """Whether the last word it heard of us was Pending."""
    is_waiting = charger.registration == Registration.QUARANTINED
    return is_waiting and not charger.is_booted and charger.booted_at is not None


def may_hear(charger: Charger, action: str) -> bool:
    return action not in NOT_YET or not is_pending(charger)


def was_asked(charger: Charger, action: str, *, at: datetime) -> bool:
    """Whether a pending charger says this because we have asked for it lately."""
    if not is_pending(charger):
        return False
    messages = SIGNING if action == "SignCertificate" else {action}
    trigger = Q(action__in=TRIGGERS, payload__requestedMessage__in=sorted(messages))
    cause = Q(action__in=sorted(BECAUSE_OF.get(action, ())))
    taken = (CommandStatus.SENT, CommandStatus.ACCEPTED)
    return Command.objects.filter(trigger | cause, charger=charger, status__in=taken, sent_at__gt=at - LASTS).exists()
