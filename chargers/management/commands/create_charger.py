from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from chargers import credentials, registration
from chargers.addresses import ocpp_url
from chargers.models import Registration, SecurityProfile, Site


class Command(BaseCommand):
    help = "Register a charger and print what to set in it. Its password is shown this once; it is kept as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("identity", help="The last part of its OCPP URL, e.g. CP-1; capital letters do not matter.")
        login = parser.add_mutually_exclusive_group()
        login.add_argument(
            "--password", help="16 to 40 characters if the charger lets you choose; left out, one is made."
        )
        login.add_argument(
            "--no-password", action="store_true", help="Security profile 0: whoever knows the identity may come in."
        )
        parser.add_argument("--name", default="", help="For people, e.g. 'North row, left'.")
        parser.add_argument("--site", help="Name of the site it stands at.")
        parser.add_argument(
            "--registration", choices=Registration.values, default=Registration.ACCEPTED,
            help="quarantined: its boot is Pending; rejected: it is Rejected.",
        )  # fmt: skip
        parser.add_argument("--strict", action="store_true", help="Refuse its mistakes, for certification.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *, identity: str, password: str | None, no_password: bool, **options: Any) -> None:
        profile = SecurityProfile.NONE if no_password else SecurityProfile.BASIC
        site = _site(options["site"]) if options["site"] else None
        try:
            charger, password = registration.register(
                identity, security_profile=profile, password=password, name=options["name"], site=site,
                registration=options["registration"], is_strict=options["strict"],
            )  # fmt: skip
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        url = ocpp_url(charger.identity, settings.PUBLIC_URL or "http://HOST:PORT")
        if options["json"]:
            told = {"identity": charger.identity, "security_profile": profile, "password": password, "ocpp_url": url}
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(f"identity  {charger.identity}")
        self.stdout.write(f"password  {password or 'none (security profile 0)'}")
        self.stdout.write(f"OCPP URL  {url}")
        if password:
            self.stdout.write("The password is not kept in the clear: note it now.")
            self.stderr.write(credentials.weak(password), ending="\n" if credentials.weak(password) else "")


def _site(name: str) -> Site:
    site = Site.objects.filter(name=name).first()
    if site is None:
        known = ", ".join(repr(site.name) for site in Site.objects.all()[:10]) or "none yet"
        raise CommandError(f"There is no site {name!r}. Known: {known}.")
    return site
