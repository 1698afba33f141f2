"""Builds the project's own Python environment, `.venv`, when `manage.py` finds none. Standard library only.

Needs Python 3.11 and pip, but not Debian's python3-venv package: the pip of the Python that runs us installs into the
environment. The packages come pinned and hashed from `requirements.txt`; a marker with the digest of that file makes
later starts free and a changed file install again. An interrupted install starts over; two at once take turns.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from portal.supervisor.console import Console

ROOT = Path(__file__).resolve().parent
# What tells that an environment somebody else made (Docker image, own virtualenv) has the packages.
TELLTALES = {"requirements.txt": "django", "requirements-dev.txt": "pytest"}
# The left file holds all pins of the right one (a test sees to it): whoever installs it has both.
HELD_BY = {"requirements-dev.txt": "requirements.txt"}
# `pip --python OTHER install …` exists since this release.
PIP_THAT_INSTALLS_ELSEWHERE = (22, 3)
NO_PIP = (
    "Neither {python} nor the environment in {folder} has a pip that can install packages.\n"
    "The way out on Debian and Ubuntu: apt install python3-pip (or python3-venv); elsewhere: {python} -m ensurepip"
)


class CannotPrepare(Exception):
    """The environment could not be built; the text says why and what to do."""


def enter(requirements: str) -> None:
    """Return when the running interpreter has the packages of ``requirements``, else build them and re-execute."""
    environment = Environment(ROOT / ".venv")
    if not environment.is_running() and in_a_virtualenv_with(TELLTALES[requirements]):
        return
    wanted = ROOT / requirements
    try:
        if not environment.is_ready(wanted):
            environment.prepare(wanted, Console())
        elif environment.is_running():
            return
    except CannotPrepare as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped before all packages were there; the same command starts over.")
    sys.stdout.flush()
    os.execv(environment.python, [str(environment.python), *sys.orig_argv[1:]])  # noqa: S606


def in_a_virtualenv_with(package: str) -> bool:
    """Whether somebody activated an environment of their own that has ``package``; then it is theirs to fill."""
    return sys.prefix != sys.base_prefix and importlib.util.find_spec(package) is not None


class Environment:
    """A virtual environment in ``folder`` and what is known to be installed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self._unfinished = folder / "unfinished"

    def is_running(self) -> bool:
        """Whether this very process runs in it."""
        return self.folder.exists() and self.folder.samefile(sys.prefix)

    def is_ready(self, requirements: Path) -> bool:
        """Whether ``requirements``, as the file is now, is installed completely and for the Python that is there."""
        if self._unfinished.exists() or not os.access(self.python, os.X_OK):
            return False
        try:
            return self._marker(requirements).read_text() == self._digest(requirements)
        except FileNotFoundError:
            return False

    def prepare(self, requirements: Path, console: Console) -> None:
        """Create the environment where it is missing or broken, then install ``requirements``."""
        with self._alone(console):
            if self.is_ready(requirements):
                return  # the other start did it
            console.say(f"Preparing Chargeyard's own Python environment in {self.folder} (once)")
            if self._unfinished.exists() or not self._runs():
                with console.step("virtual environment"):
                    self._create()
            self._unfinished.touch()
            with console.step(f"packages of {requirements.name}") as step:
                self._install(requirements, on_progress=lambda text: setattr(step, "detail", text))
            for installed in (requirements, requirements.with_name(HELD_BY.get(requirements.name, requirements.name))):
                self._marker(installed).write_text(self._digest(installed))
            self._unfinished.unlink()

    def _marker(self, requirements: Path) -> Path:
        return self.folder / f"{requirements.name}.installed"

    def _digest(self, requirements: Path) -> str:
        # The interpreter counts too: packages of 3.11 are of no use once the system's python3 has become 3.12.
        interpreter = os.path.realpath(self.python)
        return hashlib.sha256(requirements.read_bytes() + interpreter.encode()).hexdigest()

    def _runs(self) -> bool:
        probe = "import sys; sys.exit(sys.version_info < (3, 11) or sys.prefix == sys.base_prefix)"
        try:
            return subprocess.run([str(self.python), "-c", probe], capture_output=True, check=False).returncode == 0
        except OSError:
            return False

    def _create(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        base = _base_python()
        done = subprocess.run(
            [base, "-m", "venv", "--without-pip", str(self.folder)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise CannotPrepare(f"{base} -m venv failed: {done.stderr.strip() or done.stdout.strip()}")

    def _install(self, requirements: Path, *, on_progress: Callable[[str], None]) -> None:
        total = len(re.findall(r"^[\w.-]+==", requirements.read_text(), re.MULTILINE))
        log_path = self.folder / "install.log"
        command = [*self._pip(), "install", "--require-hashes", "--no-deps", "--no-compile", "--no-input"]
        command += ["--disable-pip-version-check", "--no-warn-script-location", "--progress-bar", "off"]
        collected, lines = 0, []
        with (
            log_path.open("w") as log,
            subprocess.Popen(
                [*command, "-r", requirements],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                # A user's `user = true` in pip.conf cannot be combined with a virtual environment.
                env=os.environ | {"PIP_USER": "0", "PYTHONUNBUFFERED": "1"},
            ) as pip,
        ):
            for line in pip.stdout or ():
                log.write(line)
                lines.append(line)
                collected += line.startswith("Collecting ")
                on_progress("installing" if line.startswith("Installing ") else f"{collected} of about {total}")
        if pip.returncode != 0:
            raise CannotPrepare(
                f"pip could not install {requirements.name} (all of it: {log_path}):\n"
                + "".join(f"    {line}" for line in lines[-8:])
                + "The way out: check the network (or your pip mirror) and run the same command again."
            )

    def _pip(self) -> list[str]:
        """The command that installs into this environment: its own pip, else the pip of the Python that runs us."""
        own = [str(self.python), "-m", "pip"]
        if _pip_version(own):
            return own
        for python in (sys.executable, _base_python()):
            outer = [python, "-m", "pip"]
            if _pip_version(outer) >= PIP_THAT_INSTALLS_ELSEWHERE:
                return [*outer, "--python", str(self.python)]
        subprocess.run([str(self.python), "-m", "ensurepip"], capture_output=True, check=False)
        if _pip_version(own):
            return own
        raise CannotPrepare(NO_PIP.format(python=_base_python(), folder=self.folder))

    @contextlib.contextmanager
    def _alone(self, console: Console) -> Iterator[None]:
        """Hold the project folder's lock, so that two first starts at once take turns."""
        try:
            import fcntl
        except ImportError:
            raise CannotPrepare("Chargeyard runs on Linux and macOS; on Windows use WSL or docker compose.") from None
        handle = os.open(self.folder.parent, os.O_RDONLY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                console.say(f"Another start is preparing {self.folder}; waiting for it.")
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _base_python() -> str:
    """The interpreter below any virtual environment; it survives when the environment is removed."""
    base: str = getattr(sys, "_base_executable", sys.executable)
    return base


def _pip_version(pip: list[str]) -> tuple[int, ...]:
    """The version of the pip that ``pip`` starts, such as (23, 0); () when there is none."""
    try:
        done = subprocess.run([*pip, "--version"], capture_output=True, text=True, check=False)
    except OSError:  # the interpreter itself is gone
        return ()
    found = re.match(r"pip (\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found else ()
