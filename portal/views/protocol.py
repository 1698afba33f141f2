"""Protocol health: what each model with each firmware breaks, with examples, and which behaviour packs hold for it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from chargers import behaviour
from chargers.behaviour import Pack, Plate
from chargers.models import Breach, Charger, Exchange, PackUse, fold
from chargers.sentences import read
from portal.views.lists import tidy_url, words_of
from portal.views.pages import desk_page, must_act, render_page

MOST_MODELS = 200
MOST_KINDS = 200
# A pack is suggested by a mistake that a model makes again and again, not by a slip.
SUGGESTS = 5
PLATE = ("charger__vendor", "charger__model", "firmware_version")


@desk_page
def protocol(request: HttpRequest) -> HttpResponse:
    """All models, or (``vendor model firmware``, or ``charger``) the kinds of mistakes of one."""
    plate = plate_in(request)
    context: dict[str, Any] = {"room": "protocol", "plate": plate, "charger": request.GET.get("charger", "")}
    if plate is None and not context["charger"]:
        context |= {"models": lambda: models(request), "summary": summary, "packs": behaviour.packs().values()}
        parts = {"rows": "protocol/_models.html"}
        return tidy_url(request, render_page(request, "protocol/models.html", context, parts=parts))
    context |= {"kinds": lambda: kinds(of(request, plate)), "packs": lambda: packs_of(request, plate)}
    return render_page(request, "protocol/kinds.html", context, parts={"kinds": "protocol/_kinds.html"})


def plate_in(request: HttpRequest) -> Plate | None:
    asked = request.GET if request.method == "GET" else request.POST
    if "vendor" not in asked:
        return None
    return Plate(asked.get("vendor", "")[:64], asked.get("model", "")[:64], asked.get("firmware", "")[:64])


def of(request: HttpRequest, plate: Plate | None) -> QuerySet[Breach]:
    found = Breach.objects.all()
    if plate is not None:
        found = found.filter(charger__vendor=plate.vendor, charger__model=plate.model)
        found = found.filter(firmware_version=plate.firmware_version)
    if identity := request.GET.get("charger"):
        found = found.filter(charger__identity_folded=fold(identity))
    return found


def summary() -> dict[str, int]:
    counts = Breach.objects.aggregate(
        chargers=Count("charger", distinct=True),
        refused=Count("charger", distinct=True, filter=Q(is_refused=True)),
    )
    return {**counts, "all": Charger.objects.count()}


def models(request: HttpRequest) -> list[dict[str, Any]]:
    """Vendor, model and firmware with what they break, the most frequent first."""
    found = Breach.objects.all()
    for word in words_of(request.GET.get("q", "")):
        found = found.filter(
            Q(charger__vendor__icontains=word)
            | Q(charger__model__icontains=word)
            | Q(firmware_version__icontains=word)
            | Q(kind__icontains=word)
            | Q(charger__identity__icontains=word)
        )
    if request.GET.get("refused") == "yes":
        found = found.filter(is_refused=True)
    rows = (
        found.order_by()
        .values(*PLATE)
        .annotate(
            chargers=Count("charger", distinct=True),
            kinds=Count("kind", distinct=True),
            times=Sum("count"),
            refused=Sum("count", filter=Q(is_refused=True)),
            last_at=Max("last_at"),
        )
        .order_by("-times")[:MOST_MODELS]
    )
    uses = list(PackUse.objects.order_by("pk"))
    seen = _seen()
    return [_model(row, uses, seen) for row in rows]


def _model(row: dict[str, Any], uses: list[PackUse], seen: dict[Plate, set[str]]) -> dict[str, Any]:
    plate = Plate(*(row[name] for name in PLATE))
    held = behaviour.holding(plate, uses)
    return {
        **row,
        "plate": plate,
        "href": f"{reverse('protocol')}?{_query(plate)}",
        "held": held,
        "suggested": [pack for pack in suggested(seen.get(plate, set())) if pack not in held],
    }


def _query(plate: Plate) -> str:
    query = QueryDict(mutable=True)
    query.update({"vendor": plate.vendor, "model": plate.model, "firmware": plate.firmware_version})
    return query.urlencode()


def _seen() -> dict[Plate, set[str]]:
    """Kinds that suggest a pack, by model and firmware that make them often."""
    wanted = {kind for pack in behaviour.packs().values() for kind in pack.suggested_by}
    rows = Breach.objects.filter(kind__in=wanted).order_by().values(*PLATE, "kind").annotate(times=Sum("count"))
    found: dict[Plate, set[str]] = {}
    for row in rows.filter(times__gte=SUGGESTS):
        found.setdefault(Plate(*(row[name] for name in PLATE)), set()).add(row["kind"])
    return found


def suggested(kinds_seen: set[str]) -> list[Pack]:
    return [pack for pack in behaviour.packs().values() if kinds_seen.intersection(pack.suggested_by)]


def kinds(found: QuerySet[Breach]) -> list[dict[str, Any]]:
    """Each kind of mistake with its latest example, the most frequent first."""
    rows = list(
        found.order_by()
        .values("action", "kind", "is_refused")
        .annotate(
            chargers=Count("charger", distinct=True),
            times=Sum("count"),
            last_at=Max("last_at"),
            example=Max("exchange_id"),
        )
        .order_by("-is_refused", "-times")[:MOST_KINDS]
    )
    examples = Exchange.objects.select_related("charger").in_bulk([row["example"] for row in rows])
    return [{**row, "exchange": examples.get(row["example"])} for row in rows]


def packs_of(request: HttpRequest, plate: Plate | None) -> list[dict[str, Any]]:
    """Each pack and whether it holds for this model; suggested ones first."""
    if plate is None:
        charger = Charger.objects.filter(identity_folded=fold(request.GET.get("charger", ""))).first()
        if charger is None:
            return []
        plate = Plate(charger.vendor, charger.model, charger.firmware_version)
    held = {pack.name for pack in behaviour.holding(plate, PackUse.objects.order_by("pk"))}
    hints = {pack.name for pack in suggested(_seen().get(plate, set()))}
    rows = [
        {"pack": pack, "plate": plate, "holds": name in held, "is_suggested": name in hints - held}
        for name, pack in behaviour.packs().items()
    ]
    return sorted(rows, key=lambda row: (not row["holds"], not row["is_suggested"]))


@desk_page
@require_POST
def use_pack(request: HttpRequest, name: str) -> HttpResponse:
    """Staff say that a pack holds for a model and firmware (``is_on``), or that it does not."""
    by = must_act(request)
    plate = plate_in(request)
    pack = behaviour.packs().get(name)
    if pack is None or plate is None:
        messages.error(
            request, gettext("There is no behaviour pack {name!r}, or no model to use it for.").format(name=name)
        )
        return redirect("protocol")
    is_on = request.POST.get("is_on") == "yes"
    behaviour.decide(name, plate, is_on=is_on, by=by)
    model = " ".join(filter(None, plate)) or gettext("chargers that say nothing of themselves")
    said = (
        gettext("“{title}” holds for {model} within 15 seconds.")
        if is_on
        else gettext("“{title}” does not hold for {model} within 15 seconds.")
    )
    messages.success(request, said.format(title=read(pack.title), model=model))
    return redirect(f"{reverse('protocol')}?{_query(plate)}")
