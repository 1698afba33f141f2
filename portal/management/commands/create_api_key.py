from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework_api_key.models import APIKey

LONGEST_NAME = 50


class Command(BaseCommand):
    help = "Make an API key for the REST interface and print it, once; it is kept as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help=f"What it is for, up to {LONGEST_NAME} characters; shown beside its commands.")

    def handle(self, *, name: str, **options: Any) -> None:
        name = name.strip()
        if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
            raise CommandError(f"The name {name!r} of a key needs 1 to {LONGEST_NAME} printable characters.")
        _, key = APIKey.objects.create_key(name=name)
        # Nothing else on this line or another: scripts take it as it is.
        self.stdout.write(key)
