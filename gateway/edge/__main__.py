"""`python -m gateway.edge`: lead one site. Settings come from the environment, see docs/edge.md."""

from __future__ import annotations

import os
import queue
import signal
import socket
import sqlite3
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson
import structlog
from django.conf import settings

from gateway import frames, topics
from gateway.bus.publisher import Publication
from gateway.edge.journal import InUse, Journal
from gateway.edge.leader import Leader
from gateway.edge.line import Heard, Line
from gateway.edge.standin import StandIn

TICK_S = 0.1
LIVES_EVERY_S = 1.0
MOST_AT_ONCE = 1000

log = structlog.get_logger("gateway.edge")


class Edge:
    """One thread hears, thinks, writes and speaks, in this order."""

    def __init__(self, site: int, journal: Journal, line: Line) -> None:
        now = time.time()
        self._line = line
        self._status = topics.worker_status(worker_id(site))
        self.leader = Leader(site, journal, now=now)
        self.stand_in = StandIn(journal, now=now)
        self._identities: dict[str, str] = {}
        self._lives_at = 0.0
        self._follow()

    def run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            self._hear_all()
            now = time.time()
            try:
                said = self.leader.tick(now) + self.stand_in.tick(now)
            except sqlite3.OperationalError as error:
                # Nothing leaves that is not on the disk, not even that we live: the gateway sends chargers away then.
                log.error("journal_refuses", error=str(error))  # noqa: TRY400 - the sentence says it all
                stopped.wait(1.0)
                continue
            if now - self._lives_at >= LIVES_EVERY_S:
                self._lives_at = now
                said.append(status(self._status, "online"))
            self._line.say(said)

    def _hear_all(self) -> None:
        """What has come, after a moment's wait for it."""
        timeout_s = TICK_S
        for _ in range(MOST_AT_ONCE):
            try:
                heard = self._line.heard.get(timeout=timeout_s)
            except queue.Empty:
                return
            timeout_s = 0.001
            try:
                self._hear(heard, time.time())
            except Exception:
                # What one charger says must not cost the others their leader.
                log.exception("not_heard", topic=heard.topic)

    def _hear(self, heard: Heard, now: float) -> None:
        topic, payload, is_retained = heard
        if topic.endswith(("/in", "/out")):
            if not is_retained:
                self._hear_frame(topic, payload.decode("utf-8", "replace"), now)
        elif topics.covers(topics.every_worker_status(), topic):
            if topic != self._status and b'"offline"' not in payload:
                self.stand_in.worker_spoke(now)
        elif (told := topics.site_of(topic)) is not None and told[1] == "brief":
            self.leader.hear_brief(payload, now=now)
            self._follow()
        elif told is not None and told[1] == "meter":
            self.leader.hear_meter(payload, is_retained=is_retained, now=now)

    def _hear_frame(self, topic: str, text: str, now: float) -> None:
        head, _, way = topic.rpartition("/")
        key = head.removeprefix(settings.MQTT_PREFIX)
        if (charger := self._identities.get(key)) is None:
            return
        frame = frames.parse(text, frames.ALL_TYPES)
        if way == "in":
            if self.stand_in.hear_charger(key, text, frame):
                self.leader.hear_charger(charger, frame, now=now)
            return
        if isinstance(frame, frames.Result | frames.Error):
            self.stand_in.hear_answer(key, frame.message_id)
        self.leader.hear_csms(charger, frame, now=now)

    def _follow(self) -> None:
        chargers = {place.told.charger for place in self.leader.places.values()}
        self._identities = {topics.key(charger): charger for charger in chargers}
        self._line.follow(set(self._identities))


def worker_id(site: int) -> str:
    """Under this name the gateway hears that somebody keeps what chargers say."""
    return f"edge-{site}@{socket.gethostname()}"


def status(topic: str, word: str) -> Publication:
    """As `gateway.ingest.pulse.status`."""
    told = {"worker": topic.split("/")[-2], "status": word, "at": datetime.now(UTC)}
    return Publication(topic, orjson.dumps(told, option=orjson.OPT_UTC_Z))


def main() -> int:
    try:
        site, url = int(os.environ["EDGE_SITE"]), os.environ["MQTT_URL"]
    except (KeyError, ValueError):
        sys.stderr.write("EDGE_SITE is the site's number, MQTT_URL the broker there, e.g. mqtt://127.0.0.1:1883\n")
        return 2
    # What the topics and the connection ask for; nothing else of Django is loaded.
    settings.configure(
        MQTT_PREFIX=os.environ.get("MQTT_PREFIX", ""),
        MQTT_CLIENT_PEM=os.environ.get("MQTT_CLIENT_PEM", ""),
        MQTT_CA_FILE=os.environ.get("MQTT_CA_FILE", ""),
    )
    try:
        journal = Journal(Path(os.environ.get("EDGE_JOURNAL", "edge.sqlite3")))
    except (InUse, sqlite3.Error) as error:
        sys.stderr.write(f"The journal cannot be used: {error}\n")
        return 1
    gone = status(topics.worker_status(worker_id(site)), "offline")
    line = Line(url, site, will=gone)
    edge, stopped = Edge(site, journal, line), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    line.start()
    log.info("edge_started", site=site, broker=url.rpartition("@")[2])
    edge.run(stopped)
    line.stop(gone)
    journal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
