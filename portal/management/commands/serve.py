"""`serve`: one process that answers chargers, browsers and REST clients on one port, and by TLS on a second, until
SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import get_resolver

from chargers import database
from gateway import tls, trust
from gateway.server import Server
from portal import hatch

FORM_BYTES = 1024 * 1024  # what a form may hold beside its file


class Command(BaseCommand):
    help = "Serve chargers (OCPP), people (portal) and integrators (REST) on one port, and by TLS on a second."
    requires_system_checks = []  # `prepare` and the tests run them; a restarting gateway is waited for

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="listen on this address (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000; 0: any free one)")
        parser.add_argument(
            "--tls-port", type=int, default=settings.TLS_PORT, help="port for TLS (default: TLS_PORT; none without it)"
        )
        parser.add_argument(
            "--role", choices=["all", "gateway", "portal"], default=settings.ROLE, help="whom to serve (default: ROLE)"
        )

    def handle(self, *, host: str, port: int, tls_port: int | None, role: str, **options: Any) -> None:
        settings.ROLE = role
        if role == "gateway":
            settings.ROOT_URLCONF = "portal.machine_urls"
        try:
            from portal.asgi import application  # reads the role
        except ValueError as error:
            raise CommandError(str(error)) from error

        database.lose_patience()
        # Errors in the pages' addresses show now, and their modules are loaded before the collector is set aside.
        _ = get_resolver().url_patterns

        certificates = None
        if tls_port is not None:
            try:
                shown, keys = (tuple(map(Path, named)) for named in (settings.TLS_CERTIFICATE, settings.TLS_KEY))
                files = tls.Files(shown, keys, authorities=trust.files())
                certificates = tls.Certificates(files, application.switchboard.certificate_refused)
            except ValueError as error:
                raise CommandError(f"TLS cannot be served: {error}") from error

        def announce(bound: int, bound_tls: int | None = None) -> None:
            secure = f" and https://{host}:{bound_tls}" if bound_tls else ""
            self.stdout.write(f"Chargeyard listens on http://{host}:{bound}{secure} (role: {role}).")
            self.stdout.flush()

        Server(
            application,
            host=host,
            port=port,
            frame_limit_bytes=settings.FRAME_LIMIT_BYTES,
            body_limit_bytes=settings.UPLOAD_LIMIT_BYTES + FORM_BYTES,
            ping_interval_s=settings.PING_INTERVAL_S,
            ping_timeout_s=settings.PING_TIMEOUT_S,
            deflate=settings.WEBSOCKET_COMPRESSION,
            when_listening=announce,
            expects=hatch.expects,
            certificates=certificates,
            tls_port=tls_port or 0,
        ).run()
