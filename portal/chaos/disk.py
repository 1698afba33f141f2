"""A small disk of its own for the database, so that it can be full without harm to anybody else. Linux, as root.

It is mounted in a namespace of this process: other processes of the machine do not see it, and it is gone with us,
however we end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CLONE_NEWNS = 0x00020000
BALLAST = "ballast"


@dataclass(frozen=True, slots=True)
class Disk:
    folder: Path

    def fill(self) -> None:
        """Take the last free byte, and wait for none to be left."""
        with (self.folder / BALLAST).open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(64 * 1024))
        with (self.folder / BALLAST).open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))

    def make_room(self) -> None:
        (self.folder / BALLAST).unlink(missing_ok=True)


def why_not() -> str:
    """Why there can be no such disk; "" if there can."""
    if sys.platform != "linux":
        return "a disk of its own for the database needs Linux"
    if os.geteuid() != 0:
        return "a disk of its own for the database needs root, to mount it"
    return ""


@contextlib.contextmanager
def mounted(folder: Path, *, mib: int) -> Iterator[Disk]:
    """Put a disk in the place of ``folder`` while the block runs. Raises OSError where that is not allowed."""
    _leave_namespace()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0755", "tmpfs", str(folder)], check=True)
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _leave_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"This process cannot have a mount of its own: {os.strerror(error)}")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
