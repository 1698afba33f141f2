"""From the domain's news to the browsers: which topics changed, at most four times a second from each process.

Receivers only put topic names into a set; one background thread hands them to the Channels layer with an event loop of
its own, so it works the same in Daphne, in Celery's pool children and in a shell, and never holds up whoever commits.
A lost topic is harmless (the page is only late), so trouble with Redis is logged and forgotten here.

Topics: ``chargers``, ``charger-<pk>``, ``commands-<charger pk>``, ``sessions``, ``session-<pk>``, ``issues``,
``issue-<pk>``, ``jobs``, ``configuration``, ``files``, ``files-<charger pk>``, ``campaigns``, ``campaign-<pk>``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from django.dispatch import receiver

from chargers.signals import (
    campaign_changed,
    charger_changed,
    command_changed,
    configuration_changed,
    files_changed,
)
from portal.issues.signals import issue_changed
from sessions.signals import session_changed

GROUP = "live"
FLUSH_S = 0.25

log = logging.getLogger(__name__)


class Announcer:
    """Collects topics and sends them in the background. One per process; safe to use from any thread."""

    def __init__(self) -> None:
        self._forget()
        # The pool children of a Celery worker are forked: the thread does not come along.
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._topics: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def announce(self, topics: Iterable[str]) -> None:
        with self._lock:
            self._topics.update(topics)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="live-announcer", daemon=True)
                self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while True:
                self._wake.wait()
                time.sleep(FLUSH_S)
                self._wake.clear()
                with self._lock:
                    topics, self._topics = self._topics, set()
                if topics:
                    runner.run(self._send(sorted(topics)))

    async def _send(self, topics: list[str]) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        try:
            await asyncio.wait_for(layer.group_send(GROUP, {"type": "live.changed", "topics": topics}), timeout=2)
        except Exception as error:
            log.warning("Browsers were not told of %d changes: %s: %s", len(topics), type(error).__name__, error)


announcer = Announcer()


@receiver(charger_changed, dispatch_uid="live")
def _charger_changed(charger_ids: set[int], **kwargs: Any) -> None:
    announcer.announce(["chargers", *(f"charger-{pk}" for pk in charger_ids)])


@receiver(command_changed, dispatch_uid="live")
def _command_changed(command_ids: set[UUID], charger_ids: set[int], **kwargs: Any) -> None:
    announcer.announce(["jobs", *(f"commands-{pk}" for pk in charger_ids)])


@receiver(configuration_changed, dispatch_uid="live")
def _configuration_changed(charger_ids: set[int], **kwargs: Any) -> None:
    announcer.announce(["configuration", *(f"charger-{pk}" for pk in charger_ids)])


@receiver(session_changed, dispatch_uid="live")
def _session_changed(session_ids: set[int], charger_ids: set[int], **kwargs: Any) -> None:
    announcer.announce(["sessions", *(f"session-{pk}" for pk in session_ids), *(f"charger-{pk}" for pk in charger_ids)])


@receiver(issue_changed, dispatch_uid="live")
def _issue_changed(issue_ids: set[int], charger_ids: set[int], **kwargs: Any) -> None:
    announcer.announce(["issues", *(f"issue-{pk}" for pk in issue_ids), *(f"charger-{pk}" for pk in charger_ids)])


@receiver(files_changed, dispatch_uid="live")
def _files_changed(charger_ids: set[int], **kwargs: Any) -> None:
    announcer.announce(["files", *(f"files-{pk}" for pk in charger_ids)])


@receiver(campaign_changed, dispatch_uid="live")
def _campaign_changed(campaign_ids: set[int], **kwargs: Any) -> None:
    announcer.announce(["campaigns", *(f"campaign-{pk}" for pk in campaign_ids)])
