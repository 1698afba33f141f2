"""What cases on security profiles 2 and 3 need of a yard: its wss address, and certificates that it trusts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.core.management import get_commands

MAKE_CERTIFICATE = "create_tls_certificate"


def is_served() -> bool:
    """Whether a yard can make itself a certificate and serve TLS by it."""
    return MAKE_CERTIFICATE in get_commands()


@dataclass(frozen=True, slots=True)
class Tls:
    """``url``: wss://…/ocpp; ``authority``: the certificate that vouches for the yard's own (PEM)."""

    url: str
    authority: Path
