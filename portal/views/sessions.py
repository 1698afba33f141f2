"""Charging sessions: the list, and one with its curve, its facts and what was told about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from chargers.models import Charger, Site, fold
from chargers.sentences import phrase, read
from portal.views import columns, energy, exports, formats, saved
from portal.views.lists import Listing, Orders, empty_last, tidy_url, words_of
from portal.views.pages import desk_page, must_act, render_page
from sessions import costs, finding, readings, reviewing
from sessions.models import ChargingSession, IdToken, MeterValue
from sessions.registers import BEGIN
from sessions.units import as_number
from smartcharging import why

ORDERS: Orders = {
    "started": ("started_at",),
    "stopped": (empty_last("stopped_at"),),
    "charger": ("charger__identity_folded", "-started_at"),
    "energy": (empty_last("energy_wh"),),
    "power": (empty_last("power_w"),),
}
MOST_POINTS = 2000
SORTED = timedelta(days=31)
FEW = 500
AS_PROPOSED = phrase("As proposed: {proposal}")
NO_ENERGY = phrase("{told!r} is no number of kWh; it looks like 7.25.")
LIST_PARTS = {"sessions-head": "sessions/_list_head.html", "rows": "sessions/_rows.html"}
PARTS = {"session-head": "sessions/_head.html", "session": "sessions/_session.html"}


@desk_page
def sessions(request: HttpRequest) -> HttpResponse:
    found = filtered(request)
    context = {
        "room": "sessions",
        "total": ChargingSession.objects.exists,
        "sites": Site.objects.all(),
        "running_count": ChargingSession.objects.filter(stopped_at=None, is_superseded=False).count,
        "power_w": lambda: energy.power_now_w(Charger.objects.all()),
        **saved.context(request, "sessions"),
        "sorts_latest": sorts_latest(request),
        **Listing(request, in_order(request, found), orders=ORDERS, default="-started", keys_first=True).context(),
    }
    response = render_page(request, "sessions/list.html", context, parts=LIST_PARTS)
    return tidy_url(request, response)


@desk_page
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The sessions that the URL asks for as CSV."""
    rows = Listing(request, filtered(request), orders=ORDERS, default="-started").rows
    return exports.stream(
        request,
        "sessions",
        rows,
        columns.SESSIONS,
        details=lambda found: found.select_related("charger__site", "id_token"),
    )


def filtered(request: HttpRequest) -> QuerySet[ChargingSession]:
    """What the URL asks for: ``q open review site token since``."""
    found = ChargingSession.objects.select_related("charger", "charger__site", "id_token")
    asked = request.GET
    for word in words_of(asked.get("q", "")):
        found = found.filter(speaks_of(word))
    if asked.get("open") == "yes":
        found = found.filter(stopped_at=None, is_superseded=False)
    elif asked.get("open") == "no":
        found = found.exclude(stopped_at=None, is_superseded=False)
    if asked.get("review") == "yes":
        found = found.filter(needs_review=True)
    if asked.get("site", "").isdecimal():
        found = found.filter(charger__site=int(asked["site"]))
    if asked.get("token", "").isdecimal():
        found = found.filter(id_token=int(asked["token"]))
    if asked.get("since") == "today":
        found = found.filter(of_today())
    return found


def of_today() -> Q:
    """Condition on sessions: they ran today, or run. One that ended today began at most `LONGEST` ago."""
    midnight = energy.midnight()
    began = midnight - readings.LONGEST
    lately = Q(started_at__gte=midnight) | Q(stopped_at__gte=midnight) | Q(stopped_at=None)
    # Those that run longer are few, and looked up by themselves: the rest is one stretch of the index by start. Not by
    # when they began, SQLite would read all that ever began before.
    young = ChargingSession.objects.filter(started_at__gte=began).order_by().values("pk")
    older = ChargingSession.objects.filter(stopped_at=None).exclude(pk__in=young).order_by()
    return Q(started_at__gte=began) & lately | _of("pk", older)


def in_order(request: HttpRequest, found: QuerySet[ChargingSession]) -> QuerySet[ChargingSession]:
    """Another order than that of time has no index: of a long history only the latest is sorted."""
    return found.filter(started_at__gte=timezone.now() - SORTED) if sorts_latest(request) else found


def sorts_latest(request: HttpRequest) -> bool:
    is_by_time = request.GET.get("sort", "started").removeprefix("-") not in ORDERS.keys() - {"started"}
    return not is_by_time and not any(request.GET.get(name) for name in ("q", "open", "review", "token", "since"))


def speaks_of(word: str) -> Q:
    """Condition on sessions: of a charger, token or holder with that word, or with that number or transaction id.

    Who is meant is looked up first, then their sessions by an index: among millions no text is searched. What nobody is
    called is not asked of each session either.
    """
    chargers = Charger.objects.filter(identity_folded__contains=fold(word)).order_by()
    tokens = IdToken.objects.filter(Q(value_folded__contains=word.casefold()) | Q(holder__icontains=word)).order_by()
    strangers = ChargingSession.objects.filter(id_token=None, token_value__icontains=word).order_by()
    condition = Q(pk__in=_called(word))
    condition |= _of("charger", chargers) | _of("id_token", tokens)
    if strangers.exists():
        condition |= Q(id_token=None, token_value__icontains=word)
    return condition


def _called(word: str) -> list[int]:
    """The sessions with that number or transaction id; 1.6 calls a session by its number."""
    number = [int(word)] if word.isdecimal() and len(word) < 19 else []
    return number + [session.pk for session in finding.NAMED([(word,)])[:FEW]]


def _of(column: str, rows: QuerySet[Any]) -> Q:
    """Condition on sessions: theirs. A great part of all is asked of session after session, the latest first, for they
    are soon found: to gather all that they ever had would take longer."""
    keys = list(rows.values_list("pk", flat=True)[: FEW + 1])
    if len(keys) <= FEW:
        return Q(**{f"{column}__in": keys})
    # Nothing has the key 0; without the "or" PostgreSQL makes a join of it, and sorts all.
    return Q(Exists(rows.filter(pk=OuterRef(column)))) | Q(pk=0)


@desk_page
def session(request: HttpRequest, session_id: int) -> HttpResponse:
    rows = ChargingSession.objects.select_related("charger", "charger__site", "id_token", "tariff")
    found = get_object_or_404(rows, pk=session_id)
    context: dict[str, Any] = {
        "room": "sessions",
        "session": found,
        "events": found.events.all(),
        "readings": found.meter_values.count,
        "reviews": found.reviews.select_related("by"),
        "cost": lambda: costs.of(found, at=timezone.now()),
        "no_cost": lambda: costs.why_none(found),
        "why": lambda: why.of_session(found, at=timezone.now()),
        "zone": found.charger.site.timezone if found.charger.site else "",
    }
    return render_page(request, "sessions/detail.html", context, parts=PARTS)


@desk_page
def to_review(request: HttpRequest) -> HttpResponse:
    """Sessions whose energy is in doubt, with what they most likely drew."""
    found = filtered(request).filter(needs_review=True)
    orders: Orders = {
        "started": ("started_at",),
        "proposed": (empty_last("proposed_wh"),),
        "charger": ORDERS["charger"],
    }
    context = {
        "room": "sessions",
        "undecided": ChargingSession.objects.filter(needs_review=True, energy_wh=None, is_superseded=False).count,
        "total": ChargingSession.objects.filter(needs_review=True).count,
        **Listing(request, found, orders=orders, default="-started", keys_first=True).context(),
    }
    parts = {"review-head": "sessions/_review_head.html", "rows": "sessions/_review_rows.html"}
    return tidy_url(request, render_page(request, "sessions/review.html", context, parts=parts))


@desk_page
@require_POST
def decide(request: HttpRequest, session_id: int) -> HttpResponse:
    """``do``: approve the proposal, keep what is billed now, set ``energy_kwh``, bill nothing, or close it."""
    by = must_act(request)
    found = get_object_or_404(ChargingSession, pk=session_id)
    try:
        said = _decide(request.POST, found, by)
    except reviewing.CannotDecide as error:
        messages.error(request, read(str(error)))
    else:
        messages.success(request, gettext("Session {number}: {said}").format(number=found.pk, said=said))
    if request.POST.get("next") == "list":
        return redirect("sessions-to-review")
    return redirect("session", found.pk)


def _decide(asked: QueryDict, found: ChargingSession, by: AbstractBaseUser) -> str:
    reason = asked.get("reason", "")
    match asked.get("do"):
        case "approve":
            if found.proposed_wh is None or str(found.proposed_wh) != asked.get("proposed_wh"):
                # What is agreed to must be what was seen.
                raise reviewing.CannotDecide(phrase("The proposal has changed meanwhile; look at it again."))
            reviewing.decide(
                found.pk, found.proposed_wh, reason=reason or AS_PROPOSED.format(proposal=found.proposal), by=by
            )
            return gettext("{energy}, as proposed.").format(energy=_kwh(found.proposed_wh))
        case "keep":
            reviewing.decide(found.pk, found.energy_wh, reason=reason or phrase("As told."), by=by)
            return gettext("it stays as it is.")
        case "set":
            energy_wh = _watt_hours(asked.get("energy_kwh", ""))
            reviewing.decide(found.pk, energy_wh, reason=reason, by=by)
            return f"{_kwh(energy_wh)}."
        case "nothing":
            reviewing.decide(found.pk, None, reason=reason, by=by)
            return gettext("nothing will be billed.")
        case "close":
            reviewing.close(found.pk, reason=reason, by=by)
            return gettext("closed; look at its energy.")
    raise reviewing.CannotDecide(phrase("That is nothing one can decide."))


def _kwh(watt_hours: float) -> str:
    return f"{formats.number(watt_hours / 1000, 2)} kWh"


def _watt_hours(text: str) -> int:
    number = as_number(text)
    if number is None:
        raise reviewing.CannotDecide(NO_ENERGY.format(told=text[:20]))
    return round(number * 1000)


@desk_page
def curve(request: HttpRequest, session_id: int) -> JsonResponse:
    """The measured curve for uPlot: parallel lists; ``at`` in Unix seconds, the rest null where it was not measured."""
    found = get_object_or_404(ChargingSession, pk=session_id)
    values = MeterValue.objects.filter(session=found, is_suspect=False)
    told = values.values_list("measured_at", "power_w", "energy_wh", "soc_percent", "context")
    # The register at the start is drawn once, also where a charger tells it along with each reading.
    rows = [row[:-1] for number, row in enumerate(told) if number == 0 or row[-1] != BEGIN]
    rows = rows[:: max(1, len(rows) // MOST_POINTS)]
    known = (wh for wh in (found.meter_start_wh, *(energy_wh for _, _, energy_wh, _ in rows)) if wh is not None)
    start_wh: float = next(known, 0)
    return JsonResponse(
        {
            "at": [at.timestamp() for at, *_ in rows],
            "power_kw": [_thousandth(power_w) for _, power_w, _, _ in rows],
            "energy_kwh": [_thousandth(None if wh is None else wh - start_wh) for _, _, wh, _ in rows],
            "soc_percent": [soc for *_, soc in rows],
        }
    )


def _thousandth(value: float | None) -> float | None:
    return None if value is None else round(value / 1000, 4)
