"""What cases on security profiles 2 and 3 need of a yard: its wss address, and certificates that it trusts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tls:
    """``url``: wss://…/ocpp; ``authority``: the certificate that vouches for the yard's own (PEM)."""

    url: str
    authority: Path
