"""One simulated charger on the wire: the charger, its dialect and its link, and the promises that span them.

Boots before it speaks, beats as it was told, does not boot again for a mere reconnect, tells then only what
changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from enum import Enum, auto
from functools import partial

from gateway.simulator import events as e
from gateway.simulator.agenda import Entry
from gateway.simulator.calls import Call, Kind, Payload, Refused
from gateway.simulator.charger import Charger
from gateway.simulator.configuration import Verdict
from gateway.simulator.dialect import Dialect
from gateway.simulator.download import download
from gateway.simulator.events import Event, JobKind, JobStep, StatusChanged, Topic
from gateway.simulator.jobs import FirmwareUpdate
from gateway.simulator.link import Endpoint, Link
from gateway.simulator.stats import Stats
from gateway.simulator.upload import upload

log = logging.getLogger(__name__)

BOOT_RETRY_S = 30.0
"""Between boots when the CSMS leaves the interval to us, or does not answer at all."""

REDIAL_S = 0.2
"""From the answer to a new password until it is tried."""


class Gate(Enum):
    """What may be sent (1.6 §4.2, 2.0.1 B01–B03)."""

    SHUT = auto()
    PENDING = auto()
    OPEN = auto()


class Agent:
    def __init__(
        self, charger: Charger, dialect: Dialect, endpoint: Endpoint, password: str | None, *, stats: Stats
    ) -> None:
        self.charger = charger
        self.faulted: set[int] = set()
        self.link = Link(
            endpoint,
            charger.identity,
            dialect.subprotocol,
            password,
            host=self,
            agenda=charger.agenda,
            chance=charger.chance,
            stats=stats,
        )
        self._dialect = dialect
        self._stats = stats
        self._gate = Gate.SHUT
        self._told: dict[int, str] = {}
        self._boot_entry: Entry | None = None
        self._beat_entry: Entry | None = None
        self._update: FirmwareUpdate | None = None
        self._jobs: dict[JobKind, tuple[JobKind, JobStep, int | None]] = {}
        self._transfers: set[asyncio.Task[None]] = set()
        charger.listeners.append(self.hear)

    # --- the link's host -----------------------------------------------------------------------------------------

    def connected(self) -> None:
        if self._gate is Gate.OPEN:
            self._tell_states()
        elif self._boot_entry is None:
            # Else the CSMS has said when to boot again, and a new socket does not change that.
            self._boot()

    def disconnected(self) -> None:
        if self._gate is Gate.PENDING:
            self._gate = Gate.SHUT

    def may_send(self, call: Call) -> bool:
        match self._gate:
            case Gate.OPEN:
                return True
            case Gate.PENDING:
                return call.kind in (Kind.BOOT, Kind.TRIGGERED)
            case Gate.SHUT:
                return call.kind is Kind.BOOT

    def answer(self, action: str, payload: Payload) -> Payload:
        handler = self._dialect.handlers.get(action)
        if handler is None:
            raise Refused("NotImplemented", f"This charger does not know {action}.")
        try:
            return handler(self, payload)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            log.debug("charger=%s action=%s cannot be read", self.charger.identity, action, exc_info=True)
            raise Refused(self._dialect.malformed, f"{action} cannot be read: {error!r}") from error

    def retry_rule(self) -> tuple[float, int, float]:
        settings = self.charger.settings
        return (
            settings.number("message_timeout_s"),
            settings.number("message_attempts"),
            settings.number("message_retry_s"),
        )

    def ping_interval_s(self) -> int:
        return self.charger.settings.number("websocket_ping_s")

    # --- booting and beating -------------------------------------------------------------------------------------

    def _boot(self) -> None:
        self._forget_boot_entry()
        if self._gate is Gate.OPEN or not self.link.is_up:
            return
        call = self._dialect.boot(self.charger, self.charger.boot_reason)
        call.on_answer = self._booted
        call.on_failure = self._boot_failed
        self.link.queue(call)

    def _boot_failed(self) -> None:
        """No answer, or an error. If the socket went with it, the next one begins with a boot anyway."""
        if self.link.is_up:
            self._boot_later(BOOT_RETRY_S)

    def _forget_boot_entry(self) -> None:
        if self._boot_entry is not None:
            self._boot_entry.cancel()
            self._boot_entry = None

    def _boot_later(self, delay_s: float) -> None:
        self._forget_boot_entry()
        self._boot_entry = self.charger.agenda.after(delay_s, self._boot)

    def _booted(self, answer: Payload) -> None:
        status, interval_s = answer.get("status"), int(answer.get("interval") or 0)
        if status != "Accepted":
            self._gate = Gate.PENDING if status == "Pending" else Gate.SHUT
            self._boot_later(interval_s or BOOT_RETRY_S)
            self.link.wake()
            return
        self._gate = Gate.OPEN
        if interval_s > 0:
            self.charger.settings.install("heartbeat_interval_s", interval_s)
        self._told.clear()
        self._beat_later()
        self._tell_states()
        if self._update is not None and self._update.step is JobStep.INSTALL_REBOOTING:
            self._update.finish()
        self.link.wake()

    def _beat_later(self) -> None:
        if self._beat_entry is not None:
            self._beat_entry.cancel()
        delay_s = self.charger.settings.number("heartbeat_interval_s")
        self._beat_entry = self.charger.agenda.after(delay_s, self._beat)

    def _beat(self) -> None:
        if self._gate is Gate.OPEN:
            self.link.queue(self._dialect.heartbeat())
            self._beat_later()

    # --- telling -------------------------------------------------------------------------------------------------

    def hear(self, event: Event) -> None:
        match event:
            case e.PoweredDown(off_s):
                self._gate = Gate.SHUT
                self._forget_boot_entry()
                self.link.drop(off_s, politely=True)
            case e.LinkLost(off_s):
                self.link.drop(off_s, politely=False)
            case e.StatusChanged():
                self._tell_state(event)
            case e.TokenShown(connector, token, _, remote_id) if not self.is_online:
                self.charger.answer_token_offline(connector, token, remote_id)
            case _:
                self._count(event)
                for call in self._dialect.report(self, event):
                    self.link.queue(call)

    def _count(self, event: Event) -> None:
        match event:
            case e.SessionStarted():
                self._stats.sessions += 1
            case e.TokenAnswered(_, False):
                self._stats.tokens_refused += 1
            case e.JobTold(kind, step, request_id):
                self._jobs[kind] = (kind, step, request_id)

    def _tell_states(self) -> None:
        """Tell every state that the CSMS does not know yet."""
        now = self.charger.agenda.now()
        if self._dialect.tells_whole_charger:
            self._tell_state(StatusChanged(0, self.charger.state, None, now))
        for connector in self.charger.connectors:
            self._tell_state(StatusChanged(connector.number, connector.state, connector.fault, now))

    def _tell_state(self, event: StatusChanged) -> None:
        """What cannot be sent now is told when the line or the gate opens again."""
        if event.number == 0 and not self._dialect.tells_whole_charger:
            return
        name = self._dialect.status_name(event.state)
        if not self.is_online or self._told.get(event.number) == name:
            return
        self._told[event.number] = name
        for call in self._dialect.status(self, event):
            call.on_failure = partial(self._untold, event.number)
            self.link.queue(call)

    def _untold(self, number: int) -> None:
        self._told.pop(number, None)

    # --- what dialects use ---------------------------------------------------------------------------------------

    @property
    def is_online(self) -> bool:
        return self.link.is_up and self._gate is Gate.OPEN

    @property
    def owes(self) -> bool:
        return self.link.owes

    def queue(self, call: Call) -> None:
        self.link.queue(call)

    def change_setting(self, name: str, value: str) -> Verdict:
        verdict = self.charger.change_setting(name, value)
        if verdict is Verdict.ACCEPTED and name == "heartbeat_interval_s":
            self._beat_later()
        return verdict

    def change_password(self, password: str) -> None:
        """From the next connection on, which comes soon so that the new password proves itself (1.6 TC_073)."""
        self.link.password = password
        self.charger.agenda.after(REDIAL_S, partial(self.link.drop, 0.0, politely=True))

    def update_firmware(self, kind: JobKind, url: str, retrieve_at: float, request_id: int | None) -> bool:
        is_replacing = self._update is not None and not self._update.is_over
        if self._update is not None and is_replacing:
            self._update.cancel()
        self._update = FirmwareUpdate(self.charger, url, kind, request_id, self._fetch)
        self._update.begin(retrieve_at)
        return is_replacing

    def _fetch(self, url: str, tell: Callable[[bool], None]) -> None:
        async def go() -> None:
            size = await download(url)
            tell(bool(size))

        self._in_background(go())

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._transfers.add(task)
        task.add_done_callback(self._transfers.discard)

    def upload_log(self, kind: JobKind, url: str, request_id: int | None) -> str:
        file_name = f"{self.charger.settings.text('serial')}-{int(self.charger.agenda.now())}.log"
        self._in_background(self._upload(kind, url, file_name, request_id))
        return file_name

    async def _upload(self, kind: JobKind, url: str, file_name: str, request_id: int | None) -> None:
        self.charger.tell(e.JobTold(kind, JobStep.UPLOADING, request_id))
        is_taken = await upload(url, file_name, self._log_text().encode())
        self.charger.tell(e.JobTold(kind, JobStep.UPLOADED if is_taken else JobStep.UPLOAD_FAILED, request_id))

    def _log_text(self) -> str:
        settings = self.charger.settings
        lines = [
            f"{settings.text('vendor')} {settings.text('model')} {settings.text('firmware')} {self.charger.identity}"
        ]
        lines += [
            f"connector {c.number}: {c.state.value}, register {c.register_wh:.0f} Wh, fault {c.fault}"
            for c in self.charger.connectors
        ]
        return "\n".join(lines) + "\n"

    def job_step(self, *kinds: JobKind) -> tuple[JobKind, JobStep, int | None]:
        known = [self._jobs[kind] for kind in kinds if kind in self._jobs]
        running = [job for job in known if job[1] not in (JobStep.INSTALLED, JobStep.UPLOADED)]
        return running[-1] if running else (kinds[0], JobStep.IDLE, None)

    def ask(self, topic: Topic, number: int = 0) -> None:
        if topic is Topic.BOOT:
            call = self._dialect.boot(self.charger, "Triggered")
            call.on_answer = self._booted
            call.on_failure = self._boot_failed
            self.link.queue(call)
        else:
            self.charger.tell(e.Asked(topic, number))

    # --- life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        await self.link.run()

    async def close(self) -> None:
        for task in self._transfers:
            task.cancel()
        with contextlib.suppress(OSError):
            await self.link.close()
