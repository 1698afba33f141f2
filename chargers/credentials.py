"""Charger passwords: made, kept as peppered hashes, compared. Knows no HTTP header and no OCPP message.

What we made ourselves is kept by a fast hash, what people chose by a slow one (scrypt), whose successes are remembered
for the next dial. Why so: `docs/decisions/0016-charger-passwords-are-peppered.md`. What is kept says how it was made:
``hmac$pepper$salt$digest``, ``scrypt$pepper$salt$digest``, and ``sha256$salt$digest`` of before.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import re
import secrets
import string
import threading
from collections import OrderedDict
from functools import cache

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from chargers.models import Charger
from chargers.sentences import phrase

ALPHABET = string.ascii_letters + string.digits
# 20: the longest AuthorizationKey of OCPP 1.6 in characters, so it fits both versions; 119 bits.
LENGTH = 20
SHORTEST = 16  # that OCPP allows: 1.6 AuthorizationKey, 2.0.1 BasicAuthPassword
LONGEST = 64  # 40 characters in 2.0.1; some 1.6 firmwares take more
SCRYPT = {"n": 2**14, "r": 8, "p": 1}  # 16 MiB and some 50 ms
REMEMBERED = 50_000  # successes of slow comparisons, 32 bytes and a node each
PENDING_AT_ONCE = 3
ORDER = "@"  # between the hash of a password that was told and the command that told it

_HEXADECIMAL = re.compile(rb"(?:[0-9A-Fa-f]{2})+")

# Told to people, see chargers/sentences.py.
PASSWORD_LENGTH = phrase(
    "This password has {length} characters; it can have 1 to {most}. Leave it out and one is made."
)
SHORT_PASSWORD = phrase("This password has {length} characters, OCPP wants {least} or more; replace it when you can.")
_memory_key = secrets.token_bytes(32)
_memory: OrderedDict[bytes, None] = OrderedDict()
_memory_lock = threading.Lock()


class PepperMissing(LookupError):
    """A hash was made with a pepper that is no longer among ``CREDENTIAL_PEPPER``: nobody can tell what matches it."""


def made() -> str:
    """A fresh random password."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def issue_password(charger: Charger) -> str:
    """Give the charger a fresh random password, saved as a hash; this return value is the only copy."""
    password = made()
    _replace(charger, hashed(password.encode()))
    return password


def set_password(charger: Charger, password: str) -> None:
    """Let the charger in with ``password`` only, from now on. Raises ValidationError for none or an endless one.

    One that is `weak` is taken: chargers that come from another system keep the key they have.
    """
    if not 1 <= len(password) <= LONGEST:
        raise ValidationError({"password": PASSWORD_LENGTH.format(length=len(password), most=LONGEST)})
    _replace(charger, slowly_hashed(password.encode()))


def propose(charger: Charger, password: str, *, is_made: bool = False, order: str = "") -> None:
    """Let the charger in with a password that it is about to be told as well, until we know which one it took.

    Those proposed before stay beside it: the charger may have taken one and its answer been lost. ``order``: the id of
    the command that tells it.
    """
    proposed = hashed(password.encode()) if is_made else slowly_hashed(password.encode())
    entry = f"{proposed}{ORDER}{order}" if order else proposed
    _save_pending(charger, [*charger.pending_password_hash.split(), entry][-PENDING_AT_ONCE:])


def pending(charger: Charger) -> list[str]:
    """The hashes of what we told it and what it has not confirmed, the latest last."""
    return [entry.partition(ORDER)[0] for entry in charger.pending_password_hash.split()]


def adopt(charger: Charger, proposed: str) -> None:
    """The charger has shown a proposed password: it alone opens the door from now on. Safe to repeat."""
    _adopt(charger, proposed, [])


def confirmed(charger: Charger, order: str) -> None:
    """The charger has taken the password of an order: what it had before is void. Safe to repeat.

    Those told after it stay beside it, for the answer may be late: it has not said yet whether it takes them.
    """
    told = charger.pending_password_hash.split()
    if (place := _place_of(told, order)) is not None:
        _adopt(charger, told[place].partition(ORDER)[0], told[place + 1 :])


def _adopt(charger: Charger, taken: str, still_open: list[str]) -> None:
    told = charger.pending_password_hash
    charger.password_hash, charger.pending_password_hash = taken, " ".join(still_open)
    charger.password_set_at = timezone.now()
    # Under its own condition: staff may have set another one meanwhile.
    Charger.objects.filter(pk=charger.pk, pending_password_hash=told).update(
        password_hash=taken,
        pending_password_hash=charger.pending_password_hash,
        password_set_at=charger.password_set_at,
    )


def withdraw(charger: Charger, order: str) -> None:
    """The charger has not taken the password of an order: what held before stays."""
    told = charger.pending_password_hash.split()
    if (place := _place_of(told, order)) is not None:
        _save_pending(charger, told[:place] + told[place + 1 :])


def _place_of(told: list[str], order: str) -> int | None:
    """Where the password of an order stands; of one that was told without its order (by an older version), the last."""
    orders = [entry.partition(ORDER)[2] for entry in told]
    for wanted in (order, ""):
        if wanted in orders:
            return len(orders) - 1 - orders[::-1].index(wanted)
    return None


def renewed(old: str, candidate: bytes) -> str:
    """The hash, of the present kind and pepper, of a password that has just matched ``old``; may take long."""
    return hashed(candidate) if old.startswith("hmac$") or looks_made(candidate) else slowly_hashed(candidate)


def replace_hash(charger: Charger, old: str, new: str) -> None:
    """Keep the same password by another hash, unless staff has set another one meanwhile."""
    Charger.objects.filter(pk=charger.pk, password_hash=old).update(password_hash=new)


def is_outdated(password_hash: str) -> bool:
    kind, _, rest = password_hash.partition("$")
    return kind == "sha256" or (kind in ("hmac", "scrypt") and rest.partition("$")[0] != next(iter(_peppers())))


def looks_made(password: bytes) -> bool:
    """Whether it may well come from `made`, of old hashes that do not say; a person's choice hardly passes."""
    text = password.decode("latin-1")
    kinds = (str.islower, str.isupper, str.isdigit)
    return (
        len(text) == LENGTH
        and set(text) <= set(ALPHABET)
        and len(set(text)) >= LENGTH // 2
        and all(any(is_kind(each) for each in text) for is_kind in kinds)
    )


def weak(password: str) -> str:
    """What to tell whoever chose that password, "" if it is good."""
    if len(password) >= SHORTEST:
        return ""
    return SHORT_PASSWORD.format(length=len(password), least=SHORTEST)


# -- hashes ----------------------------------------------------------------------------------------------------------


def hashed(password: bytes) -> str:
    """For a password that was made by chance: guessing it is hopeless, however fast."""
    pepper_id, pepper = next(iter(_peppers().items()))
    salt = secrets.token_hex(8)
    return f"hmac${pepper_id}${salt}${_fast(pepper, salt, password)}"


def slowly_hashed(password: bytes) -> str:
    """For a password that a person may have chosen."""
    pepper_id, pepper = next(iter(_peppers().items()))
    salt = secrets.token_hex(8)
    return f"scrypt${pepper_id}${salt}${_slow(pepper, salt, password)}"


def matches(password_hash: str, candidate: bytes) -> bool:
    """Whether ``candidate`` is the password, as its bytes or as the hexadecimal text of them, either way round.

    OCPP 1.6 sends an AuthorizationKey as hexadecimal digits, and firmwares differ in whether they log in with these
    digits or with the bytes they stand for. Raises PepperMissing.
    """
    match password_hash.split("$"):
        case ["hmac", pepper_id, salt, digest]:
            return hmac.compare_digest(_fast(_pepper(pepper_id), salt, candidate), digest)
        case ["scrypt", pepper_id, salt, digest]:
            return _is_remembered(password_hash, candidate) or (
                hmac.compare_digest(_slow(_pepper(pepper_id), salt, candidate), digest)
                and _remember(password_hash, candidate)
            )
        case ["sha256", salt, digest]:
            forms = _forms(candidate)
            return any(hmac.compare_digest(hashlib.sha256(salt.encode() + f).hexdigest(), digest) for f in forms)
    return False


def takes_long(charger: Charger, candidate: bytes) -> bool:
    """Whether comparing costs tens of milliseconds: not to be done where others wait."""
    return any(
        each.startswith("scrypt$") and not _is_remembered(each, candidate)
        for each in (charger.password_hash, *pending(charger))
    )


def _fast(pepper: bytes, salt: str, password: bytes) -> str:
    return hmac.digest(pepper, salt.encode() + _root(password), "sha256").hex()


def _slow(pepper: bytes, salt: str, password: bytes) -> str:
    # The pepper outside: without it even the right password cannot be tested.
    stretched = hashlib.scrypt(_root(password), salt=salt.encode(), maxmem=64 * 2**20, dklen=32, **SCRYPT)
    return hmac.digest(pepper, stretched, "sha256").hex()


def _root(key: bytes) -> bytes:
    """The bytes behind hexadecimal text, and behind the hexadecimal text of that: all spellings of a key are one."""
    while _HEXADECIMAL.fullmatch(key):
        key = bytes.fromhex(key.decode())
    return key


def _forms(candidate: bytes) -> set[bytes]:
    raw = {candidate}
    with contextlib.suppress(ValueError):
        raw.add(bytes.fromhex(candidate.decode("ascii")))
    return raw | {form.hex().encode() for form in raw} | {form.hex().upper().encode() for form in raw}


def _pepper(pepper_id: str) -> bytes:
    try:
        return _peppers()[pepper_id]
    except KeyError:
        raise PepperMissing(
            f"A charger's password was kept with the pepper {pepper_id}, which is gone. Put it back at the end of "
            "CREDENTIAL_PEPPER; where that was empty, it is the SECRET_KEY of before."
        ) from None


def _peppers() -> dict[str, bytes]:
    """All that we know, by the id under which hashes name them; the present one first."""
    return _derived((*settings.CREDENTIAL_PEPPER, settings.SECRET_KEY))


@cache
def _derived(secret_texts: tuple[str, ...]) -> dict[str, bytes]:
    peppers = [hmac.digest(text.encode(), b"chargeyard: passwords of chargers", "sha256") for text in secret_texts]
    return {hashlib.sha256(pepper).hexdigest()[:8]: pepper for pepper in peppers}


# -- what was slow once ----------------------------------------------------------------------------------------------


def _is_remembered(password_hash: str, candidate: bytes) -> bool:
    key = _memory_entry(password_hash, candidate)
    with _memory_lock:
        if key not in _memory:
            return False
        _memory.move_to_end(key)
        return True


def _remember(password_hash: str, candidate: bytes) -> bool:
    with _memory_lock:
        _memory[_memory_entry(password_hash, candidate)] = None
        if len(_memory) > REMEMBERED:
            _memory.popitem(last=False)
    return True


def _memory_entry(password_hash: str, candidate: bytes) -> bytes:
    """Never the password: a digest under a key that only this process has. A new hash makes it another entry."""
    return hmac.digest(_memory_key, password_hash.encode() + b"\0" + _root(candidate), "sha256")


# -- rows --------------------------------------------------------------------------------------------------------------


def _replace(charger: Charger, password_hash: str) -> None:
    charger.password_hash, charger.pending_password_hash = password_hash, ""
    charger.password_set_at = timezone.now()
    Charger.objects.filter(pk=charger.pk).update(
        password_hash=password_hash, pending_password_hash="", password_set_at=charger.password_set_at
    )


def _save_pending(charger: Charger, hashes: list[str]) -> None:
    charger.pending_password_hash = " ".join(hashes)
    Charger.objects.filter(pk=charger.pk).update(pending_password_hash=charger.pending_password_hash)
