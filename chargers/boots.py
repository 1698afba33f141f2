"""A charger says that it has started, and we say whether, and how often, it is to report."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from chargers import certificates, client_certificates, commands
from chargers.desired import due
from chargers.models import Boot, Charger, Registration, SecurityProfile, Setting
from chargers.rows import clip

ACCEPTED, PENDING, REJECTED = "Accepted", "Pending", "Rejected"
VERDICTS = {
    Registration.ACCEPTED: ACCEPTED,
    Registration.QUARANTINED: PENDING,
    Registration.REJECTED: REJECTED,
}
# More boots than this in a minute are a fault of the charger; it is told to wait, for each one costs us a write.
FLOOD_PER_MINUTE = 10
FLOOD_INTERVAL_S = 900
# To a charger that renews its expired certificate: how soon it asks again whether it may go on.
RENEWAL_INTERVAL_S = 60
IDENTITY_COLUMNS = ("vendor", "model", "serial_number", "firmware_version", "iccid", "imsi")


@dataclass(slots=True, frozen=True)
class Nameplate:
    """What a charger says it is. Empty: it did not say, and what we knew stays."""

    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    firmware_version: str = ""
    iccid: str = ""
    imsi: str = ""


@transaction.atomic(savepoint=False)
def record_boot(
    charger: Charger, nameplate: Nameplate, *, reason: str = "", is_impostor: bool = False, at: datetime
) -> Boot:
    """Store a boot with our verdict and bring the charger up to date.

    The verdict follows the registration; in a flood of boots it is Pending with a long interval, with an expired
    certificate Pending until it is renewed. An impostor is rejected and its nameplate not believed. Open sessions stay
    open: a charger may resume them after a power cut. The first accepted boot of a firmware asks for its configuration,
    unless we know it already, or the charger is being certified: then nothing is asked unasked.
    """
    lately = Boot.objects.filter(charger=charger, received_at__gt=at - timedelta(minutes=1))
    is_flood = lately.count() >= FLOOD_PER_MINUTE
    verdict = VERDICTS[Registration(charger.registration)]
    interval = FLOOD_INTERVAL_S if is_flood else settings.HEARTBEAT_INTERVAL_S
    if is_flood and verdict == ACCEPTED:
        verdict = PENDING
    if is_impostor:
        verdict = REJECTED
    is_renewing = verdict == ACCEPTED and has_expired_certificate(charger, at)
    if is_renewing:
        verdict, interval = PENDING, RENEWAL_INTERVAL_S
    boot = Boot.objects.create(
        charger=charger,
        received_at=at,
        epoch=charger.epoch,
        vendor=clip(Boot, "vendor", nameplate.vendor),
        model=clip(Boot, "model", nameplate.model),
        serial_number=clip(Boot, "serial_number", nameplate.serial_number),
        firmware_version=clip(Boot, "firmware_version", nameplate.firmware_version),
        reason=reason[:40],
        verdict=verdict,
        interval_s=interval_s(charger.identity, interval),
    )
    is_booted = verdict == ACCEPTED or (is_flood and charger.is_booted)
    _update(charger, Nameplate() if is_impostor else nameplate, is_booted=is_booted and not is_impostor, at=at)
    if verdict == ACCEPTED:
        _ask_for_settings(charger)
    if is_renewing:
        certificates.request_renewal(charger, charger.client_certificate, at=at)
    return boot


def has_expired_certificate(charger: Charger, at: datetime) -> bool:
    """Whether it was let in to renew its certificate and for nothing else."""
    return charger.security_profile == SecurityProfile.CERTIFICATE and client_certificates.is_over(charger, at)


def interval_s(identity: str, base_s: int) -> int:
    """The interval of one charger: ``base_s`` ±10 %, always the same for it, so that no two are in step."""
    spread = zlib.crc32(identity.encode()) / 0xFFFFFFFF * 0.2 - 0.1
    return max(1, round(base_s * (1 + spread)))


def _update(charger: Charger, nameplate: Nameplate, *, is_booted: bool, at: datetime) -> None:
    plate_before = (charger.vendor, charger.model, charger.firmware_version)
    for column in IDENTITY_COLUMNS:
        if said := getattr(nameplate, column):
            setattr(charger, column, clip(Charger, column, said))
    if (charger.vendor, charger.model, charger.firmware_version) != plate_before:
        due.note({charger.pk})
    charger.is_booted, charger.booted_at = is_booted, at
    charger.save(update_fields=[*IDENTITY_COLUMNS, "is_booted", "booted_at"])


def _ask_for_settings(charger: Charger) -> None:
    if charger.is_strict or not settings.READ_SETTINGS_AFTER_BOOT or Setting.objects.filter(charger=charger).exists():
        return
    # The key makes it once per firmware: a charger that cannot answer is not asked at each boot.
    key = f"settings of firmware {charger.firmware_version}"
    commands.request(charger, "read_settings", via="boot", idempotency_key=key)
