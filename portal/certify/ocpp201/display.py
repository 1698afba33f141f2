"""O: texts on displays; I: what a session costs."""

from __future__ import annotations

from typing import Any

from portal.certify.expect import same
from portal.certify.orders import ASKED, Order, filled, prove
from portal.certify.registry import proves
from portal.certify.station import NO, OK
from portal.certify.station201 import END_WH, Station201, register
from portal.certify.wire import Payload

CONTENT = {"format": "UTF8", "language": "en", "content": "Welcome"}
INFO: Payload = {"id": 1, "priority": "NormalCycle", "message": CONTENT}
BEGIN, END = "2036-01-01T00:00:00.000Z", "2036-01-02T00:00:00.000Z"


def shows(*, number: int = 1, content: str = "Welcome", **more: Any) -> tuple[str, Payload, str, Payload]:
    """``more``: what else is ordered, our name → (our value, their field, their value)."""
    order = {"message_id": number, "content": content, "format": "UTF8", "language": "en"}
    wanted = {**INFO, "id": number, "message": {**CONTENT, "content": content}}
    for field in ("state", "startDateTime", "endDateTime", "transactionId"):
        wanted[field] = None
    for name, (ours, field, theirs) in more.items():
        order[name] = ours
        if field == "format":
            wanted["message"] = {**wanted["message"], "format": theirs}
        else:
            wanted[field] = theirs
    return "show_message", order, "SetDisplayMessage", {"message": wanted}


def asks(**criteria: Any) -> tuple[str, Payload, str, Payload]:
    words = {"cycle": "NormalCycle", "idle": "Idle"}
    wanted = {name: criteria.get(ours) for ours, name in (("ids", "id"), ("priority", "priority"), ("state", "state"))}
    wanted = {name: words.get(value, value) if isinstance(value, str) else value for name, value in wanted.items()}
    return "list_messages", criteria, "GetDisplayMessages", wanted


def told(*messages: Payload) -> tuple[tuple[str, Any], ...]:
    """One message a part."""
    last = len(messages) - 1
    return tuple(
        ("NotifyDisplayMessages", {"requestId": ASKED, "tbc": number < last, "messageInfo": [message]})
        for number, message in enumerate(messages)
    )


UNKNOWN = {"status": "Unknown"}
CLEAR = ("clear_message", {"message_id": 1}, "ClearDisplayMessage", {"id": 1})
IDLE: Any = {"state": ("idle", "state", "Idle")}
TIMES: tuple[Any, Any] = ({"starts_at": (BEGIN, "startDateTime", BEGIN)}, {"ends_at": (END, "endDateTime", END)})

prove("TC_O_01", Order(*shows(), OK), Order(*asks(), OK, then=told(INFO)))
prove("TC_O_02", Order(*asks(), OK, then=told(INFO, {**INFO, "id": 2})))
prove("TC_O_03", Order(*asks(), UNKNOWN, "rejected"))
prove("TC_O_04", Order(*shows(), OK), Order(*CLEAR, OK), Order(*asks(), UNKNOWN, "rejected"))
prove("TC_O_05", Order(*CLEAR, UNKNOWN, "rejected"))
prove("TC_O_07", Order(*asks(ids=[1]), OK, then=told(INFO)))
prove("TC_O_08", Order(*asks(priority="cycle"), OK, then=told(INFO)))
prove("TC_O_09", Order(*asks(state="idle"), OK, then=told({**INFO, "state": "Idle"})))
prove("TC_O_11", Order(*asks(ids=[99]), UNKNOWN, "rejected"))
prove(
    "TC_O_12",
    Order(*shows(), OK),
    Order(*shows(content="Come in"), OK),
    Order(*asks(ids=[1]), OK, then=told({**INFO, "message": {**CONTENT, "content": "Come in"}})),
)
prove("TC_O_13", Order(*shows(**TIMES[0]), OK), Order(*asks(), OK, then=told({**INFO, "startDateTime": BEGIN})))
prove(
    "TC_O_14",
    Order(*shows(**TIMES[1]), OK),
    Order(*asks(), OK, then=told({**INFO, "endDateTime": END})),
    Order(*asks(), UNKNOWN, "rejected"),  # its time is over
)
FRONT: Any = {"priority": ("front", "priority", "AlwaysFront")}
prove("TC_O_17", Order(*shows(**FRONT), {"status": "NotSupportedPriority"}, "rejected"))
prove(
    "TC_O_18",
    Order(*shows(state=("charging", "state", "Charging")), {"status": "NotSupportedState"}, "rejected"),
)
prove("TC_O_19", Order(*shows(format=("HTML", "format", "HTML")), {"status": "NotSupportedMessageFormat"}, "rejected"))
prove("TC_O_25", Order(*shows(**IDLE), OK), Order(*asks(state="idle"), OK, then=told({**INFO, "state": "Idle"})))
prove("TC_O_26", Order(*shows(), NO, "rejected"))
prove(
    "TC_O_10",
    Order(
        *shows(transaction_id=("nobody-knows", "transactionId", "nobody-knows")), {"status": "UnknownTransaction"},
        "rejected",
    ),
)  # fmt: skip


async def during_a_session(s: Station201, **times: Any) -> None:
    """A text for one session, that goes with it."""
    await s.charges()
    named: Any = {"transaction_id": (s.transaction, "transactionId", s.transaction)}
    await s.ordered(*shows(**named, **times), OK)
    heard = await s.ordered(*asks(), OK)
    message = {**INFO, "transactionId": s.transaction, **{field: theirs for _, field, theirs in times.values()}}
    for action, payload in told(message):
        await s.says(action, filled(payload, heard))
    await s.is_told_to_stop()
    await s.is_unplugged()
    await s.ordered(*asks(), UNKNOWN, "rejected")


@proves("TC_O_06")
async def for_a_session(s: Station201) -> None:
    await during_a_session(s)


@proves("TC_O_27")
async def for_a_session_from_a_time_on(s: Station201) -> None:
    await during_a_session(s, **TIMES[0])


@proves("TC_O_28")
async def for_a_session_until_a_time(s: Station201) -> None:
    await during_a_session(s, **TIMES[1])


@proves("TC_I_01")
async def the_cost_so_far(s: Station201) -> None:
    await s.charges()
    for cost in (1.25, 2.5):
        order = {"transaction_id": s.transaction, "total_cost": cost}
        wanted = {"transactionId": s.transaction, "totalCost": cost}
        await s.ordered("update_cost", order, "CostUpdated", wanted, {})
    await s.is_told_to_stop()
    await s.is_unplugged()


@proves("TC_I_02")
async def the_cost_at_its_end(s: Station201) -> None:
    """1.5 kWh at a site with a tariff: the sum comes with the answer to the end, rounded to the cent."""
    site = await s.desk.post("sites/", {"name": s.identity})
    await s.desk.put(f"sites/{site['id']}/tariff/", {"currency": "EUR", "per_kwh": "0.333", "start_fee": "1"})
    await s.desk.patch(f"chargers/{s.identity}/", {"site": site["id"]})
    await s.charges()
    await s.is_told_to_stop()
    meter = [register(END_WH, "Transaction.End")]
    answer = await s.tells("EVCommunicationLost", "Idle", kind="Ended", stoppedReason="Local", meter=meter)
    same(answer, {"totalCost": 1.5}, "The answer to the end")
    await s.session(is_open=False, energy_wh=1500, cost="1.50", currency="EUR", no_cost="")
