"""`up` as a Django command, so that `manage.py help` lists it; `manage.py up` itself starts without Django."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal.supervisor import up


class Command(BaseCommand):
    help = "Starts a whole yard: Valkey, NATS, portal and gateway, worker, beat and a demo fleet. Ctrl-C stops it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        up.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(up.run(host=options["host"], port=options["port"], has_demo=not options["no_demo"]))
