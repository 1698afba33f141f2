"""The list of chargers, and bringing in a new one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.db.models import Case, CharField, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext

from chargers.models import Charger, Connector, ConnectorStatus, Site, Tag
from portal.forms.chargers import RegisterForm
from portal.views import columns, credentials, exports, saved
from portal.views.lists import Listing, empty_last, tidy_url, words_of
from portal.views.pages import desk_page, must_act, render_page
from portal.views.states import STATES, attention, needs_you, with_state

if TYPE_CHECKING:
    from portal.views.states import ChargerWithState

ORDERS = {
    "identity": ("identity_folded",),
    "name": ("name", "identity_folded"),
    "site": (empty_last("site__name"), "identity_folded"),
    "model": ("vendor", "model", "identity_folded"),
    "firmware": ("firmware_version", "identity_folded"),
    "state": ("state", "identity_folded"),
    "power": (empty_last("power_w"), "identity_folded"),
    "heard": (empty_last("last_heard_at"),),
    "connected": (empty_last("connected_at"),),
    "security": ("security_profile", "identity_folded"),
    "clock": (empty_last("clock_offset_s"), "identity_folded"),
}
# All that is searched as one text: each column by itself would be turned to capitals for every row.
_NAMES = ("identity", "name", "vendor", "model", "serial_number", "firmware_version")
PLATE = Concat(*(part for name in _NAMES for part in (name, Value("\n"))), output_field=CharField())
PARTS = {"chargers-head": "chargers/_head.html", "rows": "chargers/_rows.html"}


@desk_page
def chargers(request: HttpRequest) -> HttpResponse:
    found = filtered(request)
    context = {
        "room": "chargers",
        "total": cache(Charger.objects.count),
        "needy_count": lambda: attention().needy,
        "sites": Site.objects.all(),
        "tags": Tag.objects.all(),
        "states": [(name, word) for name, (word, _) in STATES.items()],
        **_choices(),
        "every_column": columns.CHARGERS,
        **shown_columns(request),
        **saved.context(request, "chargers"),
        **Listing(request, found, orders=ORDERS, default="identity", keys_first=True).context(),
    }
    return tidy_url(request, render_page(request, "chargers/list.html", context, parts=PARTS), columns.CHARGERS)


def shown_columns(request: HttpRequest) -> dict[str, Any]:
    """What `chargers/_rows.html` needs to know of columns; sites show chargers too."""
    chosen = columns.shown(request.GET, columns.CHARGERS)
    return {"columns": chosen, "shown": {column.key for column in chosen}}


@desk_page
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The chargers that the URL asks for as CSV: the columns that it names, without that all."""
    chosen = columns.shown(request.GET, columns.CHARGERS) if request.GET.get("cols") else columns.CHARGERS
    rows = Listing(request, filtered(request), orders=ORDERS, default="identity").rows
    return exports.stream(request, "chargers", rows, chosen, details=rows_of)


def filtered(request: HttpRequest) -> QuerySet[ChargerWithState]:
    """The chargers that the URL asks for: ``q state site tag version vendor online``."""
    names = ("q", "state", "site", "tag", "version", "vendor", "online")
    asked = {name: request.GET.get(name, "").strip() for name in names}
    found = rows_of(Charger.objects.all())
    for word in words_of(asked["q"]):
        theirs = Site.objects.filter(name__icontains=word).order_by().values("pk")
        found = found.alias(plate=PLATE).filter(Q(plate__icontains=word) | Q(site__in=theirs))
    if asked["state"] == "attention":
        found = found.filter(needs_you())
    elif asked["state"] in STATES:
        found = found.filter(state=asked["state"])
    if asked["site"] == "none":
        found = found.filter(site=None)
    elif asked["site"].isdecimal():
        found = found.filter(site=int(asked["site"]))
    if asked["tag"].isdecimal():
        found = found.filter(tags=int(asked["tag"]))
    if asked["version"]:
        found = found.filter(subprotocol=asked["version"])
    if asked["vendor"]:
        found = found.filter(vendor=asked["vendor"])
    if asked["online"]:
        found = found.filter(is_online=asked["online"] == "yes")
    return found


def rows_of(chargers: QuerySet[Charger]) -> QuerySet[ChargerWithState]:
    """With all that a row shows: ``state``, ``power_w``, site and connectors."""
    charging = Connector.objects.filter(charger=OuterRef("pk"), status=ConnectorStatus.CHARGING).order_by()
    drawing = charging.values("charger").annotate(total=Sum("power_w"))
    # By these alone a charger may have a connector that charges: what is sorted by power asks few.
    may_draw = Q(is_online=True, leading_status__in=(ConnectorStatus.FAULTED, ConnectorStatus.CHARGING))
    return (
        with_state(chargers)
        # A subquery: for a page it is asked for the rows of that page only, a join would be made for the whole fleet.
        .annotate(power_w=Case(When(may_draw, then=Subquery(drawing.values("total")))))
        .select_related("site")
        .prefetch_related(Prefetch("connectors", Connector.objects.filter(evse_id__gt=0)), "tags")
    )


def _choices() -> dict[str, list[str]]:
    """Versions and vendors that there are: one look at the whole fleet for both."""
    kinds = set(Charger.objects.order_by().values_list("subprotocol", "vendor").distinct())
    return {
        "versions": sorted({version for version, _ in kinds if version}),
        "vendors": sorted({vendor for _, vendor in kinds if vendor}),
    }


@desk_page
def register(request: HttpRequest) -> HttpResponse:
    must_act(request)
    started = {"site": request.GET.get("site"), "identity": request.GET.get("identity")}
    form = RegisterForm(request.POST or None, initial=started)
    if form.is_valid() and (registered := form.register()):
        charger, password = registered
        credentials.show_once(request, charger, password)
        return redirect("charger", charger.identity)
    context = {
        "room": "chargers",
        "form": form,
        "title": gettext("Register a charger"),
        "lead": gettext("Its URL and its password come on the next page."),
        "do": gettext("Register"),
        "back": reverse("chargers"),
        "back_word": gettext("Chargers"),
    }
    return render_page(request, "parts/form_page.html", context)
