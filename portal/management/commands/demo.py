"""`python3 manage.py demo`: register the twelve chargers that `up` simulates, at three sites. Safe to repeat."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from chargers import commands, credentials, registration
from chargers.models import Charger, Site, fold
from sessions.models import IdToken

VIA = "demo"


@dataclass(frozen=True, slots=True)
class Make:
    """A charger model as the simulator wants it."""

    vendor: str
    model: str
    firmware: str
    connectors: int
    max_power_w: int


WALLBOX = Make("Acme", "Wallbox 22", "1.4.2", 2, 22_080)
POST = Make("Northwind", "Post 11", "2.7.0", 2, 11_040)
RAPID = Make("Kilowatt", "Rapid 150", "5.1.3", 2, 150_000)

# Name, address, latitude, longitude, time zone; then its chargers: identity, OCPP version, make.
SITES = {
    ("Town Hall", "Rathausplatz 1, Hamburg", 53.5503, 9.9927, "Europe/Berlin"): [
        ("DEMO-T1", "1.6", WALLBOX),
        ("DEMO-T2", "1.6", WALLBOX),
        ("DEMO-T3", "2.0.1", WALLBOX),
        ("DEMO-T4", "2.0.1", POST),
    ],
    ("Harbour Depot", "Kaikatu 12, Helsinki", 60.1675, 24.9640, "Europe/Helsinki"): [
        ("DEMO-H1", "1.6", POST),
        ("DEMO-H2", "1.6", POST),
        ("DEMO-H3", "1.6", POST),
        ("DEMO-H4", "2.0.1", POST),
        ("DEMO-H5", "2.0.1", WALLBOX),
    ],
    ("Motorway East", "Services East, Reading", 51.4250, -0.9240, "Europe/London"): [
        ("DEMO-M1", "2.0.1", RAPID),
        ("DEMO-M2", "2.0.1", RAPID),
        ("DEMO-M3", "1.6", RAPID),
    ],
}
TOKENS = {f"04DE300{n:03X}": holder for n, holder in enumerate(
    ("Amara", "Björn", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hana", "Ivo", "Jun", "Kofi", "Lena"), 1
)}  # fmt: skip
BLOCKED = "04DE300FFF"


class Command(BaseCommand):
    help = "Register the demo fleet: sites, chargers, tokens. Passwords go to demo-fleet.json in CHARGEYARD_HOME."
    requires_system_checks: list[str] = []

    def handle(self, *_: Any, **__: Any) -> None:
        path = settings.CHARGEYARD_HOME / "demo-fleet.json"
        kept = _passwords(path)
        with transaction.atomic():
            chargers = [
                {"identity": identity, "ocpp": version, "site": place[0], **asdict(make)}
                | {"password": _registered(identity, _site(place), kept.get(identity))}
                for place, members in SITES.items()
                for identity, version, make in members
            ]
            for value, holder in TOKENS.items():
                _token(value, holder=holder)
            _token(BLOCKED, holder="A lost card", status=IdToken.Status.BLOCKED)
            _write(path, {"chargers": chargers, "tokens": [*TOKENS, BLOCKED]})
        self.stdout.write(f"{len(chargers)} demo chargers at {len(SITES)} sites; their passwords are in {path}")


def _passwords(path: Any) -> dict[str, str]:
    try:
        return {entry["identity"]: entry["password"] for entry in json.loads(path.read_text())["chargers"]}
    except (FileNotFoundError, ValueError, KeyError):
        return {}


def _site(place: tuple[str, str, float, float, str]) -> Site:
    name, address, latitude, longitude, timezone = place
    values = {"address": address, "latitude": latitude, "longitude": longitude, "timezone": timezone}
    return Site.objects.get_or_create(name=name, defaults=values)[0]


def _registered(identity: str, site: Site, password: str | None) -> str:
    """The charger's password: the one that it has, or a new one where that is not known any more."""
    charger = Charger.objects.filter(identity_folded=fold(identity)).first()
    if charger is None:
        charger, fresh = registration.register(identity, site=site)
        # Nobody opens the configuration page of a demo to find it blank.
        commands.request(charger, "read_settings", via=VIA)
        assert fresh is not None
        return fresh
    try:
        if password is not None and credentials.matches(charger.password_hash, password.encode()):
            return password
    except credentials.PepperMissing:
        pass  # the secret key was replaced; a demo charger just gets a new password
    return credentials.issue_password(charger)


def _token(value: str, **values: Any) -> None:
    if not IdToken.objects.filter(value_folded=value.casefold()).exists():
        IdToken.objects.create(value=value, kind="ISO14443", **values)


def _write(path: Any, fleet: dict[str, Any]) -> None:
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(fleet, file, indent=2)
    draft.replace(path)
