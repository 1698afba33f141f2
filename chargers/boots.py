"""A charger says that it has started, and we say whether, and how often, it is to report."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from chargers import certificates, client_certificates, commands
from chargers.desired import due
from chargers.models import Boot, Charger, Registration, SecurityProfile, Setting
from chargers.rows import clip, insert, make, rewrite

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


class BootBook:
    """The boots of a batch, at most one of each charger: judged as they come, stored together."""

    def __init__(self) -> None:
        self._boots: list[tuple[Charger, Boot]] = []
        self._with_new_plates: set[int] = set()
        self._renewing: list[tuple[Charger, datetime]] = []

    def add(
        self, charger: Charger, nameplate: Nameplate, *, reason: str = "", is_impostor: bool = False, at: datetime
    ) -> Boot:
        """Give our verdict on a boot; the boot and the charger, which is brought up to date, are stored by `write`.

        The verdict follows the registration; in a flood of boots it is Pending with a long interval, with an expired
        certificate Pending until it is renewed. An impostor is rejected and its nameplate not believed. Open sessions
        stay open: a charger may resume them after a power cut.
        """
        is_flood = _boots_of_last_minute(charger, at) >= FLOOD_PER_MINUTE
        verdict = VERDICTS[Registration(charger.registration)]
        base_s = FLOOD_INTERVAL_S if is_flood else settings.HEARTBEAT_INTERVAL_S
        if is_flood and verdict == ACCEPTED:
            verdict = PENDING
        if is_impostor:
            verdict = REJECTED
        if verdict == ACCEPTED and has_expired_certificate(charger, at):
            verdict, base_s = PENDING, RENEWAL_INTERVAL_S
            self._renewing.append((charger, at))
        boot = make(
            Boot,
            charger_id=charger.pk,
            received_at=at,
            epoch=charger.epoch,
            vendor=clip(Boot, "vendor", nameplate.vendor),
            model=clip(Boot, "model", nameplate.model),
            serial_number=clip(Boot, "serial_number", nameplate.serial_number),
            firmware_version=clip(Boot, "firmware_version", nameplate.firmware_version),
            reason=reason[:40],
            verdict=verdict,
            interval_s=interval_s(charger.identity, base_s),
        )
        is_booted = verdict == ACCEPTED or (is_flood and charger.is_booted)
        charger.is_booted, charger.booted_at = is_booted and not is_impostor, at
        if not is_impostor:
            self._believe(charger, nameplate)
        self._boots.append((charger, boot))
        return boot

    def _believe(self, charger: Charger, nameplate: Nameplate) -> None:
        before = (charger.vendor, charger.model, charger.firmware_version)
        for column in IDENTITY_COLUMNS:
            if said := getattr(nameplate, column):
                setattr(charger, column, clip(Charger, column, said))
        if (charger.vendor, charger.model, charger.firmware_version) != before:
            self._with_new_plates.add(charger.pk)

    def write(self) -> None:
        """Inside the batch's transaction, and before commands are claimed: some wait for an accepted boot."""
        if not self._boots:
            return
        insert([boot for _, boot in self._boots])
        rewrite([charger for charger, _ in self._boots], [*IDENTITY_COLUMNS, "is_booted", "booted_at"])
        due.note(self._with_new_plates)
        _ask_for_settings([charger for charger, boot in self._boots if boot.verdict == ACCEPTED])
        for charger, at in self._renewing:
            certificates.request_renewal(charger, charger.client_certificate, at=at)
        self._boots, self._with_new_plates, self._renewing = [], set(), []


def _boots_of_last_minute(charger: Charger, at: datetime) -> int:
    since = at - timedelta(minutes=1)
    if charger.booted_at is None or charger.booted_at <= since:  # as of nearly all: nothing is asked
        return 0
    return Boot.objects.filter(charger=charger, received_at__gt=since).count()


def has_expired_certificate(charger: Charger, at: datetime) -> bool:
    """Whether it was let in to renew its certificate and for nothing else."""
    return charger.security_profile == SecurityProfile.CERTIFICATE and client_certificates.is_over(charger, at)


def interval_s(identity: str, base_s: int) -> int:
    """The interval of one charger: ``base_s`` ±10 %, always the same for it, so that no two are in step."""
    spread = zlib.crc32(identity.encode()) / 0xFFFFFFFF * 0.2 - 0.1
    return max(1, round(base_s * (1 + spread)))


def _ask_for_settings(chargers: list[Charger]) -> None:
    """Of whose settings nothing is known; nothing is asked unasked of a charger that is being certified."""
    if not settings.READ_SETTINGS_AFTER_BOOT:
        return
    ids = [charger.pk for charger in chargers]
    known = set(Setting.objects.filter(charger__in=ids).values_list("charger", flat=True).distinct())
    for charger in chargers:
        if charger.pk not in known and not charger.is_strict:
            # The key makes it once per firmware: a charger that cannot answer is not asked at each boot.
            key = f"settings of firmware {charger.firmware_version}"
            commands.request(charger, "read_settings", via="boot", idempotency_key=key)
