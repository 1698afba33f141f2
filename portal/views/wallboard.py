"""The wallboard: what the overview says, for a screen on a wall. Nothing on it rotates; it is true while it is lit."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from portal.views import overview
from portal.views.pages import desk_page, render_page


@desk_page
def wallboard(request: HttpRequest) -> HttpResponse:
    context = {"summary": overview.summary, "sites": overview.loudest_sites}
    return render_page(request, "wallboard/page.html", context, parts={"board": "wallboard/_board.html"})
