"""Leading a charger to a higher security profile: one order after the other, each only when the one before was taken.

The way of OCPP 2.0.1 part 2, A05, and of the 1.6 security whitepaper: the root of our certificate, for profile 3 a
certificate of its own, the new profile, a restart. What it is set to now stays in it until it has come in by the new
one; then `chargers.security.raise_profile` ends this, and the lower profile is not accepted any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from chargers import certificates, commands
from chargers.models import (
    CertificateRequest,
    Charger,
    Command,
    CommandStatus,
    InstalledCertificate,
    ProfileUpgrade,
    SecurityProfile,
    Setting,
)
from chargers.sentences import in_english, phrase
from chargers.signals import charger_changed

# Told to people, see chargers/sentences.py.
NO_WAY_UP = phrase("From profile {now} the way leads up to 2 or 3, not to {wanted}.")
NO_TLS_ADDRESS = phrase("{url!r} is no address of TLS; it begins with wss://.")
NOT_WITHIN_A_DAY = phrase("It did not {step} within a day.")
DID_NOT = phrase("It did not {step}: {why}")

Status = ProfileUpgrade.Status
Order = tuple[str, dict[str, Any]]  # verb and arguments
LASTS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """``order``: what to tell the charger, None if this step is not needed. ``is_seen``: whether it had its effect."""

    name: str
    title: str
    order: Callable[[ProfileUpgrade], Order | None]
    is_seen: Callable[[ProfileUpgrade], bool] = lambda upgrade: True
    needs_answer: bool = True


def _root(upgrade: ProfileUpgrade) -> Order | None:
    if not upgrade.root:
        return None
    named = certificates.hashes_of_root(upgrade.root)
    held = InstalledCertificate.objects.filter(charger=upgrade.charger, kind=certificates.Kind.CSMS_ROOT)
    if named and held.filter(issuer_key_hash__iexact=named.issuer_key_hash).exists():
        return None
    return "install_certificate", {"kind": "csms_root", "certificate": upgrade.root}


def _own_certificate(upgrade: ProfileUpgrade) -> Order | None:
    if upgrade.to_profile < SecurityProfile.CERTIFICATE:
        return None
    return "trigger", {"message": "SignCertificate"}


def _has_own_certificate(upgrade: ProfileUpgrade) -> bool:
    installed = CertificateRequest.objects.filter(
        charger=upgrade.charger,
        status=CertificateRequest.Status.INSTALLED,
        command__created_at__gte=upgrade.started_at,
    )
    return installed.exists()


def _profile(upgrade: ProfileUpgrade) -> Order | None:
    if not _has_slots(upgrade):
        return "write_settings", {"settings": [{"name": "SecurityProfile", "value": str(upgrade.to_profile)}]}
    arguments = {"slot": upgrade.slot, "url": upgrade.url, "security_profile": upgrade.to_profile}
    return "set_network_profile", arguments


def _priority(upgrade: ProfileUpgrade) -> Order | None:
    """The new one first; those of before stay behind it, for the charger to fall back to if it cannot reach us."""
    if not _has_slots(upgrade):
        return None
    known = Setting.objects.filter(charger=upgrade.charger, name=PRIORITY).values_list("value", flat=True).first()
    others = [slot.strip() for slot in (known or "").split(",") if slot.strip() not in ("", str(upgrade.slot))]
    value = ",".join([str(upgrade.slot), *others])
    return "write_settings", {"settings": [{"component": "OCPPCommCtrlr", "name": PRIORITY, "value": value}]}


def _restart(upgrade: ProfileUpgrade) -> Order | None:
    return "reset", {"kind": "soft"}


def _has_slots(upgrade: ProfileUpgrade) -> bool:
    return upgrade.charger.subprotocol != "ocpp1.6"


PRIORITY = "NetworkConfigurationPriority"
STEPS = (
    Step("root", phrase("trust the root of our certificate"), _root),
    Step("certificate", phrase("get a certificate of its own"), _own_certificate, _has_own_certificate),
    Step("profile", phrase("take the new profile"), _profile),
    Step("priority", phrase("use it first"), _priority),
    Step("restart", "restart", _restart, needs_answer=False),
)
ARRIVAL = "arrival"  # after all of them: it has to come in by the new profile
TITLES = {step.name: step.title for step in STEPS} | {ARRIVAL: phrase("come back by the new profile")}


def start(
    charger: Charger, *, to_profile: int, url: str, slot: int, root: str, by: AbstractBaseUser, at: datetime
) -> ProfileUpgrade:
    """Begin; the first order goes out at once. Raises ValidationError naming field and value."""
    if not charger.security_profile < to_profile <= SecurityProfile.CERTIFICATE or to_profile < SecurityProfile.TLS:
        raise ValidationError({"to_profile": NO_WAY_UP.format(now=charger.security_profile, wanted=to_profile)})
    if to_profile == SecurityProfile.TLS and not charger.password_hash:
        raise ValidationError({"to_profile": phrase("Profile 2 needs a password, and it has none; make one first.")})
    if not url.startswith("wss://"):
        raise ValidationError({"url": NO_TLS_ADDRESS.format(url=url)})
    if root and certificates.hashes_of_root(root) is None:
        raise ValidationError({"root": phrase("This is no root certificate in PEM (one that is its own issuer).")})
    try:
        with transaction.atomic():
            upgrade = ProfileUpgrade.objects.create(
                charger=charger,
                to_profile=to_profile,
                url=url,
                slot=slot,
                root=root,
                requested_by_id=by.pk,
                started_at=at,
            )
    except IntegrityError as error:
        raise ValidationError(
            phrase("It is being led to a higher profile already; wait for the end, or stop that.")
        ) from error
    advance(upgrade.pk, at=at)
    return upgrade


def stop(upgrade: ProfileUpgrade, *, at: datetime) -> None:
    """No further order; what the charger took stays as it is, and so does the profile that we ask of it."""
    _close(upgrade, Status.CANCELLED, at=at)
    for command in Command.objects.filter(charger=upgrade.charger, idempotency_key__startswith=_key(upgrade, "")):
        commands.cancel(command)


def advance_all(*, at: datetime, charger_ids: Collection[int] | None = None) -> int:
    """Go on wherever an order was answered; how many are under way. Safe to repeat."""
    running = ProfileUpgrade.objects.filter(status=Status.RUNNING)
    if charger_ids is not None:
        if not running.exists():  # as always but for a few days; the plan of a large site names hundreds of chargers
            return 0
        running = running.filter(charger__in=charger_ids)
    found = list(running.values_list("pk", flat=True))
    for pk in found:
        advance(pk, at=at)
    return len(found)


@transaction.atomic
def advance(upgrade_id: int, *, at: datetime) -> None:
    """Give the next order if the one before was taken. Safe to repeat: each order has a key."""
    rows = ProfileUpgrade.objects.select_for_update(of=("self",)).select_related("charger")
    upgrade = rows.filter(pk=upgrade_id, status=Status.RUNNING).first()
    if upgrade is None:
        return
    if upgrade.charger.security_profile >= upgrade.to_profile:
        _close(upgrade, Status.DONE, at=at)
    elif at > upgrade.started_at + LASTS:
        _close(upgrade, Status.FAILED, NOT_WITHIN_A_DAY.format(step=TITLES[upgrade.step or ARRIVAL]), at=at)
    else:
        _go_on(upgrade, at)


def _go_on(upgrade: ProfileUpgrade, at: datetime) -> None:
    for step in STEPS:
        command = Command.objects.filter(charger=upgrade.charger, idempotency_key=_key(upgrade, step.name)).first()
        if command is None:
            if (order := step.order(upgrade)) is None:
                continue
            verb, arguments = order
            key = _key(upgrade, step.name)
            via = f"profile {upgrade.to_profile}"
            commands.request(
                upgrade.charger, verb, arguments=arguments, by=upgrade.requested_by, via=via, idempotency_key=key
            )
            _stand_at(upgrade, step.name)
            return
        if command.is_open:
            return
        has_gone = not step.needs_answer and command.status == CommandStatus.TIMEOUT
        if command.status != CommandStatus.ACCEPTED and not has_gone:
            _close(upgrade, Status.FAILED, DID_NOT.format(step=step.title, why=_why(command)), at=at)
            return
        if not step.is_seen(upgrade):
            return
    _stand_at(upgrade, ARRIVAL)


def _why(command: Command) -> str:
    said = command.answer.get("status", "") if isinstance(command.answer, dict) else ""
    return " ".join(
        filter(None, (f"{in_english(command.get_status_display)}.", command.explanation, f"{said}." if said else ""))
    )


def _key(upgrade: ProfileUpgrade, step: str) -> str:
    return f"profile upgrade {upgrade.pk} {step}"


def _stand_at(upgrade: ProfileUpgrade, step: str) -> None:
    if upgrade.step != step:
        upgrade.step = step
        upgrade.save(update_fields=["step"])
        _announce(upgrade)


def _close(upgrade: ProfileUpgrade, status: Status, explanation: str = "", *, at: datetime) -> None:
    upgrade.status, upgrade.explanation, upgrade.settled_at = status, explanation[:500], at
    upgrade.save(update_fields=["status", "explanation", "settled_at"])
    _announce(upgrade)


def _announce(upgrade: ProfileUpgrade) -> None:
    ids = {upgrade.charger_id}
    transaction.on_commit(lambda: charger_changed.send_robust(sender=Charger, charger_ids=ids))
