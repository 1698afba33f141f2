"""`python3 manage.py certify`: the public certification cases for a CSMS, against a yard of its own; yours is not
touched. Exit code 1 if a case fails; what is missing is said and does not count as a failure."""

from __future__ import annotations

import asyncio
import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal.bench.yard import ROOT, YardFailed
from portal.certify import report, run
from portal.certify.catalogue import VERSIONS, chosen
from portal.certify.judged import judged
from portal.supervisor.parts import PartMissing
from portal.supervisor.stack import StartFailed


class Command(BaseCommand):
    help = "Play the certification cases against a temporary yard; passed/total per block, a reason for each other one."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--ocpp", choices=VERSIONS, default="", help="only the cases of this version")
        parser.add_argument("--block", default="", help='only this block, e.g. "B" or "Reservation"')
        parser.add_argument("--case", action="append", metavar="TC_…", help="only this case; may be given again")
        parser.add_argument("--write-docs", action="store_true", help="only write docs/certification.md")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write all outcomes there as well")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["write_docs"]:
            (ROOT / "docs" / "certification.md").write_text(report.document())
            return
        try:
            cases = chosen(ocpp=options["ocpp"], block=options["block"], ids=options["case"])
        except KeyError as error:
            raise CommandError(error.args[0]) from error
        self._say(f"{len(cases)} cases; bringing up a yard of its own")
        try:
            with judged() as desk:
                outcomes = asyncio.run(run.run(cases, desk, tell=self._tell))
        except (PartMissing, StartFailed, YardFailed) as error:
            raise CommandError(str(error)) from error
        self._say("")
        for line in report.lines(outcomes):
            self._say(line)
        if options["json"]:
            options["json"].write_text(json.dumps(report.as_json(outcomes), indent=1))
        if failed := [outcome.case.id for outcome in outcomes if outcome.result == run.FAILED]:
            raise CommandError(f"{len(failed)} failed: {', '.join(failed)}")

    def _tell(self, outcome: run.Outcome) -> None:
        if outcome.result == run.FAILED:
            self._say(f"{outcome.case.id} failed: {outcome.reason}")

    def _say(self, text: str) -> None:
        self.stdout.write(f"  {text}".rstrip())
        self.stdout.flush()
