"""Logs that chargers left with us: which, how far, and what is in them. Their text is data; nothing in it is opened."""

from __future__ import annotations

import zipfile
from typing import Any, BinaryIO

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.text import slugify
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from chargers import storage, uploads
from chargers.models import Command, CommandStatus, Upload
from portal.links import base_url
from portal.views.lists import Listing, Order, empty_last, tidy_url
from portal.views.pages import desk_page, must_act, render_page

SHOWN_BYTES = 256 * 1024
MOST_MEMBERS = 500
SUFFIX = {"text": "txt", "zip": "zip", "gzip": "gz", "tar": "tar", "other": "bin"}  # ours, as all of the name
DOWNLOAD_S = 60  # the browser follows at once


@desk_page
def logs(request: HttpRequest) -> HttpResponse:
    rows = Upload.objects.select_related("charger__site", "command__requested_by")
    if query := request.GET.get("q", "").strip():
        rows = rows.filter(Q(charger__identity__icontains=query) | Q(told_name__icontains=query))
    state = request.GET.get("state", "")
    if state == "open":
        rows = rows.filter(state__in=uploads.OPEN)
    elif state in Upload.State.values:
        rows = rows.filter(state=state)
    orders: dict[str, tuple[Order, ...]] = {
        "asked": ("asked_at",),
        "charger": ("charger__identity_folded",),
        "size": (empty_last("size_bytes"),),
    }
    context = {
        "room": "firmware",
        "tab": "logs",
        "coming": Upload.objects.filter(state__in=uploads.OPEN).count,
        "waiting": Command.objects.filter(verb="fetch_logs", status=CommandStatus.PENDING).count,
        "query": query,
        "state": state,
        **Listing(request, rows, orders=orders, default="-asked").context(),
    }
    parts = {"logs-head": "files/_logs_head.html", "rows": "files/_logs.html"}
    return tidy_url(request, render_page(request, "files/logs.html", context, parts=parts))


@desk_page
def log(request: HttpRequest, upload_id: int) -> HttpResponse:
    """A log to read: text as text, of an archive what is in it."""
    upload = get_object_or_404(Upload.objects.select_related("charger", "command__requested_by"), pk=upload_id)
    context: dict[str, Any] = {"room": "firmware", "upload": upload}
    if upload.state == Upload.State.RECEIVED:
        try:
            with storage.storage().open(upload.name) as file:
                context |= _inside(upload, file)
        except storage.NoSuchFile:
            context["trouble"] = gettext("The file is not in the storage any more.")
    return render_page(request, "files/log.html", context, parts={"log": "files/_log.html"})


def _inside(upload: Upload, file: BinaryIO) -> dict[str, Any]:
    if upload.content == Upload.Content.TEXT:
        text = file.read(SHOWN_BYTES).decode("utf-8", "replace").replace("\x00", "\ufffd")
        return {"text": text, "is_cut": (upload.size_bytes or 0) > SHOWN_BYTES, "shown_bytes": SHOWN_BYTES}
    if upload.content == Upload.Content.ZIP:
        try:
            members = zipfile.ZipFile(file).infolist()  # its table only: nothing is unpacked
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError) as error:
            return {"trouble": gettext("This archive cannot be listed: {error}.").format(error=error)}
        return {"members": members[:MOST_MEMBERS], "more_members": max(0, len(members) - MOST_MEMBERS)}
    return {}


@desk_page
def download(request: HttpRequest, upload_id: int) -> HttpResponse:
    rows = Upload.objects.select_related("charger")
    upload = get_object_or_404(rows, pk=upload_id, state=Upload.State.RECEIVED)
    called = f"{slugify(upload.charger.identity)}-{upload.kind}-{upload.asked_at:%Y%m%d-%H%M}.{SUFFIX[upload.content]}"
    link = storage.storage().link(upload.name, "get", for_s=DOWNLOAD_S, base_url=base_url(request), called=called)
    return redirect(link)


@desk_page
@require_POST
def delete(request: HttpRequest, upload_id: int) -> HttpResponse:
    must_act(request)
    upload = get_object_or_404(Upload.objects.select_related("charger"), pk=upload_id)
    uploads.delete(upload)
    messages.success(request, gettext("The log of {identity} is deleted.").format(identity=upload.charger.identity))
    return redirect("charger-firmware", upload.charger.identity) if "charger" in request.POST else redirect("logs")
