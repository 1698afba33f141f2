"""Reservations: which connectors are kept for whom, and taking that back."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from chargers import commands
from chargers.models import Site
from portal.views.lists import Listing, tidy_url, words_of
from portal.views.pages import desk_page, must_act, render_page
from sessions.models import Reservation

ORDERS = {"until": ("expires_at",), "charger": ("charger__identity_folded", "expires_at"), "token": ("token_value",)}


@desk_page
def reservations(request: HttpRequest) -> HttpResponse:
    found = filtered(request)
    context = {
        "room": "chargers",
        "sites": Site.objects.all(),
        "now": timezone.now(),
        "running": Reservation.objects.filter(_runs()).count,
        **Listing(request, found, orders=ORDERS, default="until").context(),
    }
    response = render_page(request, "reservations/page.html", context, parts={"rows": "reservations/_rows.html"})
    return tidy_url(request, response)


def filtered(request: HttpRequest) -> QuerySet[Reservation]:
    """What the URL asks for: ``q site state`` (all | over); without a state those that run."""
    found = Reservation.objects.select_related("charger__site")
    for word in words_of(request.GET.get("q", "")):
        found = found.filter(Q(charger__identity__icontains=word) | Q(token_value__icontains=word))
    if request.GET.get("site", "").isdecimal():
        found = found.filter(charger__site=int(request.GET["site"]))
    state = request.GET.get("state", "")
    if state == "over":
        return found.exclude(_runs())
    return found if state == "all" else found.filter(_runs())


def _runs() -> Q:
    return Q(status="accepted", expires_at__gt=timezone.now())


@desk_page
@require_POST
def cancel(request: HttpRequest, reservation_pk: int) -> HttpResponse:
    """Order it of the charger; the reservation is over when the charger says so."""
    by = must_act(request)
    found = get_object_or_404(Reservation.objects.select_related("charger"), _runs(), pk=reservation_pk)
    commands.request(
        found.charger,
        "cancel_reservation",
        arguments={"reservation_id": found.reservation_id},
        by=by,
        via="portal",
        # Two clicks are one order.
        idempotency_key=f"cancel-reservation-{found.pk}",
    )
    messages.success(
        request,
        gettext("{identity} is told; the reservation ends when it has answered.").format(
            identity=found.charger.identity
        ),
    )
    return redirect("reservations")
