from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from chargers import authority, server_certificates


class Command(BaseCommand):
    help = (
        "Make certificates (RSA and ECDSA) for our own TLS port, signed by the authority that signs chargers' keys. "
        "Again before they end, after 397 days: a server that runs takes the new ones by itself."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="+", help="Host names and IP addresses by which chargers reach us.")
        parser.add_argument(
            "--folder", type=Path, default=settings.CHARGEYARD_HOME, help="Where to (default: CHARGEYARD_HOME)."
        )

    def handle(self, *, names: list[str], folder: Path, **options: Any) -> None:
        try:
            made = server_certificates.make(folder, names, at=timezone.now())
        except (OSError, ValueError) as error:
            raise CommandError(f"No certificate for {', '.join(names)}: {error}") from error
        for path in made:
            self.stdout.write(f"certificate  {path}")
        self.stdout.write(f"authority    {settings.CHARGER_CA_FILE}")
        self.stdout.write("\nChargers have to trust this authority:\n")
        self.stdout.write(authority.load(settings.CHARGER_CA_FILE).pem)
