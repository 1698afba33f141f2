"""Asking chargers what they are set to, unasked by anybody: after a boot and at night, only what is wanted of them."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from chargers import commands, configuration
from chargers.configuration import Place
from chargers.models import Charger, Command, CommandStatus, Reading, Site, Standing

AT_ONCE = 50  # of a fleet that comes back, every 5 s: 600 a minute
PAUSE = timedelta(minutes=10)  # a charger that boots again and again is not asked each time
NIGHT = range(2, 5)  # hours at the site
A_DAY = timedelta(hours=20)
LIMIT = Place("GetConfigurationMaxKeys")  # of OCPP 1.6; in 2.x the order itself is portioned


def ask(*, at: datetime) -> int:
    """Ask the next ones; how many. Not those of which nothing is wanted, nor one that is being certified."""
    wanted = Q()
    if settings.CHECK_SETTINGS_AFTER_BOOT:
        has_booted = Q(asked_at=None) | Q(charger__booted_at__gt=F("asked_at"), asked_at__lt=at - PAUSE)
        wanted |= has_booted & Q(charger__booted_at__isnull=False)
    if settings.CHECK_SETTINGS_NIGHTLY and (night := _where_it_is_night(at)):
        wanted |= night & (Q(asked_at=None) | Q(asked_at__lt=at - A_DAY))
    if not wanted:
        return 0
    ids = list(_askable().filter(wanted).order_by("asked_at", "pk").values_list("pk", flat=True)[:AT_ONCE])
    paths: defaultdict[int, list[str]] = defaultdict(list)
    for charger_id, path in Standing.objects.filter(charger__in=ids).values_list("charger", "path"):
        paths[charger_id].append(path)
    for charger in Charger.objects.filter(pk__in=ids):
        _ask(charger, paths[charger.pk])
    Reading.objects.filter(pk__in=ids).update(asked_at=at)
    return len(ids)


def _askable() -> QuerySet[Reading]:
    asked = Command.objects.filter(charger=OuterRef("pk"), verb="read_settings", status__in=CommandStatus.open())
    return Reading.objects.filter(
        Exists(Standing.objects.filter(charger=OuterRef("pk"))),
        ~Exists(asked),
        charger__is_online=True,
        charger__is_booted=True,
        charger__is_strict=False,
    )


def _ask(charger: Charger, paths: list[str]) -> None:
    most = configuration.number_at(charger, LIMIT) if charger.subprotocol == "ocpp1.6" else None
    portion = most or len(paths)
    for start in range(0, len(paths), portion):
        commands.request(
            charger, "read_settings", arguments={"names": paths[start : start + portion]}, via="check", ttl_s=3600
        )


def _where_it_is_night(at: datetime) -> Q:
    """Condition on readings: the site's clock, or UTC without a site, shows an hour of the night."""
    zones = set(Site.objects.values_list("timezone", flat=True))
    nights = [zone for zone in zones if _hour(zone, at) in NIGHT]
    condition = Q(charger__site__timezone__in=nights) if nights else Q()
    return condition | Q(charger__site=None) if at.hour in NIGHT else condition


def _hour(zone: str, at: datetime) -> int:
    try:
        return at.astimezone(ZoneInfo(zone)).hour
    except (ZoneInfoNotFoundError, ValueError):
        return at.hour
