"""Bringing in a table of chargers or id tokens, or what SteVe has kept: upload, read what it would do, agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal import dumps, sheets
from portal.forms.imports import ImportForm
from portal.imports import chargers, tokens
from portal.imports.report import Report
from portal.imports.steve import books, judging
from portal.models import Import
from portal.views.pages import desk_page, must_act, render_page

KEPT = timedelta(days=1)  # a file that nobody agreed to
LARGEST_DUMP_BYTES = 50 * 1024 * 1024
MOST_DUMP_ROWS = 10_000  # of a table: what one request can write while chargers wait
SHOWN = 200


@dataclass(frozen=True, slots=True)
class Kind:
    noun: str  # of portal/views/nouns.py
    title: str | Promise
    list_title: str | Promise
    page: str  # the list's URL
    columns: tuple[str, ...]
    example: str
    lead: str | Promise
    judge: Callable[..., Report[Any]]
    carry_out: Callable[[Any], list[tuple[str, str]]]
    keep: Callable[[UploadedFile], str]  # what of the file is kept until somebody agrees; raises Unreadable
    read: Callable[[str], Any]  # what was kept, for ``judge``
    is_dump: bool = False


def _text(file: UploadedFile) -> str:
    """What the file says, if it is a table at all."""
    _bound(file, sheets.LARGEST_BYTES)
    content = file.read()
    sheets.read(content)
    return sheets.decoded(content)


def _books(file: UploadedFile) -> str:
    """What we read of SteVe's database, without what it keeps of passwords."""
    _bound(file, LARGEST_DUMP_BYTES)
    with dumps.opened(file.file) as stream:
        try:
            return books.kept(books.read(stream, most_rows=MOST_DUMP_ROWS))
        except dumps.TooMany as error:
            raise sheets.Unreadable(
                gettext("{error} Give it to the command import_steve on the server.").format(error=error)
            ) from error


def _bound(file: UploadedFile, most_bytes: int) -> None:
    if (file.size or 0) > most_bytes:
        raise sheets.Unreadable(
            gettext("The file has {size_mb:.1f} MB; {most_mb} MB are the most. Split it.").format(
                size_mb=(file.size or 0) / 2**20, most_mb=most_bytes // 2**20
            )
        )


def _sheet(text: str) -> sheets.Sheet:
    return sheets.read(text.encode())


KINDS = {
    "chargers": Kind(
        "charger",
        _("Import chargers"),
        _("Chargers"),
        "chargers",
        chargers.COLUMNS,
        "identity,name,site,security_profile\nCP-1001,North row 1,Rathaus,1\nCP-1002,North row 2,Rathaus,2",
        _("New ones are registered, known ones renamed and moved. An empty cell leaves what is so."),
        chargers.judge,
        chargers.carry_out,
        _text,
        _sheet,
    ),
    "tokens": Kind(
        "token",
        _("Import id tokens"),
        _("Tokens"),
        "tokens",
        tokens.COLUMNS,
        "value,holder,expires_at,group,status\n04A2B3C4D5E6F7,M. Kowalska,2027-12-31,fleet-7,accepted",
        _("Also SteVe's table ocpp_tag, exported as CSV. An empty cell leaves what is so."),
        tokens.judge,
        tokens.carry_out,
        _text,
        _sheet,
    ),
    "steve": Kind(
        "row",
        _("Come from SteVe"),
        _("Chargers"),
        "chargers",
        tuple(books.WANTED),
        f"mysqldump stevedb {' '.join(books.WANTED)} > steve.sql",
        _("Chargers with their places, id tags and transactions that are over. What is here already stays as it is."),
        judging.judge,
        judging.carry_out,
        _books,
        books.of_kept,
        is_dump=True,
    ),
}


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise Http404(f"There is no import of {name!r}.")
    return KINDS[name]


@desk_page
def upload(request: HttpRequest, kind: str) -> HttpResponse:
    """Take the file, judge it, and go to what was found. Nothing is written but the file itself, for a day."""
    by = must_act(request)
    found = _kind(kind)
    form = ImportForm(request.POST or None, request.FILES or None, kind=kind)
    if request.method == "POST" and form.is_valid():
        Import.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
        try:
            text = found.keep(form.cleaned_data["file"])
        except sheets.Unreadable as error:
            form.add_error("file", str(error))
        else:
            kept = Import.objects.create(
                kind=kind,
                name=form.cleaned_data["file"].name[:120],
                content=text,
                makes_sites=form.cleaned_data.get("makes_sites", False),
                owner=by,  # type: ignore[misc]
            )
            return redirect("import", kept.pk)
    context = {"room": found.page, "form": form, "kind": found, "back": reverse(found.page)}
    return render_page(request, "imports/upload.html", context)


@desk_page
def report(request: HttpRequest, import_id: int) -> HttpResponse:
    """What the table would do; posted, do it. Passwords that are made are on the answer to that, and nowhere else."""
    by = must_act(request)
    kept = get_object_or_404(Import, pk=import_id, owner=by)
    kind = KINDS[kept.kind]
    if kept.done_at:
        messages.warning(request, gettext("“{name}” is brought in already.").format(name=kept.name))
        return redirect(kind.page)
    context: dict[str, Any] = {"room": kind.page, "kind": kind, "kept": kept, "back": reverse(kind.page)}
    try:
        judged = kind.judge(kind.read(kept.content), makes_sites=kept.makes_sites)
    except sheets.Unreadable as error:
        return render_page(request, "imports/report.html", {**context, "unreadable": str(error)})
    context |= {"report": judged, "findings": judged.findings[:SHOWN], "more": len(judged.findings) - SHOWN}
    if request.method == "POST" and judged.count:
        with transaction.atomic():
            # Two clicks are one import.
            if Import.objects.filter(pk=kept.pk, done_at=None).update(done_at=timezone.now(), content="") != 1:
                return redirect(kind.page)
            made = kind.carry_out(judged)
        context |= {"is_done": True, "made": made, "made_csv": _as_csv(made)}
    return render_page(request, "imports/report.html", context)


def _as_csv(made: list[tuple[str, str]]) -> str:
    return "".join(sheets.line_of(row) for row in [("identity", "password"), *made])
