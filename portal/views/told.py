"""One charger: what it told that is about neither a session nor its settings."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chargers.models import Charger
from portal.views import charger_page
from portal.views.pages import desk_page

PARTS = {"told": "charger/_told.html"}
MOST = 50  # of each; all of them are at REST


@desk_page
def told(request: HttpRequest, identity: str) -> HttpResponse:
    """The texts it shows, what it keeps free, what it knows of customers (for staff), and notices; ``kind`` filters."""
    charger = charger_page.find(identity)
    kind = request.GET.get("kind", "")[:32]
    notices = charger.notices.filter(kind=kind) if kind else charger.notices.all()
    context = {
        "tab": "told",
        "at": timezone.now(),
        "texts": charger.display_messages.all()[:MOST],
        "reservations": charger.reservations.all()[:MOST],
        "records": customers(charger) if request.user.is_staff else None,
        "notices": notices[:MOST],
        "kinds": charger.notices.order_by("kind").values_list("kind", flat=True).distinct(),
        "kind": kind,
    }
    return charger_page.render(request, charger, "charger/told.html", context, parts=PARTS)


def customers(charger: Charger) -> list[dict[str, object]]:
    """What it told of customers, the latest order first, the parts of each told as one text."""
    parts = charger.customer_records.order_by("-received_at", "-id")[: MOST * 10]
    found: dict[int, list[tuple[int, str]]] = {}
    last: dict[int, datetime] = {}
    for part in parts:
        found.setdefault(part.request_id, []).append((part.seq_no, part.data))
        last.setdefault(part.request_id, part.received_at)
    return [
        {"request_id": number, "received_at": last[number], "data": "".join(data for _, data in sorted(told))}
        for number, told in list(found.items())[:MOST]
    ]
