"""A firmware update, step by step on the agenda. Pure: who fetches the file is handed in.

The new version is read from the URL's file name. So that the unhappy paths can be seen too, a file name with `broken`
in it fails to install, and a charger may have a `firmware_fault` of its own: whatever it is told to install, its
`download` or `install` fails, it falls `silent`, or it boots with its `old` version.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from gateway.simulator.events import JobKind, JobStep, JobTold, SecurityAlarm

if TYPE_CHECKING:
    from gateway.simulator.charger import Charger

FETCHABLE = ("http", "https", "ftp", "ftps", "sftp")
FAULTS = ("download", "install", "silent", "old")
Fetch = Callable[[str, Callable[[bool], None]], None]
"""Gets a URL, and whom to tell whether it could be fetched."""
_VERSION = re.compile(r"\d+(?:[._]\d+)+(?:-[0-9A-Za-z.]+)?")
_ENDING = re.compile(r"\.(?:bin|img|fw|hex|zip|gz|tgz|tar|swu|signed|raucb)$", re.IGNORECASE)


def version_of(url: str) -> str:
    """The version in the last part of a URL's path: `…/acme-2.1.0.bin` is 2.1.0; without a number, the bare name."""
    name = unquote(urlsplit(url).path).rstrip("/").rsplit("/", 1)[-1]
    while (bare := _ENDING.sub("", name)) != name:
        name = bare
    found = _VERSION.search(name)
    return (found.group().replace("_", ".") if found else name)[:50] or "unnamed"


@dataclass(slots=True)
class FirmwareUpdate:
    """One order to update. A later order cancels it."""

    charger: Charger
    url: str
    kind: JobKind
    request_id: int | None
    fetch: Fetch | None = None
    """None: whatever has a scheme that we know can be fetched."""
    step: JobStep = JobStep.IDLE
    is_cancelled: bool = False

    @property
    def is_over(self) -> bool:
        over = (JobStep.INSTALLED, JobStep.INSTALLATION_FAILED, JobStep.DOWNLOAD_FAILED)
        return self.is_cancelled or self.step in over

    def begin(self, retrieve_at: float) -> None:
        agenda = self.charger.agenda
        agenda.at(max(retrieve_at, agenda.now() + 0.1), self._download)

    def tell(self, step: JobStep) -> None:
        self.step = step
        self.charger.tell(JobTold(self.kind, step, self.request_id))

    def cancel(self) -> None:
        self.is_cancelled = True
        self.charger.is_closed_for_work = False

    def finish(self) -> None:
        """The charger has booted with the new version."""
        self.tell(JobStep.INSTALLED)
        version = self.charger.settings.text("firmware")
        self.charger.tell(SecurityAlarm("FirmwareUpdated", f"Now {version}", self.charger.agenda.now()))

    def _later(self, do: Callable[[], None]) -> None:
        self.charger.agenda.after(self.charger.pace.machine_s(self.charger.chance), do)

    def _download(self) -> None:
        if not self.is_cancelled:
            self.tell(JobStep.DOWNLOADING)
            scheme = urlsplit(self.url).scheme
            if self.fetch is not None and scheme in ("http", "https"):
                self.fetch(self.url, self._downloaded)
            else:
                self._later(partial(self._downloaded, scheme in FETCHABLE))

    def _downloaded(self, is_here: bool) -> None:
        if self.is_cancelled:
            return
        if not is_here or self.charger.firmware_fault == "download":
            self.tell(JobStep.DOWNLOAD_FAILED)
            return
        self.tell(JobStep.DOWNLOADED)
        if self.kind is JobKind.SIGNED_FIRMWARE:
            self.tell(JobStep.SIGNATURE_VERIFIED)
        self.charger.is_closed_for_work = True
        self._later(self._install)

    def _install(self) -> None:
        if self.is_cancelled:
            return
        if self.charger.sessions() or not self.charger.is_powered:
            # Nobody's charge is cut off for an update: look again later; new cars are turned away meanwhile.
            self._later(self._install)
            return
        self.tell(JobStep.INSTALLING)
        self._later(self._reboot)

    def _reboot(self) -> None:
        self.charger.is_closed_for_work = False
        if self.is_cancelled:
            return
        if "broken" in self.url.rsplit("/", 1)[-1] or self.charger.firmware_fault == "install":
            self.tell(JobStep.INSTALLATION_FAILED)
            return
        if self.charger.firmware_fault == "silent":
            return
        self.tell(JobStep.INSTALL_REBOOTING)
        if self.charger.firmware_fault != "old":
            self.charger.settings.install("firmware", version_of(self.url))
        self.charger.power_down("FirmwareUpdate")
