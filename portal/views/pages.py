"""What all pages share: who may see them, in whose time zone, and answering with only the part that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django_htmx.http import HttpResponseClientRefresh

from portal import deeds, visits

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def desk_page(view: View[P]) -> View[P]:
    """Only after login; times inside are in the zone that the browser told (`static/js/theme.js`)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            # A part of a page cannot become the login page: let the whole page go there.
            return HttpResponseClientRefresh() if _is_htmx(request) else redirect_to_login(request.get_full_path())
        if isinstance(request.user, AbstractBaseUser) and request.method == "GET" and not _is_htmx(request):
            visits.note(request.user, timezone.now())
        with timezone.override(browser_zone(request)):
            if isinstance(request.user, AbstractBaseUser) and request.method == "POST":
                response = deeds.once(request, request.user, lambda: view(request, *args, **kwargs))
            else:
                response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return cast("View[P]", guarded)


def must_act(request: HttpRequest) -> AbstractBaseUser:
    """Who acts: staff may, others may look. Raises PermissionDenied."""
    if not isinstance(request.user, AbstractBaseUser) or not request.user.is_staff:
        raise PermissionDenied(gettext("Your account may look, not act. Ask an administrator to make you staff."))
    return request.user


def lead_on(request: HttpRequest, to: str, *args: Any) -> HttpResponse:
    """To the next page; where a script uploads with a bar of progress, it takes the browser there itself."""
    onward = redirect(to, *args)
    if request.headers.get("X-Upload"):
        return HttpResponse(status=204, headers={"X-Leads-To": onward.url})
    return onward


def browser_zone(request: HttpRequest) -> ZoneInfo:
    try:
        return ZoneInfo(unquote(request.COOKIES.get("tz", "UTC")))
    except (ValueError, KeyError, OSError):  # a malformed name, an unknown one, the name of a folder
        return ZoneInfo("UTC")


def render_page(
    request: HttpRequest, page: str, context: dict[str, Any], *, parts: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    """The whole page, or, when htmx asks for one of ``parts`` (element id → template), that part alone.

    Put what is costly into ``context`` as a callable or a queryset: a part that does not show it does not pay for it.
    """
    wanted = request.headers.get("HX-Target", "") if _is_htmx(request) else ""
    template = (parts or {}).get(wanted, page)
    response = render(request, template, context, status=status)
    response.headers["Vary"] = "HX-Request, HX-Target, Cookie"
    return response


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"
