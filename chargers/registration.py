"""How a charger comes into the books: by our staff, or by itself where `UNKNOWN_CHARGERS` lets it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from chargers import credentials
from chargers.models import Charger, Registration, SecurityProfile, Site, fold
from chargers.sentences import phrase
from chargers.signals import charger_changed

LONGEST = 128
PORTION = 200  # rows of a statement: SQLite takes only so many parameters
WITH_PASSWORD = (SecurityProfile.BASIC, SecurityProfile.TLS)

# Told to people, see chargers/sentences.py.
TOO_LONG = phrase("Identity {identity!r}… has {length} characters; {most} are the most.")
NO_SEGMENT = phrase("Identity {identity!r} holds '/' or a control character; it has to be one segment of a URL.")
NOT_IN_URL = phrase("Identity {identity!r} cannot stand in a URL; no '.', '..' or spaces around it.")
IS_TAKEN = phrase("Charger {identity!r} is registered already, as {other!r} (case does not count).")
NO_SUCH_PROFILE = phrase("There is no security profile {profile!r}; it can be 0, 1, 2 or 3.")
HOLDS_COLON = phrase("Identity {identity!r} holds ':', which no user name of HTTP Basic authentication may.")
NO_PASSWORD_IN = phrase("Security profile {profile} has no password; leave it out or choose 1 or 2.")


def flaw(identity: str) -> str | None:
    """What is wrong with an identity, in words; None if it can name a charger.

    OCPP 2.0.1 wants at most 48 of ``a-z A-Z 0-9 * - _ = : + | @ .``; 1.6 allows more, and the field uses it.
    """
    if not identity:
        return phrase("An identity is empty; it needs at least one character.")
    if len(identity) > LONGEST or len(fold(identity)) > LONGEST:
        return TOO_LONG.format(identity=identity[:20], length=len(identity), most=LONGEST)
    if "/" in identity or not identity.isprintable():
        return NO_SEGMENT.format(identity=identity)
    if identity in (".", "..") or identity != identity.strip():
        return NOT_IN_URL.format(identity=identity)
    return None


def register(
    identity: str,
    *,
    security_profile: int = SecurityProfile.BASIC,
    password: str | None = None,
    name: str = "",
    site: Site | None = None,
    registration: str = Registration.ACCEPTED,
    is_strict: bool = False,
) -> tuple[Charger, str | None]:
    """Enter a charger; answers with it and its password in the clear, which is told this once only.

    Without ``password`` one is made, for the profiles that have one. Raises ValidationError naming field and value.
    """
    _check(identity, security_profile, password)
    try:
        with transaction.atomic():
            charger = Charger.objects.create(
                identity=identity, security_profile=security_profile, name=name, site=site, registration=registration,
                is_strict=is_strict,
            )  # fmt: skip
            if security_profile not in WITH_PASSWORD:
                return charger, None
            if password is None:
                return charger, credentials.issue_password(charger)
            credentials.set_password(charger, password)
            return charger, password
    except IntegrityError as error:
        taken = Charger.objects.filter(identity_folded=fold(identity)).first()
        if taken is None:
            raise
        raise ValidationError({"identity": IS_TAKEN.format(identity=identity, other=taken.identity)}) from error


@transaction.atomic
def register_all(newcomers: Sequence[tuple[Charger, str]]) -> list[tuple[str, str]]:
    """Enter many chargers, judged before, each with its password or "" for one that is made.

    Answers with identity and password of those whose password was made; this is the only copy.
    """
    made: list[tuple[str, str]] = []
    now = timezone.now()
    for charger, password in newcomers:
        charger.identity_folded = fold(charger.identity)
        if charger.security_profile not in WITH_PASSWORD:
            continue
        if password:
            looks_made = credentials.looks_made(password.encode())
            hashed = credentials.hashed if looks_made else credentials.slowly_hashed
            charger.password_hash = hashed(password.encode())
        else:
            made.append((charger.identity, fresh := credentials.made()))
            charger.password_hash = credentials.hashed(fresh.encode())
        charger.password_set_at = now
    Charger.objects.bulk_create([charger for charger, _ in newcomers], batch_size=PORTION)
    _announce(charger for charger, _ in newcomers)
    return made


@transaction.atomic
def rewrite(chargers: Sequence[Charger]) -> None:
    """Store what staff decided anew about many chargers: name, site, registration, serial number."""
    Charger.objects.bulk_update(chargers, ["name", "site", "registration", "serial_number"], batch_size=PORTION)
    _announce(chargers)


def register_unknown(identities: Iterable[str], registration: Registration) -> None:
    """Enter chargers that nobody announced, without a password. Safe to repeat, and beside others doing the same."""
    Charger.objects.bulk_create(
        [
            Charger(
                identity=identity,
                identity_folded=fold(identity),
                registration=registration,
                security_profile=SecurityProfile.NONE,
            )
            for identity in identities
        ],
        ignore_conflicts=True,
    )


def profile_of_newcomers() -> int:
    """How a charger has to prove itself that was announced without a word about that."""
    return SecurityProfile.NONE if settings.UNKNOWN_CHARGERS == "accept" else SecurityProfile.BASIC


def retire(charger: Charger) -> None:
    """Let a charger in no more as one of ours: its boots are rejected. What it did is kept. Safe to repeat."""
    charger.registration, charger.is_booted = Registration.REJECTED, False
    charger.save(update_fields=["registration", "is_booted"])


def admit(charger: Charger) -> None:
    """Let a charger in as one of ours, again: its next boot is accepted. Safe to repeat."""
    charger.registration = Registration.ACCEPTED
    charger.save(update_fields=["registration"])


def _announce(chargers: Iterable[Charger]) -> None:
    if changed := {charger.pk for charger in chargers}:
        transaction.on_commit(lambda: charger_changed.send_robust(sender=Charger, charger_ids=changed))


def _check(identity: str, security_profile: int, password: str | None) -> None:
    if wrong := flaw(identity):
        raise ValidationError({"identity": wrong})
    if security_profile not in SecurityProfile.values:
        raise ValidationError({"security_profile": NO_SUCH_PROFILE.format(profile=security_profile)})
    if security_profile in WITH_PASSWORD and ":" in identity:
        raise ValidationError({"identity": HOLDS_COLON.format(identity=identity)})
    if password is not None and security_profile not in WITH_PASSWORD:
        raise ValidationError({"password": NO_PASSWORD_IN.format(profile=security_profile)})
