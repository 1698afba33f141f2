#!/usr/bin/env python3
"""Chargeyard's one command: `up` starts everything, `test` checks everything, the rest is Django's."""

import os
import sys
import tempfile

if sys.version_info < (3, 11):
    sys.exit(
        "Chargeyard needs Python 3.11 or newer; %s is %d.%d. Install it, then: python3.11 manage.py %s"
        % (sys.executable, sys.version_info[0], sys.version_info[1], " ".join(sys.argv[1:]))
    )

import bootstrap


def main() -> int:
    """Run the command in the project's own Python environment; returns the exit code."""
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    bootstrap.enter("requirements-dev.txt" if command == "test" else "requirements.txt")

    if command == "test":
        return run_tests(sys.argv[2:])
    if command == "up":
        # Without Django: the supervisor stays alive for as long as the yard does, so it stays small.
        from portal.supervisor import up

        return up.main(sys.argv[2:])

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
    return 0


def run_tests(arguments: list[str]) -> int:
    """Run pytest on all cores (at most four); what stands in ``arguments`` comes later and wins."""
    import pytest

    os.chdir(bootstrap.ROOT)
    with tempfile.TemporaryDirectory(prefix="chargeyard-tests-") as home:
        # Settings are read before conftest.py: without this, tests would find the parts of a yard that runs here.
        os.environ["CHARGEYARD_HOME"] = home
        return int(pytest.main(["-n", "auto", "--maxprocesses", "4", *arguments]))


if __name__ == "__main__":
    sys.exit(main())
