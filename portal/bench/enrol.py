"""Registers the chargers and tokens of a load: `python -m portal.bench.enrol COUNT [FROM]`, their password on stdin.

Run within the environment of the yard that is measured.
"""

from __future__ import annotations

import os
import sys

import django


def enrol(count: int, password: str, *, first: int = 0) -> None:
    """Enter the chargers ``first`` … ``count`` - 1 with one password, and the tokens that their sessions show."""
    from chargers import credentials
    from chargers.models import Charger, SecurityProfile, fold
    from portal.bench import mix
    from sessions.models import IdToken

    password_hash = credentials.hashed(password.encode())
    identities = [mix.identity(number) for number in range(first, count)]
    Charger.objects.bulk_create(
        [
            Charger(
                identity=identity,
                identity_folded=fold(identity),
                security_profile=SecurityProfile.BASIC,
                password_hash=password_hash,
            )
            for identity in identities
        ],
        batch_size=2000,
    )
    values = [mix.token(number) for number in range(mix.TOKENS)]
    tokens = [IdToken(value=value, value_folded=value.casefold()) for value in values]
    IdToken.objects.bulk_create(tokens, ignore_conflicts=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    count, first = (int(word) for word in (*sys.argv[1:], "0")[:2])
    enrol(count, sys.stdin.readline().strip(), first=first)
