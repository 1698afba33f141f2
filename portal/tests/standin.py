"""A supervisor over stand-in children, for `test_supervisor.py`: `python -m portal.tests.standin LOGS JSON`.

JSON maps names to commands, in the order of their start. Prints "name pid" for each child, then tends them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from portal.supervisor.children import Program
from portal.supervisor.console import Console
from portal.supervisor.signals import Signals
from portal.supervisor.stack import Stack


def main(logs: str, programs: str) -> None:
    console = Console()
    stack = Stack(console=console, signals=Signals(), logs=Path(logs), cwd=Path(logs))
    for name, command in json.loads(programs).items():
        child = stack.start(Program(name, tuple(command), grace_s=20))
        console.say(f"{name} {child.pid}")
    stack.tend()
    stack.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
