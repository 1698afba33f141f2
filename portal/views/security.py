"""One charger: how it comes in, with which keys, and how that is made safer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from chargers import authority, client_certificates, commands, upgrades
from chargers import credentials as passwords
from chargers.models import CertificateRequest, Charger, ClientCertificate, ProfileUpgrade, SecurityProfile
from chargers.sentences import phrase
from portal.forms.security import UpgradeForm
from portal.views import charger_page, credentials
from portal.views.pages import desk_page, must_act, render_page

REFUSALS = ("LoginFailed", "SecurityProfileMismatch", "CertificateRefused")
PARTS = {name: f"charger/_{name}.html" for name in ("events", "alerts", "certificates", "access")}


@desk_page
def security(request: HttpRequest, identity: str) -> HttpResponse:
    charger = charger_page.find(identity)
    context = {
        "tab": "security",
        "events": charger.security_events.all()[:100],
        "alerts": charger.alerts.all()[:50],
        "certificates": charger.certificates.all(),
        "signed": charger.certificate_requests.all()[:5],
        "once": credentials.shown_once(request, charger),
        "urls": credentials.ocpp_urls(request, charger),
        "is_asking": request.GET.get("reset") == "ask",
        "revoking": revocable(charger, request.GET.get("revoke", "")),
        **access(charger),
    }
    return charger_page.render(request, charger, "charger/security.html", context, parts=PARTS)


def revocable(charger: Charger, asked: str) -> CertificateRequest | None:
    """The certificate that staff are about to revoke and have not confirmed yet."""
    if not asked.isdecimal() or len(asked) > 18:
        return None
    return charger.certificate_requests.filter(pk=int(asked)).first()


def access(charger: Charger) -> dict[str, Any]:
    """How it comes in; costly only where it is shown."""
    day_ago = timezone.now() - timedelta(days=1)
    upgrade = charger.profile_upgrades.first()
    return {
        "shown": ClientCertificate.objects.filter(charger=charger).first(),
        "refusals": charger.security_events.filter(is_ours=True, kind__in=REFUSALS, received_at__gte=day_ago).count,
        "has_password": charger.security_profile in (SecurityProfile.BASIC, SecurityProfile.TLS),
        "can_rise": charger.security_profile < SecurityProfile.CERTIFICATE and charger.subprotocol,
        "upgrade": upgrade,
        "steps": progress(upgrade) if upgrade else [],
        "soon": timezone.now() + timedelta(days=settings.RENEW_CERTIFICATE_DAYS),
    }


def progress(upgrade: ProfileUpgrade) -> list[tuple[str, str]]:
    """Each step with its state: done, now, later, failed."""
    names = list(upgrades.TITLES)
    here = names.index(upgrade.step) if upgrade.step in names else 0
    if upgrade.status == ProfileUpgrade.Status.DONE:
        here = len(names)
    word = phrase("now") if upgrade.status == ProfileUpgrade.Status.RUNNING else phrase("failed")
    return [
        (upgrades.TITLES[name], phrase("done") if place < here else word if place == here else phrase("later"))
        for place, name in enumerate(names)
    ]


@desk_page
@require_POST
def new_password(request: HttpRequest, identity: str) -> HttpResponse:
    must_act(request)
    charger = charger_page.find(identity)
    credentials.show_once(request, charger, passwords.issue_password(charger))
    return redirect("charger-security", charger.identity)


@desk_page
@require_POST
def rotate_password(request: HttpRequest, identity: str) -> HttpResponse:
    by = must_act(request)
    charger = charger_page.find(identity)
    commands.request(charger, "rotate_password", by=by, via="portal")
    messages.success(
        request, gettext("Ordered. Until the charger answers or comes in with the new key, both open the door.")
    )
    return redirect("charger-security", charger.identity)


@desk_page
@require_POST
def renew_certificate(request: HttpRequest, identity: str) -> HttpResponse:
    by = must_act(request)
    charger = charger_page.find(identity)
    commands.request(charger, "trigger", arguments={"message": "SignCertificate"}, by=by, via="portal")
    messages.success(request, gettext("Ordered. The charger sends its request, and gets its certificate."))
    return redirect("charger-security", charger.identity)


@desk_page
@require_POST
def revoke_certificate(request: HttpRequest, identity: str, request_id: int) -> HttpResponse:
    must_act(request)
    charger = charger_page.find(identity)
    revoked = get_object_or_404(CertificateRequest, pk=request_id, charger=charger)
    client_certificates.revoke(revoked, at=timezone.now())
    charger_page.announce(charger)
    messages.success(request, gettext("Revoked: it opens no door from now on. The connection that it opened is ended."))
    return redirect("charger-security", charger.identity)


@desk_page
def raise_profile(request: HttpRequest, identity: str) -> HttpResponse:
    by = must_act(request)
    charger = charger_page.find(identity)
    url = credentials.secure_url(request)
    root = authority.load(settings.CHARGER_CA_FILE).pem
    form = UpgradeForm(charger, request.POST or None, url=url, root=root)
    if form.is_valid():
        data = {"url": url, "slot": 1, **form.cleaned_data}
        try:
            upgrades.start(charger, by=by, at=timezone.now(), **data)
        except ValidationError as error:
            known = hasattr(error, "error_dict") and set(error.error_dict) <= set(form.fields)
            form.add_error(None, error if known else ValidationError(error.messages))
        else:
            return redirect("charger-security", charger.identity)
    context = {
        "room": "chargers",
        "form": form,
        "title": gettext("Raise the security of {identity}").format(identity=charger.identity),
        "lead": gettext(
            "The charger is told step by step, and restarts at the end. Once it has come in by the new profile, "
            "it never comes in by a lower one again."
        ),
        "do": gettext("Begin"),
        "back": reverse("charger-security", args=[charger.identity]),
        "back_word": charger.identity,
    }
    return render_page(request, "parts/form_page.html", context)


@desk_page
@require_POST
def stop_raising(request: HttpRequest, identity: str) -> HttpResponse:
    must_act(request)
    charger = charger_page.find(identity)
    running = charger.profile_upgrades.filter(status=ProfileUpgrade.Status.RUNNING).first()
    if running:
        upgrades.stop(running, at=timezone.now())
        messages.success(
            request, gettext("Stopped. What the charger has taken stays in it; we ask no more of it than before.")
        )
    return redirect("charger-security", charger.identity)


@desk_page
def root_certificate(request: HttpRequest) -> HttpResponse:
    """The certificate of our authority, for whoever is to trust it. Its key stays here."""
    pem = authority.load(settings.CHARGER_CA_FILE).pem
    headers = {"Content-Disposition": 'attachment; filename="chargeyard-ca.pem"'}
    return HttpResponse(pem, content_type="application/x-pem-file", headers=headers)
