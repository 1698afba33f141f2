"""Charger passwords: made, kept as salted SHA-256, compared. Knows no HTTP header and no OCPP message.

Why not a slow hash: `docs/decisions/0001-charger-passwords-are-salted-sha-256.md`.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
import string

from django.core.exceptions import ValidationError

from chargers.models import Charger

ALPHABET = string.ascii_letters + string.digits
# 20: the longest AuthorizationKey of OCPP 1.6 in characters, so it fits both versions; 119 bits.
LENGTH = 20
SHORTEST = 16  # that OCPP allows: 1.6 AuthorizationKey, 2.0.1 BasicAuthPassword
LONGEST = 64  # 40 characters in 2.0.1; some 1.6 firmwares take more


def issue_password(charger: Charger) -> str:
    """Give the charger a fresh random password, saved as a hash; this return value is the only copy."""
    password = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    set_password(charger, password)
    return password


def set_password(charger: Charger, password: str) -> None:
    """Let the charger in with ``password`` only, from now on. Raises ValidationError for none or an endless one.

    One that is `weak` is taken: chargers that come from another system keep the key they have.
    """
    if not 1 <= len(password) <= LONGEST:
        raise ValidationError(
            {
                "password": f"This password has {len(password)} characters; it can have 1 to {LONGEST}. "
                "Leave it out and one is made."
            }
        )
    _save(charger, hashed(password.encode()), pending="")


def propose(charger: Charger, password: str) -> None:
    """Let the charger in with a password that it is about to be told as well, until we know which one it took."""
    _save(charger, charger.password_hash, pending=hashed(password.encode()))


def adopt(charger: Charger) -> None:
    """The charger has taken the proposed password: it alone opens the door from now on. Safe to repeat."""
    if proposed := charger.pending_password_hash:
        charger.password_hash, charger.pending_password_hash = proposed, ""
        # Under its own condition: staff may have set another one meanwhile.
        Charger.objects.filter(pk=charger.pk, pending_password_hash=proposed).update(
            password_hash=proposed, pending_password_hash=""
        )


def withdraw(charger: Charger) -> None:
    """The charger has not taken the proposed password: the old one stays. Safe to repeat."""
    if charger.pending_password_hash:
        _save(charger, charger.password_hash, pending="")


def _save(charger: Charger, password_hash: str, *, pending: str) -> None:
    charger.password_hash, charger.pending_password_hash = password_hash, pending
    Charger.objects.filter(pk=charger.pk).update(password_hash=password_hash, pending_password_hash=pending)


def weak(password: str) -> str:
    """What to tell whoever chose that password, "" if it is good."""
    if len(password) >= SHORTEST:
        return ""
    return f"This password has {len(password)} characters, OCPP wants {SHORTEST} or more; replace it when you can."


def hashed(password: bytes) -> str:
    """``sha256$salt$digest`` of a password."""
    salt = secrets.token_hex(8)
    return f"sha256${salt}${_digest(salt, password)}"


def matches(password_hash: str, candidate: bytes) -> bool:
    """Whether ``candidate`` is the password, as its bytes or as the hexadecimal text of them, either way round.

    OCPP 1.6 sends an AuthorizationKey as hexadecimal digits, and firmwares differ in whether they log in with these
    digits or with the bytes they stand for.
    """
    if password_hash.count("$") != 2:
        return False
    _, salt, digest = password_hash.split("$")
    return any(hmac.compare_digest(_digest(salt, form), digest) for form in _forms(candidate))


def _forms(candidate: bytes) -> set[bytes]:
    raw = {candidate}
    with contextlib.suppress(ValueError):
        raw.add(bytes.fromhex(candidate.decode("ascii")))
    return raw | {form.hex().encode() for form in raw} | {form.hex().upper().encode() for form in raw}


def _digest(salt: str, password: bytes) -> str:
    return hashlib.sha256(salt.encode() + password).hexdigest()
