"""Firmware images: which we have, who runs them, and adding one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from chargers import images as store
from chargers import storage
from chargers.models import Charger, FirmwareImage
from chargers.sentences import read
from portal.forms.firmware import ImageForm
from portal.links import base_url
from portal.views.lists import Listing
from portal.views.pages import desk_page, lead_on, must_act, render_page

DOWNLOAD_S = 60


@desk_page
def images(request: HttpRequest) -> HttpResponse:
    rows = FirmwareImage.objects.select_related("added_by").annotate(campaign_count=Count("campaigns"))
    if query := request.GET.get("q", "").strip():
        rows = rows.filter(Q(vendor__icontains=query) | Q(model__icontains=query) | Q(version__icontains=query))
    orders = {"added": ("added_at",), "vendor": ("vendor", "model", "version"), "version": ("version",)}
    context = {
        "room": "firmware",
        "tab": "images",
        "query": query,
        **Listing(request, rows, orders=orders, default="-added").context(),
    }
    return render_page(request, "files/images.html", context, parts={"rows": "files/_images.html"})


@desk_page
def image(request: HttpRequest, image_id: int) -> HttpResponse:
    found = get_object_or_404(FirmwareImage.objects.select_related("added_by"), pk=image_id)
    matching = store.chargers_of(found)
    rows = matching.select_related("site")
    if request.GET.get("runs") == "yes":
        rows = rows.filter(firmware_version=found.version)
    elif request.GET.get("runs") == "no":
        rows = rows.exclude(firmware_version=found.version)
    orders = {"identity": ("identity_folded",), "firmware": ("firmware_version", "identity_folded")}
    context = {
        "room": "firmware",
        "image": found,
        "total": matching.count,
        "running": matching.filter(firmware_version=found.version).count,
        "campaigns": found.campaigns.all()[:10],
        "runs": request.GET.get("runs", ""),
        **Listing(request, rows, orders=orders, default="identity").context(),
    }
    return render_page(request, "files/image.html", context, parts={"rows": "files/_runners.html"})


@desk_page
def new(request: HttpRequest) -> HttpResponse:
    by = must_act(request)
    form = ImageForm(request.POST or None, request.FILES or None, initial=_started(request))
    if request.method == "POST" and form.is_valid():
        file = form.upload()
        try:
            added = store.add(form.label(), file.name or "", file.chunks(), by=by, at=timezone.now())
        except store.Unfit as error:
            form.add_error(error.field, read(str(error)))
        except storage.TooLarge as error:
            form.add_error("file", read(str(error)))
        else:
            messages.success(
                request,
                gettext("{image} is here, and its SHA-256 is {sha256}.").format(image=added, sha256=added.sha256),
            )
            return lead_on(request, "image", added.pk)
    kinds = Charger.objects.exclude(vendor="").order_by()
    context: dict[str, Any] = {
        "room": "firmware",
        "form": form,
        "vendors": sorted(set(kinds.values_list("vendor", flat=True).distinct())),
        "models": sorted(set(kinds.values_list("model", flat=True).distinct())),
    }
    return render_page(request, "files/image_new.html", context)


def _started(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET.get(name, "") for name in ("vendor", "model")}


@desk_page
def download(request: HttpRequest, image_id: int) -> HttpResponse:
    must_act(request)
    found = get_object_or_404(FirmwareImage, pk=image_id)
    link = storage.storage().link(
        found.name, "get", for_s=DOWNLOAD_S, base_url=base_url(request), called=found.file_name
    )
    return redirect(link)


@desk_page
@require_POST
def delete(request: HttpRequest, image_id: int) -> HttpResponse:
    must_act(request)
    found = get_object_or_404(FirmwareImage, pk=image_id)
    try:
        store.delete(found)
    except store.Unfit as error:
        messages.error(request, read(str(error)))
        return redirect("image", image_id)
    messages.success(request, gettext("{image} is deleted.").format(image=found))
    return redirect("images")
