"""Which charging profiles a charger holds: what it confirmed, and what it told of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from chargers.models import Charger, Command
from chargers.rows import Lookup
from smartcharging.models import InstalledProfile
from smartcharging.schedules import Profile

_OF_SESSIONS = Lookup(
    InstalledProfile,
    by=["charger_id"],
    also="t.purpose = 'tx'",
    only=["id", "charger_id", "evse_id", "transaction_id", "installed_at"],
)


@transaction.atomic
def install(
    charger: Charger, profile: Profile, *, evse_id: int, command: Command | None = None, at: datetime
) -> InstalledProfile:
    """The charger holds a profile. It replaces the one with its id, and that of its purpose and stack level there."""
    rivals = InstalledProfile.objects.filter(
        charger=charger,
        evse_id=evse_id,
        purpose=profile.purpose,
        stack_level=profile.stack_level,
        transaction_id=profile.transaction_id,
    )
    rivals.exclude(profile_id=profile.profile_id).delete()
    installed, _ = InstalledProfile.objects.update_or_create(
        charger=charger,
        profile_id=profile.profile_id,
        defaults={
            "evse_id": evse_id,
            "stack_level": profile.stack_level,
            "purpose": profile.purpose[:40],
            "kind": profile.kind[:16],
            "recurrency": profile.recurrency[:8],
            "transaction_id": profile.transaction_id[:64],
            "valid_from": profile.valid_from,
            "valid_to": profile.valid_to,
            "schedules": profile.schedules,
            "max_offline_s": profile.max_offline_s,
            "command": command,
            "installed_at": at,
        },
    )
    return installed


@transaction.atomic
def update_powers(charger: Charger, profile_id: int, powers: dict[str, float], *, at: datetime) -> bool:
    """The charger took new powers for the one period of a dynamic profile; False if we know of none such.

    ``powers``: the fields of a period that say power, e.g. {"limit": 16.0, "limit_l2": 0.0}; the others stay.
    """
    installed = _dynamic(charger, profile_id)
    if installed is None:
        return False
    schedule, *rest = installed.schedules
    installed.schedules = [{**schedule, "periods": [{**schedule["periods"][0], **powers}]}, *rest]
    installed.installed_at = at
    installed.save(update_fields=["schedules", "installed_at"])
    return True


def powers_of(charger: Charger, profile_id: int) -> dict[str, Any] | None:
    """The one period of a dynamic profile as it is now; None if we know of none such."""
    installed = _dynamic(charger, profile_id)
    return installed.schedules[0]["periods"][0] if installed else None


def _dynamic(charger: Charger, profile_id: int) -> InstalledProfile | None:
    found = InstalledProfile.objects.filter(charger=charger, profile_id=profile_id, kind="dynamic").first()
    return found if found and found.schedules and found.schedules[0].get("periods") else None


def remove(
    charger: Charger,
    *,
    profile_id: int | None = None,
    evse_id: int | None = None,
    purpose: str | None = None,
    stack_level: int | None = None,
) -> int:
    """Forget the profiles that match all criteria given (none given: all); how many there were."""
    criteria = {"profile_id": profile_id, "evse_id": evse_id, "purpose": purpose, "stack_level": stack_level}
    wanted = Q(charger=charger, **{name: value for name, value in criteria.items() if value is not None})
    return InstalledProfile.objects.filter(wanted).delete()[0]


class EndedProfiles:
    """Profiles of one session go with it, by its name, or by its EVSE where they came before it had one.

    What stands at neither stays, and counts: a session that the charger could not name takes no other one's along, and
    one whose end is told late none that came after it.
    """

    def __init__(self) -> None:
        self._names: set[tuple[int, str]] = set()
        self._places: dict[tuple[int, int], datetime] = {}

    def end_of_session(
        self, charger: Charger, transaction_id: str, *, evse_id: int = 0, stopped_at: datetime | None = None
    ) -> None:
        if transaction_id:
            self._names.add((charger.pk, transaction_id))
        if evse_id and stopped_at is not None:
            self._places[charger.pk, evse_id] = stopped_at

    def write(self) -> None:
        """Forget those of all sessions that ended in a batch."""
        chargers = {(charger_id,) for charger_id, _ in (*self._names, *self._places)}
        ended = [row.pk for row in _OF_SESSIONS(chargers) if self._is_over(row)]
        if ended:
            InstalledProfile.objects.filter(pk__in=ended).delete()
        self._names, self._places = set(), {}

    def _is_over(self, row: InstalledProfile) -> bool:
        if row.transaction_id:
            return (row.charger_id, row.transaction_id) in self._names
        stopped_at = self._places.get((row.charger_id, row.evse_id))
        return stopped_at is not None and row.installed_at <= stopped_at
