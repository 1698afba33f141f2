"""Events that concern security, told by a charger or noticed by us, and the security profile of a charger."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from chargers import clocks
from chargers.models import Charger, ProfileUpgrade, SecurityEvent, SecurityProfile
from chargers.rows import digest
from chargers.sentences import phrase
from chargers.signals import charger_changed

# Told to people, see chargers/sentences.py.
PROFILE_TOO_LOW = phrase("It has come in by security profile {profile}; {least} is not accepted any more.")


def record_event(
    charger: Charger, kind: str, *, detail: str = "", device_time: str = "", is_ours: bool = False, at: datetime
) -> bool:
    """Store a security event once; False if we have it. The charger's time tells it from the next of its kind."""
    _, is_new = SecurityEvent.objects.get_or_create(
        charger=charger,
        key=digest("security", kind, device_time or at.isoformat(), detail),
        defaults={
            "kind": kind[:64],
            "detail": detail,
            "device_time": clocks.kept(device_time),
            "is_ours": is_ours,
            "received_at": at,
        },
    )
    return is_new


@transaction.atomic
def raise_profile(charger: Charger, profile: SecurityProfile, *, at: datetime) -> bool:
    """Ask no less than ``profile`` of a charger from now on; False if that is asked of it already."""
    raised = Charger.objects.filter(pk=charger.pk, security_profile__lt=profile).update(security_profile=profile)
    if raised:
        detail = PROFILE_TOO_LOW.format(profile=profile, least=charger.security_profile)
        record_event(charger, "SecurityProfileRaised", detail=detail, is_ours=True, at=at)
        running = ProfileUpgrade.objects.filter(charger=charger, status=ProfileUpgrade.Status.RUNNING)
        running.filter(to_profile__lte=profile).update(status=ProfileUpgrade.Status.DONE, settled_at=at)
        transaction.on_commit(lambda: charger_changed.send_robust(sender=Charger, charger_ids={charger.pk}))
    return raised == 1
