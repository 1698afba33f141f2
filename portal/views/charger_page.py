"""The frame around every tab of a charger: finding it, its head, its tabs."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chargers.models import Charger, Connector, fold
from chargers.sentences import read
from chargers.signals import charger_changed
from portal.forms.commands import FORMS
from portal.issues import language
from portal.views.pages import render_page
from portal.views.states import with_state

TABS = (
    ("now", "charger", _("Now")),
    ("sessions", "charger-sessions", _("Sessions")),
    ("commands", "charger-commands", _("Commands")),
    ("configuration", "charger-configuration", _("Configuration")),
    ("profiles", "charger-profiles", _("Profiles")),
    ("firmware", "charger-firmware", _("Firmware")),
    ("told", "charger-told", _("Told")),
    ("log", "charger-log", _("Log")),
    ("connection", "charger-connection", _("Connection")),
    ("security", "charger-security", _("Security")),
)
# In the head's menu: what a night shift needs with one thumb.
QUICK = ("remote_start", "remote_stop", "unlock", "reset", "change_availability", "trigger", "raw")


def find(identity: str) -> Charger:
    """By identity, ignoring case, with its ``state``. Raises Http404."""
    charger = (
        with_state(Charger.objects.filter(identity_folded=fold(identity)))
        .select_related("site")
        .prefetch_related(Prefetch("connectors", Connector.objects.order_by("evse_id", "connector_id")), "tags")
        .first()
    )
    if charger is None:
        raise Http404(gettext("There is no charger {identity!r}.").format(identity=identity))
    return charger


def render(
    request: HttpRequest, charger: Charger, page: str, context: dict[str, Any], *, parts: dict[str, str]
) -> HttpResponse:
    frame = {
        "room": "chargers",
        "charger": charger,
        "tabs": TABS,
        "quick": [(name, FORMS[name].title) for name in QUICK],
        "sentence": lambda: sentence(charger),
    }
    return render_page(request, page, {**frame, **context}, parts={"head": "charger/_head.html", **parts})


def sentence(charger: Charger) -> str:
    """What matters most about a charger now, in one sentence."""
    if charger.connected_at is None:
        return gettext("It has not connected yet. Give it the URL and the password below.")
    if not charger.is_online:
        return charger_is_silent(charger)
    faulted = [connector for connector in charger.connectors.all() if connector.status == "faulted"]
    if faulted:
        return " ".join(_fault(connector) for connector in faulted)
    running = charger.sessions.filter(stopped_at=None, is_superseded=False).count()
    if running:
        return ngettext("{count} session running.", "{count} sessions running.", running).format(count=running)
    if not charger.is_booted:
        return gettext("It is connected, but has not booted: it takes no commands yet.")
    return gettext("Ready; no session is running.")


def _fault(connector: Connector) -> str:
    """What is wrong with it and what to do: "Ground failure … on connector 2 (GroundFailure). Do not restart it. …"."""
    fault = language.read(connector.error_code, connector.vendor_error_code, connector.info)
    codes = " ".join(filter(None, [connector.error_code, connector.vendor_error_code])) or gettext("no code")
    cause, first_step = capfirst(read(fault.cause)), read(fault.first_step)
    return gettext("{cause}, on connector {label} ({codes}). {first_step}").format(
        cause=cause, label=connector.label, codes=codes, first_step=first_step
    )


def charger_is_silent(charger: Charger) -> str:
    reason = charger.connections.values_list("close_reason", flat=True).first()
    offline = gettext("It is offline ({reason}).").format(reason=read(reason)) if reason else gettext("It is offline.")
    sentences = [offline, gettext("What you see is what it told last.")]
    if waiting := charger.commands.filter(status="pending").count():
        said = ngettext("{count} command waits for it.", "{count} commands wait for it.", waiting)
        sentences.append(said.format(count=waiting))
    return " ".join(sentences)


def announce(charger: Charger) -> None:
    """Staff changed it: other pages should know."""
    transaction.on_commit(lambda: charger_changed.send_robust(sender=Charger, charger_ids={charger.pk}))
