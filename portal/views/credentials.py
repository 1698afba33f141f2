"""A password that is shown once, and the URL that a charger must be given."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from chargers.addresses import ocpp_url, secure_base_url
from chargers.models import Charger, SecurityProfile

KEY = "password-once"


def ocpp_urls(request: HttpRequest, charger: Charger) -> dict[str, str]:
    """``full``: what to enter in the charger; ``base``: the same for chargers that append their identity themselves."""
    base_url = settings.PUBLIC_URL or request.build_absolute_uri("/")
    if charger.security_profile >= SecurityProfile.TLS:
        base_url = secure_base_url(base_url, settings.TLS_PORT) or base_url
    full = ocpp_url(charger.identity, base_url)
    return {"full": full, "base": full.rsplit("/", 1)[0]}


def secure_url(request: HttpRequest) -> str:
    """Where chargers reach us by TLS, without their identity; "" if we cannot tell."""
    base_url = secure_base_url(settings.PUBLIC_URL or request.build_absolute_uri("/"), settings.TLS_PORT)
    return ocpp_url("", base_url).rstrip("/") if base_url else ""


def show_once(request: HttpRequest, charger: Charger, password: str | None) -> None:
    """Let the next page of this charger show ``password``; it is in the session until then, hashed in the database."""
    request.session[KEY] = {"charger": charger.pk, "password": password or ""}


def shown_once(request: HttpRequest, charger: Charger) -> dict[str, str] | None:
    kept = request.session.get(KEY)
    if not kept or kept["charger"] != charger.pk:
        return None
    del request.session[KEY]
    return {"password": kept["password"]}
