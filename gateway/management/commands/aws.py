"""`aws bootstrap | doctor | sync-things`: the yard's side of an AWS account. The work is in `gateway.iot`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway.iot import account, cloud, doctor, reconcile


class Command(BaseCommand):
    help = "Prepares an AWS account for this yard, looks what is wrong with it, brings Things and chargers together."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="bootstrap | doctor | sync-things")
        bootstrap = verbs.add_parser("bootstrap", help="make thing type, events, policy and certificate; repeatable")
        keep = bootstrap.add_mutually_exclusive_group()
        keep.add_argument("--secret", default="", help="keep certificate and key in this secret of Secrets Manager")
        keep.add_argument("--out", type=Path, help="keep them in this file (default: CHARGEYARD_HOME/aws-iot.pem)")
        bootstrap.add_argument(
            "--authority-secret", default="", help="keep the authority that signs chargers' keys in this secret"
        )
        bootstrap.add_argument(
            "--tls-secret", default="", help="keep certificates for a TLS door of ours, signed by that authority, there"
        )
        bootstrap.add_argument("--tls-name", action="append", help="a name by which chargers reach that door")
        examine = verbs.add_parser(
            "doctor", help="look at credentials, clock, endpoint, certificate, things, queue, files"
        )
        sync = verbs.add_parser("sync-things", help="bring Things and chargers together, paced under AWS's rates")
        for verb in (bootstrap, sync):
            verb.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        for verb in (bootstrap, examine, sync):
            verb.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, verb: str, **options: Any) -> None:
        try:
            getattr(self, f"_{verb.replace('-', '_')}")(**options)
        except (cloud.Refused, cloud.Away, ClientError) as error:
            raise CommandError(str(error)) from error

    def _bootstrap(self, *, secret: str, out: Path | None, dry_run: bool, **options: Any) -> None:
        file = None if secret else out or settings.CHARGEYARD_HOME / "aws-iot.pem"
        authority_secret, tls_secret = options["authority_secret"], options["tls_secret"]
        names = tuple(options["tls_name"] or ())
        if tls_secret and not (authority_secret and names):
            raise CommandError("--tls-secret needs --authority-secret, who signs, and --tls-name, for which name.")
        keep = account.Keep(secret, file, authority_secret, tls_secret, names)
        done = {}
        for part, what in account.bootstrap(keep, is_dry=dry_run):
            done[part] = what
            if not options["json"]:
                self.stdout.write(f"  {part:<14}{what}")
        if options["json"]:
            self.stdout.write(json.dumps(done))

    def _doctor(self, **options: Any) -> None:
        findings = []
        for finding in doctor.examine():
            findings.append(finding)
            if not options["json"]:
                self.stdout.write(f"  {'✓' if finding.is_well else '✗'} {finding.part:<14}{finding.sentence}")
        if options["json"]:
            self.stdout.write(json.dumps([finding._asdict() for finding in findings]))
        if ill := [finding.part for finding in findings if not finding.is_well]:
            raise CommandError(f"Not well: {', '.join(ill)}.", returncode=1)

    def _sync_things(self, *, dry_run: bool, **options: Any) -> None:
        began, before, throttled = time.monotonic(), cloud.call.made.copy(), cloud.call.throttled
        found = reconcile.difference(lambda count: self._progress(f"  {count} Things read"))
        total, told = sum(found.counts().values()), 0

        def one_more() -> None:
            nonlocal told
            told += 1
            self._progress(f"  {told} of {total} told")

        if not dry_run:
            reconcile.apply(found, one_more)
        self._progress("")
        calls = dict(cloud.call.made - before)
        effort = {
            "seconds": round(time.monotonic() - began, 1),
            "calls": calls,
            "throttled": cloud.call.throttled - throttled,
        }
        if options["json"]:
            self.stdout.write(json.dumps({**found.counts(), "told": told, "dry_run": dry_run, **effort}))
            return
        words = {
            "to_create": "Things to make",
            "to_update": "Things to change",
            "to_adopt": "chargers to register",
            "to_remove": "Things to remove",
            "nameless": "Things that cannot be chargers",
        }
        for name, count in found.counts().items():
            some = ", ".join(getattr(found, name)[:3]) + (", …" if count > 3 else "")
            self.stdout.write(f"  {words[name]:<32}{count:>7}  {some}")
        self.stdout.write("  nothing was done (--dry-run)" if dry_run else f"  told of {told} chargers")
        self.stdout.write(
            f"  {effort['seconds']} s, {sum(calls.values()):,} calls ("
            + ", ".join(f"{count:,} {name}" for name, count in calls.items())
            + f"), {effort['throttled']} throttled by AWS and made again"
        )

    def _progress(self, text: str) -> None:
        """One line that renews itself, for people."""
        if sys.stderr.isatty():
            self.stderr.write(f"\r\033[K{text}", ending="")
