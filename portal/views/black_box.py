"""The black box of a session: everything on one line of time, and the same as a file for the manufacturer."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal import case_file
from portal.views.pages import desk_page, render_page
from sessions import timeline
from sessions.models import ChargingSession

# Of an entry.
KIND_OF = {
    "frame": _("frame"),
    "socket": _("socket"),
    "state": _("state"),
    "boot": _("boot"),
    "order": _("order"),
    "person": _("person"),
    "silence": _("silence"),
}
KINDS = (
    ("", _("everything")),
    ("trouble", _("trouble")),
    ("frame", _("frames")),
    ("socket", _("sockets")),
    ("state", _("states")),
    ("boot", _("boots")),
    ("order", _("orders")),
    ("person", _("people")),
    ("silence", _("silences")),
)


@desk_page
def black_box(request: HttpRequest, session_id: int) -> HttpResponse:
    session = _find(session_id)
    line = timeline.of_session(session, now=timezone.now())
    kind = request.GET.get("kind", "")
    context = {
        "room": "sessions",
        "session": session,
        "line": line,
        "troubles": sum(entry.is_trouble for entry in line.entries),
        "kinds": KINDS,
        "kind": kind,
        "most": timeline.MOST_FRAMES,
        "entries": [
            (KIND_OF[e.kind], e) for e in line.entries if kind in ("", e.kind) or (kind == "trouble" and e.is_trouble)
        ],
        "zone": session.charger.site.timezone if session.charger.site else "",
    }
    return render_page(request, "sessions/timeline.html", context)


@desk_page
def case(request: HttpRequest, session_id: int) -> HttpResponse:
    """The case file, a zip."""
    session = _find(session_id)
    response = HttpResponse(case_file.write(session, now=timezone.now()), content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="chargeyard-session-{session.pk}.zip"'
    return response


def _find(session_id: int) -> ChargingSession:
    return get_object_or_404(ChargingSession.objects.select_related("charger", "charger__site"), pk=session_id)
