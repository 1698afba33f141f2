"""A charger's life as Hypothesis tells it: it starts, meters, stops, goes offline, repeats itself, mixes up its queue,
restarts and contradicts itself; beside it a plain model of what must be in the books.

Frames go through the real batch. What the charger has not heard an answer to stays in its queue and comes again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from chargers.models import Charger
from gateway.tests.post import post
from sessions.models import ChargingSession, IdToken, MeterValue, SessionEvent

CARDS = {"04A2B3C4": "accepted", "NOBODY": "invalid"}
CONNECTORS = (1, 2)


@dataclass(eq=False)
class Life:
    """One session as the charger knows it."""

    name: str  # of 2.x; "" until the yard has given a number (1.6)
    connector: int
    card: str
    start_wh: int
    stop_wh: int | None = None
    reason: str = ""
    is_start_stored: bool = False
    is_stop_stored: bool = False
    numbers: set[int] = field(default_factory=set)  # seqNo of the stored events (2.x)
    events: int = 0
    contradictions: int = 0


@dataclass(eq=False)
class Message:
    """A frame that waits in the charger's memory until it is confirmed."""

    life: Life
    action: str
    payload: dict[str, Any]
    message_id: str = ""


class Charge(RuleBasedStateMachine):
    """What both versions share. A subclass says how the charger puts things."""

    identity, subprotocol = "CP-1", ""

    def __init__(self) -> None:
        super().__init__()
        self.curtain = transaction.atomic()
        self.curtain.__enter__()
        IdToken.objects.create(value="04A2B3C4")
        self.charger = Charger.objects.create(
            identity=self.identity, subprotocol=self.subprotocol, epoch=1, is_online=True, is_booted=True
        )
        self.clock = timezone.now().replace(microsecond=0) - timedelta(days=2)
        self.meters = dict.fromkeys(CONNECTORS, 0)
        self.plugged: dict[int, Life | None] = dict.fromkeys(CONNECTORS)
        self.lives: list[Life] = []
        self.queue: list[Message] = []
        self.readings: set[tuple[int, str]] = set()  # stored: connector, time
        self.is_online, self.ids = True, 0

    def teardown(self) -> None:
        """Whatever happened, once the queue is empty the books are whole."""
        try:
            self.connect()
            while self.queue:
                self.deliver_one(self._deliverable()[0])
            for life in self.lives:
                self.check(life)
            assert ChargingSession.objects.count() == len(self.lives)
            conflicts = SessionEvent.objects.filter(is_conflict=True).count()
            assert conflicts == sum(life.contradictions for life in self.lives)
            assert MeterValue.objects.filter(context="Sample.Periodic").count() == len(self.readings)
        finally:
            transaction.set_rollback(True)
            self.curtain.__exit__(None, None, None)

    @rule(data=st.data())
    def live(self, data: st.DataObject) -> None:
        """One rule for all that can happen: of several, Hypothesis leaves some out of each life, and nine lives in ten
        without starts or deliveries tell nothing."""
        getattr(self, data.draw(st.sampled_from(self.possible()), label="what happens"))(data)

    def possible(self) -> list[str]:
        """What can happen now, the more likely the more often."""
        found = ["use"] * 4 + ["reboot"]
        if not self.is_online:
            return [*found, "connect", "connect"]
        found += ["deliver"] * 7 if self._deliverable() else []
        found += ["contradict"] * 2 if self._ended() else []
        return [*found, "go_offline"]

    # -- what happens to the charger -----------------------------------------------------------------------------------

    def use(self, data: st.DataObject) -> None:
        """Somebody starts at a plug, or charges on, or ends it."""
        connector = data.draw(st.sampled_from(CONNECTORS), label="connector")
        life = self.plugged[connector]
        if life is None:
            card = data.draw(st.sampled_from(list(CARDS)), label="card")
            life = self.plugged[connector] = Life(self.new_name(), connector, card, self.meters[connector])
            self.lives.append(life)
            self.queue.append(self.start_message(life))
            return
        self.meters[connector] += data.draw(st.integers(0, 900), label="Wh")
        if data.draw(st.sampled_from([True, True, False]), label="goes on"):
            self.queue.append(self.meter_message(life))
            return
        life.stop_wh, self.plugged[connector] = self.meters[connector], None
        life.reason = data.draw(st.sampled_from(["Local", "Remote"]), label="reason")
        self.queue.append(self.stop_message(life))

    def go_offline(self, data: st.DataObject | None = None) -> None:
        self.is_online = False
        Charger.objects.filter(pk=self.charger.pk).update(is_online=False)

    def connect(self, data: st.DataObject | None = None) -> None:
        """A new connection; nothing is forgotten."""
        if not self.is_online:
            self.is_online = True
            self.charger.epoch += 1
            Charger.objects.filter(pk=self.charger.pk).update(is_online=True, epoch=self.charger.epoch)

    def reboot(self, data: st.DataObject) -> None:
        """It comes back, counts its message ids from 1 again, and says so."""
        self.is_online = False
        self.connect()
        self.ids = 0
        for message in self.queue:
            message.message_id = ""
        assert self.say("BootNotification", self.boot_payload())["status"] in ("Accepted", "Pending")

    # -- how its queue empties -----------------------------------------------------------------------------------------

    def deliver(self, data: st.DataObject) -> None:
        """Any message that may go, however old; its answer may be lost, and the gateway repeats what was not answered
        soon, so both may be in one batch."""
        message = data.draw(st.sampled_from(self._deliverable()))
        if data.draw(st.booleans(), label="has a new id"):
            message.message_id = ""
        is_answer_lost = data.draw(st.booleans(), label="its answer is lost")
        self.deliver_one(message, is_answer_lost=is_answer_lost, times=data.draw(st.sampled_from([1, 1, 2])))
        self.check(message.life)

    def contradict(self, data: st.DataObject) -> None:
        """It ends a session a second time, and differently: the first end stays, people are told."""
        life = data.draw(st.sampled_from(self._ended()))
        self.say(*self.other_stop(life))
        life.contradictions += 1
        self.check(life)

    def deliver_one(self, message: Message, *, is_answer_lost: bool = False, times: int = 1) -> None:
        message.message_id = message.message_id or self._next_id()
        answer = self.say(message.action, self.addressed(message), message.message_id, times=times)
        self.stored(message, answer, is_answer_lost=is_answer_lost)
        if not is_answer_lost:
            self.queue.remove(message)

    def say(self, action: str, payload: dict[str, Any], message_id: str = "", *, times: int = 1) -> dict[str, Any]:
        message_id = message_id or self._next_id()
        text = json.dumps([2, message_id, action, payload])
        answer, *others = post(self.charger, *[text] * times).answers
        assert answer[:2] == [3, message_id], answer
        assert others == [answer] * (times - 1)
        told: dict[str, Any] = answer[2]
        return told

    # -- what must be in the books -------------------------------------------------------------------------------------

    def check(self, life: Life) -> None:
        """One session of it, with the energy, the card and the one end that the charger told."""
        if not (life.is_start_stored or life.is_stop_stored or life.numbers):
            return
        session = ChargingSession.objects.get(charger=self.charger, transaction_id=life.name)
        if life.is_start_stored:
            assert (session.meter_start_wh, session.token_value) == (life.start_wh, life.card)
            assert session.token_verdict == CARDS[life.card]
        if not life.is_stop_stored:
            assert session.stopped_at is None and session.stop_reason == ""
            return
        assert (session.meter_stop_wh, session.stop_reason) == (life.stop_wh, life.reason)
        assert session.stopped_at is not None and not session.is_superseded
        if life.is_start_stored:
            assert session.energy_wh == (life.stop_wh or 0) - life.start_wh, session.review_reasons
            assert session.started_at <= session.stopped_at
            assert session.needs_review == (life.contradictions > 0), session.review_reasons
        stops = SessionEvent.objects.filter(session=session, kind=SessionEvent.Kind.STOPPED, is_conflict=False)
        assert stops.count() == 1

    def _next_id(self) -> str:
        self.ids += 1
        return str(self.ids)

    def now(self) -> str:
        """Its clock, a minute on: no two things happen at once."""
        self.clock += timedelta(minutes=1)
        return self.clock.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _ended(self) -> list[Life]:
        """Whose end is in the books, and was told in one way only."""
        return [life for life in self.lives if life.is_stop_stored and life.contradictions == 0]

    def _deliverable(self) -> list[Message]:
        return [message for message in self.queue if self.may_go(message)]

    # -- how it puts things --------------------------------------------------------------------------------------------

    def new_name(self) -> str:
        raise NotImplementedError

    def boot_payload(self) -> dict[str, Any]:
        raise NotImplementedError

    def start_message(self, life: Life) -> Message:
        raise NotImplementedError

    def meter_message(self, life: Life) -> Message:
        raise NotImplementedError

    def stop_message(self, life: Life) -> Message:
        raise NotImplementedError

    def other_stop(self, life: Life) -> tuple[str, dict[str, Any]]:
        raise NotImplementedError

    def may_go(self, message: Message) -> bool:
        raise NotImplementedError

    def addressed(self, message: Message) -> dict[str, Any]:
        raise NotImplementedError

    def stored(self, message: Message, answer: dict[str, Any], *, is_answer_lost: bool) -> None:
        raise NotImplementedError
