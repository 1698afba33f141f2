"""`serve`: one process that answers chargers, browsers and REST clients on one port, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import get_resolver

from gateway.server import Server


class Command(BaseCommand):
    help = "Serve chargers (OCPP), people (portal) and integrators (REST) on one port."
    requires_system_checks = []  # `prepare` and the tests run them; a restarting gateway is waited for

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="listen on this address (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000; 0: any free one)")
        parser.add_argument(
            "--role", choices=["all", "gateway", "portal"], default=settings.ROLE, help="whom to serve (default: ROLE)"
        )

    def handle(self, *, host: str, port: int, role: str, **options: Any) -> None:
        settings.ROLE = role
        try:
            from portal.asgi import application  # reads the role
        except ValueError as error:
            raise CommandError(str(error)) from error

        # Errors in the pages' addresses show now, and their modules are loaded before the collector is set aside.
        _ = get_resolver().url_patterns

        def announce(bound: int) -> None:
            self.stdout.write(f"Chargeyard listens on http://{host}:{bound} (role: {role}).")
            self.stdout.flush()

        Server(
            application,
            host=host,
            port=port,
            frame_limit_bytes=settings.FRAME_LIMIT_BYTES,
            ping_interval_s=settings.PING_INTERVAL_S,
            ping_timeout_s=settings.PING_TIMEOUT_S,
            deflate=settings.WEBSOCKET_COMPRESSION,
            when_listening=announce,
        ).run()
