"""What the desk forgets: issues that were closed long ago, and tables that were uploaded and not brought in."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from chargers import retention
from portal.issues.models import Issue, Telling
from portal.models import Deed, Import

# It may hold passwords: nobody needs more than a day to read what it would do.
IMPORTS_KEPT = timedelta(days=1)
DEEDS_KEPT = timedelta(days=1)  # nobody sends a form again after a day


def forget_old(*, at: datetime, patience_s: float = 20.0) -> bool:
    """Delete what is too old; True if there was more than could be deleted in that time."""
    Deed.objects.filter(at__lt=at - DEEDS_KEPT).delete()
    Import.objects.filter(created_at__lt=at - IMPORTS_KEPT).delete()
    if not settings.ISSUE_DAYS:
        return False
    before = at - timedelta(days=settings.ISSUE_DAYS)
    Telling.objects.filter(issue=None, created_at__lt=before).delete()  # tests of channels; the others go with theirs
    # One that a person closed while it was so must not come back as if it were new.
    closed = Issue.objects.filter(closed_at__isnull=False, is_dismissed=False)
    return retention.in_portions([lambda: retention.delete_oldest(closed, "closed_at", before)], patience_s=patience_s)
