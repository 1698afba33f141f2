"""The wallboard: what the overview says, for a screen on a wall. Nothing on it rotates; it is true while it is lit."""

from __future__ import annotations

from functools import cache

from django.http import HttpRequest, HttpResponse

from portal.views import overview
from portal.views.pages import desk_page, render_page


@desk_page
def wallboard(request: HttpRequest) -> HttpResponse:
    by_site = cache(overview.counts_of_all)
    context = {
        "summary": lambda: overview.summary(by_site()),
        "sites": lambda: overview.loudest_sites(by_site()),
    }
    return render_page(request, "wallboard/page.html", context, parts={"board": "wallboard/_board.html"})
