"""Saved views: a list as somebody wants to see it, under a name, for oneself or for all."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from portal.models import SavedView
from portal.views.pages import desk_page

PAGES = {"chargers", "sessions", "issues", "tokens", "log"}
LONGEST_QUERY = 1500


def context(request: HttpRequest, page: str) -> dict[str, Any]:
    """``views``: what this person may choose from on a list; each knows its address and whether it is the one here."""
    here = _told(request.GET)
    rows = SavedView.objects.filter(Q(owner=request.user) | Q(is_shared=True), page=page).select_related("owner")
    return {
        "views_page": page,
        "views": lambda: [
            {
                "view": row,
                "href": f"{reverse(page)}?{row.query}",
                "is_here": _told(QueryDict(row.query)) == here,
                "is_mine": row.owner_id == request.user.pk,
            }
            for row in rows
        ],
    }


@desk_page
@require_POST
def save(request: HttpRequest, page: str) -> HttpResponse:
    """Keep the list as it is under ``name``; one's own view of that name is replaced. Sharing is for staff."""
    if page not in PAGES or not isinstance(request.user, AbstractBaseUser):
        raise Http404(f"Lists of {page!r} have no views.")
    query = QueryDict(request.POST.get("query", "").lstrip("?")[:LONGEST_QUERY], mutable=True)
    query.pop("page", None)
    name = " ".join(request.POST.get("name", "").split())[:60]
    if not name:
        messages.error(request, _("A view needs a name."))
    else:
        is_shared = request.user.is_staff and bool(request.POST.get("is_shared"))
        SavedView.objects.update_or_create(
            owner=request.user, page=page, name=name, defaults={"query": query.urlencode(), "is_shared": is_shared}
        )
        messages.success(
            request,
            (_("Saved the view “{name}”, for all.") if is_shared else _("Saved the view “{name}”.")).format(name=name),
        )
    return redirect(f"{reverse(page)}?{query.urlencode()}")


@desk_page
@require_POST
def delete(request: HttpRequest, view_id: int) -> HttpResponse:
    """One's own view, or for staff a shared one."""
    mine = Q(owner=request.user)
    found = get_object_or_404(SavedView, mine | Q(is_shared=True) if request.user.is_staff else mine, pk=view_id)
    found.delete()
    messages.success(request, _("The view “{name}” is gone; what it listed stays.").format(name=found.name))
    return redirect(found.page)


def _told(query: QueryDict) -> set[tuple[str, str]]:
    return {(name, value) for name, values in query.lists() for value in values if value and name != "page"}
