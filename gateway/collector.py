"""How often Python looks for garbage: by itself after each 700 new objects, and a process of ours holds a million."""

from __future__ import annotations

import gc


def keep_collector_off() -> None:
    """What is loaded by now stays, and nobody looks at it again; before a fork, so that children go on sharing it.

    A full collection over 10,000 connections would stop them all for a while, and a plan of a large site makes 100,000
    objects, none of them garbage before its end.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
