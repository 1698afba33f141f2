"""Id tokens: the list, creating, changing, blocking."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib import messages
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from portal.forms.tokens import TokenForm
from portal.views import columns, exports, saved
from portal.views.lists import Listing, empty_last, tidy_url, words_of
from portal.views.pages import desk_page, must_act, render_page
from sessions.models import ChargingSession, IdToken

ORDERS = {
    "value": ("value_folded",),
    "holder": ("holder", "value_folded"),
    "used": (empty_last("used_at"), "value_folded"),
    "expires": (empty_last("expires_at"), "value_folded"),
}


@desk_page
def tokens(request: HttpRequest) -> HttpResponse:
    context = {
        "room": "tokens",
        "counts": cache(_counts),
        **saved.context(request, "tokens"),
        **Listing(request, filtered(request), orders=ORDERS, default="value", keys_first=True).context(),
    }
    response = render_page(request, "tokens/list.html", context, parts={"rows": "tokens/_rows.html"})
    return tidy_url(request, response)


def _counts() -> dict[str, int]:
    """How many there are, and may charge now."""
    is_over, is_blocked = Q(expires_at__lte=timezone.now()), Q(status=IdToken.Status.BLOCKED)
    return IdToken.objects.aggregate(
        all=Count("pk"),
        valid=Count("pk", filter=~is_blocked & (Q(expires_at=None) | ~is_over)),
        blocked=Count("pk", filter=is_blocked),
        expired=Count("pk", filter=is_over),
    )


@desk_page
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The tokens that the URL asks for as CSV, as `imports` reads them again."""
    rows = Listing(request, filtered(request), orders=ORDERS, default="value").rows
    return exports.stream(request, "tokens", rows, columns.TOKENS, details=lambda tokens: tokens)


def filtered(request: HttpRequest) -> QuerySet[IdToken]:
    """What the URL asks for: ``q`` and ``status`` (accepted | blocked | expired)."""
    found = _with_use(IdToken.objects.all())
    for word in words_of(request.GET.get("q", "")):
        found = found.filter(Q(value__icontains=word) | Q(holder__icontains=word) | Q(group__icontains=word))
    status = request.GET.get("status", "")
    if status == "expired":
        found = found.filter(expires_at__lte=timezone.now())
    elif status in IdToken.Status.values:
        found = found.filter(status=status)
    return found


def _with_use(tokens: QuerySet[IdToken]) -> QuerySet[Any]:
    """With ``used_at`` and ``session_count``, which are asked for the rows of a page only."""
    theirs = ChargingSession.objects.filter(id_token=OuterRef("pk")).order_by()
    counted = theirs.values("id_token").annotate(n=Count("*")).values("n")
    return tokens.annotate(
        used_at=Subquery(theirs.order_by("-started_at").values("started_at")[:1]),
        session_count=Coalesce(Subquery(counted), 0),
    )


@desk_page
def edit(request: HttpRequest, token_id: int | None = None) -> HttpResponse:
    must_act(request)
    found = get_object_or_404(IdToken, pk=token_id) if token_id else None
    started = {} if found else {"value": request.GET.get("value", "")}
    form = TokenForm(request.POST or None, instance=found, initial=started)
    if form.is_valid():
        saved = form.save()
        messages.success(request, gettext("Saved {value}.").format(value=saved.value))
        return redirect("tokens")
    context = {
        "room": "tokens",
        "form": form,
        "title": gettext("Token {value}").format(value=found.value) if found else gettext("Add a token"),
        "lead": gettext(
            "Blocking holds from a charger's next question; one that decides by itself needs the local list sent."
        ),
        "back": reverse("tokens"),
        "back_word": gettext("Tokens"),
    }
    return render_page(request, "parts/form_page.html", context)
