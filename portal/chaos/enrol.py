"""Makes the tables, the chargers and tokens of a chaos, and prints an API key: `python -m portal.chaos.enrol COUNT`.

The chargers' password comes on standard input. Run within the environment of the site.
"""

from __future__ import annotations

import os
import sys

import django


def enrol(count: int, password: str) -> str:
    """Enter ``count`` chargers and their tokens into a new database; the key for orders."""
    from django.core.management import call_command
    from rest_framework_api_key.models import APIKey

    from chargers import credentials
    from chargers.models import Charger, SecurityProfile, fold
    from portal.chaos import station
    from sessions.models import IdToken

    call_command("prepare", no_static=True, stdout=sys.stderr)
    password_hash = credentials.hashed(password.encode())
    identities = [station.identity(number) for number in range(count)]
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
    values = [station.token(number) for number in range(station.TOKENS)]
    IdToken.objects.bulk_create([IdToken(value=value, value_folded=value.casefold()) for value in values])
    _, key = APIKey.objects.create_key(name="chaos")
    return str(key)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    said = os.dup(1)
    os.dup2(2, 1)  # what `prepare` says of its steps goes where errors go
    os.write(said, enrol(int(sys.argv[1]), sys.stdin.readline().strip()).encode() + b"\n")
