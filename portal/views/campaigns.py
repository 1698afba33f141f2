"""Firmware campaigns: choose and preview, then watch the rings, and hold, go on, retry or end."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from chargers import images
from chargers.campaigns import care, planning, rings
from chargers.models import Campaign, Charger, FirmwareImage, Participant
from chargers.sentences import read
from portal.forms.firmware import CampaignForm
from portal.links import base_url
from portal.templatetags.desk import PART_LOOKS
from portal.views import chargers as charger_list
from portal.views.jobs import FILTERS
from portal.views.lists import Listing
from portal.views.pages import desk_page, must_act, render_page
from sessions import campaigns as eyes

TYPED_ABOVE = 10  # chargers; who updates more types their number
MOST_DOTS = 150  # of a ring; a larger one shows its bar only
SHOWN = 12
BAR = 1000  # width of a ring's bar, in its own units
# In the order of a ring's bar.
IN_ORDER = ("done", "soaking", "updating", "failed", "waiting", "skipped", "cancelled")


@desk_page
def campaigns(request: HttpRequest) -> HttpResponse:
    rows = counted(Campaign.objects.select_related("image", "created_by"))
    orders = {"created": ("created_at",), "status": ("status", "-created_at")}
    context = {
        "room": "firmware",
        "tab": "campaigns",
        "at_work": Campaign.objects.filter(status=Campaign.Status.RUNNING).count,
        "halted": Campaign.objects.filter(status=Campaign.Status.HALTED).count,
        "has_images": FirmwareImage.objects.exists,
        **Listing(request, rows, orders=orders, default="-created").context(),
    }
    return render_page(request, "campaigns/list.html", context, parts={"rows": "campaigns/_rows.html"})


def counted(rows: QuerySet[Campaign]) -> Any:
    def count(*states: str) -> Count:
        return Count("participants", filter=Q(participants__state__in=states))

    return rows.annotate(
        total=Count("participants"),
        done=count("done"),
        failed=count("failed"),
        under_way=count("updating", "soaking"),
        waiting=count("waiting"),
        skipped=count("skipped"),
    )


@desk_page
def campaign(request: HttpRequest, campaign_id: int) -> HttpResponse:
    rows = counted(Campaign.objects.select_related("image", "created_by"))
    found = get_object_or_404(rows, pk=campaign_id)
    parts = found.participants.select_related("charger__site", "command")
    if (state := request.GET.get("state", "")) in Participant.State.values:
        parts = parts.filter(state=state)
    if (ring := request.GET.get("ring", "")).isdecimal():
        parts = parts.filter(ring=int(ring[:5]))
    orders = {
        "ring": ("ring", "charger__identity_folded"),
        "charger": ("charger__identity_folded",),
        "state": ("state", "ring", "charger__identity_folded"),
    }
    context = {
        "room": "firmware",
        "campaign": found,
        "lanes": lambda: lanes(found),
        "state": state,
        "ring": ring,
        "states": Participant.State.choices,
        **Listing(request, parts, orders=orders, default="ring").context(),
    }
    shown = {"campaign": "campaigns/_head.html", "rows": "campaigns/_parts.html"}
    return render_page(request, "campaigns/detail.html", context, parts=shown)


@dataclass(slots=True)
class Lane:
    """A ring as the page shows it. ``bar``: (class, x, width) in units of `BAR`; ``dots`` if they are not too many."""

    ring: int
    total: int
    counts: list[tuple[str, str, str, int]]  # state, class, word, how many
    bar: list[tuple[str, float, float]]
    dots: list[tuple[Participant, str]]


def lanes(campaign: Campaign) -> list[Lane]:
    told = campaign.participants.order_by().values_list("ring", "state").annotate(Count("pk"))
    by_ring: dict[int, dict[str, int]] = {}
    for ring, state, count in told:
        by_ring.setdefault(ring, {})[state] = count
    found = []
    for ring in sorted(by_ring):
        counts = [
            (state, PART_LOOKS[state], str(Participant.State(state).label).lower(), by_ring[ring].get(state, 0))
            for state in IN_ORDER
        ]
        total, x, bar = sum(by_ring[ring].values()), 0.0, []
        for _, look, _, count in counts:
            if count:
                bar.append((look, round(x, 1), round(BAR * count / total, 1)))
                x += BAR * count / total
        dots = []
        if total <= MOST_DOTS:
            parts = campaign.participants.filter(ring=ring).select_related("charger")
            dots = [(part, PART_LOOKS[part.state]) for part in parts]
        found.append(Lane(ring, total, [row for row in counts if row[3]], bar, dots))
    return found


@desk_page
def new(request: HttpRequest) -> HttpResponse:
    """Choose an image and rules for the chargers that the URL's filters match; then a preview, then go."""
    by = must_act(request)
    image_pk = request.GET.get("image", "")
    image = FirmwareImage.objects.filter(pk=int(image_pk)).first() if image_pk.isdecimal() else None
    filters = urlencode({key: request.GET[key] for key in FILTERS if request.GET.get(key)})
    context: dict[str, Any] = {
        "room": "firmware",
        "images": FirmwareImage.objects.all(),
        "image": image,
        "filters": filters,
    }
    if image is not None:
        chosen = charger_list.filtered(request).filter(pk__in=images.chargers_of(image).values("pk"))
        chargers = list(Charger.objects.filter(pk__in=chosen.values("pk")).select_related("site"))
        form = CampaignForm(image, len(chargers), request.POST or None)
        context |= {"form": form, "count": len(chargers)}
        if request.method == "POST" and chargers and form.is_valid():
            context["preview"] = preview = _preview(image, chargers, form)
            if request.POST.get("confirmed") == preview["digest"]:
                if not preview["is_large"] or request.POST.get("typed", "").strip() == str(len(chargers)):
                    begun = care.start(
                        image, chargers, by=by, at=timezone.now(), base_url=base_url(request)[:200],
                        chosen_by=filters[:500], **form.rules(),
                    )  # fmt: skip
                    return redirect("campaign", begun.pk)
                context["mistyped"] = True
    return render_page(request, "campaigns/new.html", context)


def _preview(image: FirmwareImage, chargers: list[Charger], form: CampaignForm) -> dict[str, Any]:
    """Who would be hit. ``digest``: what is agreed to must be what is hit."""
    ids = sorted(charger.pk for charger in chargers)
    rules = form.rules()
    decided = f"{image.pk};{ids};{sorted((name, str(value)) for name, value in rules.items())}"
    by_bandwidth = planning.by_bandwidth(rules["bytes_per_s"], image.size_bytes)
    return {
        "digest": blake2b(decided.encode(), digest_size=12).hexdigest(),
        "is_large": len(ids) > TYPED_ABOVE,
        "running": sum(charger.firmware_version == image.version for charger in chargers),
        "offline": sum(not charger.is_online for charger in chargers),
        "charging": len(eyes.busy(ids)),
        "rings": rings.sizes(rules["ring_sizes"], len(ids)),
        "at_once": planning.smaller(rules["most_at_once"], by_bandwidth),
        "no_site": sum(charger.site_id is None for charger in chargers) if rules["window_from"] else 0,
        "bytes": image.size_bytes * len(ids),
        "first": chargers[:SHOWN],
        "rest": max(0, len(ids) - SHOWN),
    }


@desk_page
@require_POST
def act(request: HttpRequest, campaign_id: int) -> HttpResponse:
    """``do``: pause, resume, retry what failed, or cancel."""
    must_act(request)
    found = get_object_or_404(Campaign, pk=campaign_id)
    do = request.POST.get("do")
    try:
        if do == "pause":
            care.pause(found)
        elif do == "resume":
            care.resume(found)
        elif do == "retry":
            care.retry(found)
        elif do == "cancel":
            count = care.cancel(found, at=timezone.now())
            messages.success(
                request,
                gettext("Cancelled: {count} will not update. What has begun cannot be called back.").format(
                    count=count
                ),
            )
    except care.NotNow as error:
        messages.warning(request, read(str(error)))
    return redirect("campaign", found.pk)
