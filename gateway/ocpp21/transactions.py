"""Transactions. OCPP 2.1 part 2, E and I.

What 2.1 adds to an event (tariff, limits, operation mode, sleep, preconditioning) is kept with the session's event as
sent. What the station computed as cost is kept besides, under the name of the session.
"""

from __future__ import annotations

from gateway.call import Call
from gateway.dialect import Answer, Payload
from gateway.ocpp21.dialect import dialect
from gateway.ocpp201 import transactions
from gateway.wire import dicts, text


@dialect.handles("TransactionEvent", if_all_fails={})
def transaction_event(call: Call) -> Answer:
    """As in 2.0.1; ``costDetails`` are the station's own sum, not ours."""
    for cost in dicts([call.payload.get("costDetails")]):
        for info in dicts([call.payload.get("transactionInfo")]):
            _note_cost(call, cost, session=text(info.get("transactionId")))
    return transactions.transaction_event(call)


def _note_cost(call: Call, cost: Payload, *, session: str) -> None:
    """An event that waited in the station's queue may come again under another id."""
    call.books.notices.add_once(call.charger, "session_cost", cost, key=session, at=call.at)
