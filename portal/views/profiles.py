"""The library of charging profiles: the list, the editor with its charts, and sending one to many places."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import dateformat, timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from chargers.models import Charger
from chargers.sentences import read
from portal.forms.profiles import ProfileForm, PushForm
from portal.views import chargers as charger_list
from portal.views import stairs
from portal.views.jobs import FILTERS
from portal.views.lists import Listing, tidy_url, words_of
from portal.views.pages import desk_page, must_act, render_page
from portal.views.stairs import Line
from smartcharging import drafts, library, readback
from smartcharging.composite import Station, Step, composite
from smartcharging.models import Placement, SavedProfile
from smartcharging.schedules import Profile

ORDERS = {"name": ("name",), "held": ("held", "name"), "changed": ("changed_at",)}
SHOWN = 12
DRAFT_NUMBER = 1  # of one that has no row yet


@desk_page
def profiles(request: HttpRequest) -> HttpResponse:
    found = counted(SavedProfile.objects.all())
    for word in words_of(request.GET.get("q", "")):
        found = found.filter(Q(name__icontains=word) | Q(note__icontains=word))
    listing = Listing(request, found, orders=ORDERS, default="name")
    context = {"room": "profiles", "total": SavedProfile.objects.count, **listing.context()}
    return tidy_url(request, render_page(request, "profiles/list.html", context, parts={"rows": "profiles/_rows.html"}))


def counted(rows: QuerySet[SavedProfile]) -> Any:
    """With how many places hold it, wait, and do not do as ordered; ``older``: hold an older version."""
    state = "placements__state"
    is_there = Q(**{f"{state}__in": ["ordered", "taken", "held", "differs"]})
    return rows.annotate(
        held=Count("placements", filter=Q(**{state: "held"})),
        waiting=Count("placements", filter=Q(**{f"{state}__in": ["ordered", "taken"]})),
        wrong=Count("placements", filter=Q(**{f"{state}__in": ["differs", "refused"]})),
        older=Count("placements", filter=is_there & Q(placements__saved_version__lt=F("version"))),
    )


@desk_page
def edit(request: HttpRequest, profile_id: int | None = None) -> HttpResponse:
    saved = get_object_or_404(counted(SavedProfile.objects.all()), pk=profile_id) if profile_id else SavedProfile()
    if request.method == "POST":
        must_act(request)
    form = ProfileForm(request.POST if request.method == "POST" else None, saved=saved)
    wrong: list[str] = []
    if request.method == "POST" and form.is_valid():
        saved.name, saved.note = form.cleaned_data["name"], form.cleaned_data["note"]
        try:
            library.save(saved, form.draft(), at=timezone.now())
        except drafts.Unreadable as error:
            wrong = list(map(read, error.sentences))
        else:
            messages.success(request, gettext("Saved {name}.").format(name=saved.name))
            return redirect("profile", saved.pk)
    places = saved.placements.select_related("charger", "session") if saved.pk else Placement.objects.none()
    listing = Listing(request, places, orders={"charger": ("charger__identity_folded", "evse_id")}, default="charger")
    context = {
        "room": "profiles",
        "saved": saved,
        "form": form,
        "wrong": wrong,
        "chargers": Charger.objects.order_by("identity_folded").values_list("identity", flat=True)[:500],
        **listing.context(),
    }
    return render_page(request, "profiles/edit.html", context, parts={"places": "profiles/_places.html"})


@desk_page
@require_POST
def preview(request: HttpRequest, profile_id: int | None = None) -> HttpResponse:
    """What the form as it is now comes to, on the chosen charger: drawn, and judged by its specification."""
    saved = get_object_or_404(SavedProfile, pk=profile_id) if profile_id else SavedProfile()
    form = ProfileForm(request.POST, saved=saved)
    form.is_valid()
    try:
        draft = drafts.read(form.draft())
    except drafts.Unreadable as error:
        return render_page(request, "profiles/_preview.html", {"wrong": list(map(read, error.sentences))})
    charger = Charger.objects.filter(identity_folded=request.POST.get("charger", "").strip().casefold()).first()
    evse_id = _evse_id(request)
    now = timezone.now().replace(second=0, microsecond=0)
    context: dict[str, Any] = {"charger": charger, "evse_id": evse_id, "unknown": None}
    if charger is None:
        context |= {"unknown": request.POST.get("charger", "").strip(), **_alone(draft, now)}
        refused = drafts.refused_by(draft, at=now)
        context["refused"] = [(version, [read(str(each)) for each in found]) for version, found in refused.items()]
    else:
        context |= _at_charger(charger, evse_id, draft, saved, now)
    return render_page(request, "profiles/_preview.html", context)


def _evse_id(request: HttpRequest) -> int:
    text = request.POST.get("at_evse", "1")
    return int(text) if text.isdecimal() and len(text) < 5 else 1


def _span_s(draft: dict[str, Any]) -> float:
    return 7 * 86_400.0 if draft.get("recurrency") == "weekly" else 86_400.0


def _alone(draft: dict[str, Any], now: datetime) -> dict[str, Any]:
    profile = drafts.as_profile(
        drafts.for_charger(draft, zone=ZoneInfo(timezone.get_current_timezone_name()), at=now),
        number=DRAFT_NUMBER, evse_id=0, transaction_id="",
    )  # fmt: skip
    station = Station((1,), default_a=readback.UNLIMITED, default_w=readback.UNLIMITED)
    end = now + timedelta(seconds=_span_s(draft))
    purpose_wide = 0 if draft["purpose"] == "charger_max" else 1
    steps = composite(
        [profile], station, evse_id=purpose_wide, begin=now, end=end, unit=draft["unit"], assume_session=True
    )
    return {
        "chart": _chart([(gettext("this profile"), "is-new", steps)], draft, now, timezone.get_current_timezone_name())
    }


def _at_charger(
    charger: Charger, evse_id: int, draft: dict[str, Any], saved: SavedProfile, now: datetime
) -> dict[str, Any]:
    place = 0 if draft["purpose"] == "charger_max" else evse_id
    number = library.number_of(saved, place) if saved.pk else DRAFT_NUMBER
    profile, before, after = library.preview(charger, place, draft, number=number, at=now)

    def steps(held: list[Profile]) -> list[Step]:
        return readback.expected(charger, held, evse_id=evse_id, begin=now, unit=draft["unit"], span_s=_span_s(draft))

    zone = charger.site.timezone if charger.site else timezone.get_current_timezone_name()
    with_it = steps(after)
    shows = any(reason.profile_id == number for step in with_it for reason in step.why)
    lines = [(gettext("as it is now"), "is-old", steps(before)), (gettext("with this profile"), "is-new", with_it)]
    return {
        "objections": library.objections(charger, profile),
        "chart": _chart(lines, draft, now, zone),
        "is_hidden": not shows,
        "zone": zone,
    }


def _chart(lines: list[tuple[str, str, list[Step]]], draft: dict[str, Any], now: datetime, zone: str) -> dict[str, Any]:
    span_s = _span_s(draft)
    marks = 8 if span_s > 86_400 else 7
    moments = [(now + timedelta(seconds=span_s * n / (marks - 1))).astimezone(ZoneInfo(zone)) for n in range(marks)]
    # Those of a week are a day apart: the first tells the hour of all.
    forms = ["D H:i", *["D"] * 7] if span_s > 86_400 else ["H:i"] * marks
    hours = [dateformat.format(moment, form) for moment, form in zip(moments, forms, strict=True)]
    return stairs.drawing(
        [Line(name, look, [(s.start_s, _limit(s)) for s in steps]) for name, look, steps in lines],
        span_s=span_s, unit=draft["unit"], hours=hours,
    )  # fmt: skip


def _limit(step: Step) -> float | None:
    return None if step.limit is None or step.limit >= readback.UNLIMITED / 10 else step.limit


@desk_page
def push(request: HttpRequest, profile_id: int) -> HttpResponse:
    """Choose where it goes, see who would get it and who would not, then order it as a job."""
    by = must_act(request)
    saved = get_object_or_404(SavedProfile, pk=profile_id)
    started = {"chargers": request.GET.get("charger", ""), "site": request.GET.get("at") or None}
    form = PushForm(request.POST or None, initial=started)
    filters = urlencode({key: request.GET[key] for key in FILTERS if request.GET.get(key)})
    context: dict[str, Any] = {"room": "profiles", "saved": saved, "form": form, "filters": filters}
    if request.method == "POST" and form.is_valid():
        spots = _spots(request, form, saved)
        ready = [spot for spot in spots if not spot.objections]
        digest = blake2b(",".join(f"{s.charger.pk}.{s.evse_id}" for s in ready).encode(), digest_size=12).hexdigest()
        if ready and request.POST.get("confirmed") == digest:
            job = library.push(saved, ready, by=by, chosen_by=filters or _words(form), at=timezone.now())
            return redirect("job", job.pk)
        left = [spot for spot in spots if spot.objections]
        context["preview"] = {
            "digest": digest, "count": len(ready), "ready": ready[:SHOWN], "rest": max(0, len(ready) - SHOWN),
            "left": left[:SHOWN], "left_count": len(left),
            "charging": len({s.charger.pk for s in ready if s.session}),
        }  # fmt: skip
    return render_page(request, "profiles/push.html", context)


def _spots(request: HttpRequest, form: PushForm, saved: SavedProfile) -> list[library.Spot]:
    data = form.cleaned_data
    found = Charger.objects.filter(pk__in=charger_list.filtered(request).values("pk"))
    if data["chargers"]:
        found = found.filter(identity__in=data["chargers"])
    if data["site"]:
        found = found.filter(site=data["site"])
    if not (data["chargers"] or data["site"] or any(request.GET.get(key) for key in FILTERS)):
        found = Charger.objects.none()
    return library.spots(
        saved, found.select_related("site"), place=data["place"], evse_id=data["evse_id"] or 1, at=timezone.now()
    )


def _words(form: PushForm) -> str:
    return str(form.cleaned_data["site"] or " ".join(form.cleaned_data["chargers"]))[:500]


@desk_page
@require_POST
def act(request: HttpRequest, profile_id: int) -> HttpResponse:
    """``do``: withdraw it from wherever it is, or delete it from the library."""
    by = must_act(request)
    saved = get_object_or_404(SavedProfile, pk=profile_id)
    if request.POST.get("do") == "withdraw":
        try:
            return redirect("job", library.withdraw(saved, by=by, at=timezone.now()).pk)
        except ValueError as error:
            messages.warning(request, read(str(error)))
            return redirect("profile", saved.pk)
    if saved.placements.exclude(state__in=["withdrawn", "refused"]).exists():
        messages.warning(request, gettext("{name} is still at chargers; take it back first.").format(name=saved.name))
        return redirect("profile", saved.pk)
    saved.delete()
    messages.success(request, gettext("Deleted {name}.").format(name=saved.name))
    return redirect("profiles")
