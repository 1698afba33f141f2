"""Children that never outlive their parent, however it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """In a forked child: be killed when the thread that forked us ends, at once if it has. On Linux; else a no-op."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # It may have died before we could ask.
    if os.getppid() != parent_pid:
        os._exit(1)
