"""When people are here, so that the desk can tell them what changed while they were not."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser

from portal.models import Visit

# Away for longer than this is having left. A coffee and a call are not.
AWAY = timedelta(hours=2)
EVERY = timedelta(minutes=1)  # so often a visit is noted


def note(person: AbstractBaseUser, at: datetime) -> None:
    """The person opens a page. A visit after some hours without is a new one, and the last one's end is kept."""
    seen = Visit.objects.filter(person=person.pk).values_list("seen_at", "left_at").first()
    if seen is None:
        # Two pages at once may both think they are the first.
        Visit.objects.bulk_create([Visit(person_id=person.pk, seen_at=at)], ignore_conflicts=True)
        return
    seen_at, left_at = seen
    if at - seen_at >= EVERY:
        left_at = seen_at if at - seen_at >= AWAY else left_at
        Visit.objects.filter(person=person.pk).update(seen_at=at, left_at=left_at)
