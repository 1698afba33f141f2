"""`python3 manage.py simulate`: chargers that behave, for a demo, a test or a load."""

from __future__ import annotations

import asyncio
import math
import sys
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gateway.simulator.fleet import Fleet, FleetError, Member, Plan, from_file, named, numbered, simulate
from gateway.simulator.progress import Progress, summary

SPARE_DESCRIPTORS = 64


class Command(BaseCommand):
    help = "Run simulated chargers against an OCPP-J CSMS (ours or any other) until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="ws://127.0.0.1:8000/ocpp", help="where chargers dial, without identity")
        parser.add_argument("--chargers", type=_count, default=1, metavar="N", help="how many")
        parser.add_argument("--ocpp", choices=["1.6", "2.0.1", "2.1", "mixed"], default="mixed")
        parser.add_argument("--prefix", default="SIM-", help="identities are PREFIX00001 …")
        parser.add_argument(
            "--identity", action="append", metavar="IDENTITY", help="this one, instead of --chargers; repeat for more"
        )
        parser.add_argument("--password", help="one password for all (security profile 1); without it, no credentials")
        parser.add_argument("--connectors", type=_count, default=2, metavar="N", help="per charger")
        parser.add_argument("--token", action="append", metavar="TOKEN", help="a driver's token; repeat for more")
        parser.add_argument(
            "--fleet", type=Path, metavar="FILE", help="JSON with named chargers, instead of --chargers"
        )
        parser.add_argument("--day-length", type=_positive, metavar="S", help="one simulated day in S seconds")
        parser.add_argument("--seed", type=int, help="the same luck again")
        parser.add_argument("--duration", type=_positive, metavar="S", help="stop after S seconds")
        parser.add_argument(
            "--ramp", type=_positive, default=50.0, metavar="PER_S", help="chargers that dial per second"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            plan = _plan(options)
        except FleetError as error:
            raise CommandError(str(error)) from error
        _admit_sockets(len(plan.members))
        is_terminal = self.stdout.isatty()
        progress = Progress()

        def watch(fleet: Fleet) -> None:
            line = progress.line(fleet)
            # One line that renews itself for people, plain lines for logs.
            self.stdout.write(f"\r\x1b[K{line}" if is_terminal else line, ending="" if is_terminal else "\n")
            self.stdout.flush()

        def notice(sentence: str) -> None:
            self.stderr.write(f"\r\x1b[K{sentence}" if is_terminal else sentence)

        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            fleet = runner.run(simulate(plan, notice=notice, watch=watch, every_s=1.0 if is_terminal else 10.0))
        self.stdout.write(f"{chr(10) if is_terminal else ''}Done: {summary(fleet)}")


def _members(options: dict[str, Any]) -> list[Member]:
    common = {name: options[name] for name in ("ocpp", "password", "connectors")}
    if options["identity"]:
        return named(options["identity"], **common)
    return numbered(options["chargers"], prefix=options["prefix"], **common)


def _plan(options: dict[str, Any]) -> Plan:
    tokens: tuple[str, ...] = ()
    if options["fleet"] is not None:
        members, tokens = from_file(options["fleet"])
    else:
        members = _members(options)
    plan = Plan(
        options["url"],
        members,
        day_s=options["day_length"],
        seed=options["seed"],
        ramp_per_s=options["ramp"],
        duration_s=options["duration"],
    )
    if chosen := tuple(options["token"] or ()) or tokens:
        plan.tokens = chosen
    return plan


def _admit_sockets(count: int) -> None:
    """Each charger takes a file descriptor: raise the soft limit as far as needed. Raises CommandError."""
    if sys.platform == "win32":
        return
    import resource  # Unix only

    needed = count + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise CommandError(f"{count} chargers need {needed} open files, the limit is {hard}: raise it (ulimit -n).")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def _loop_factory() -> Any:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
