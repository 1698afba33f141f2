"""Signing in, by a person, and the language in which the desk speaks to them from then on."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.contrib.auth import views as auth
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from portal import languages
from portal.attempts import Attempts, address_of

log = structlog.get_logger(__name__)
attempts = Attempts()


class SignIn(auth.LoginView):
    """As Django does it, but for whoever failed too often: then no password is looked at, not even the right one."""

    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wait_s = attempts.wait_s(self._account, address_of(request), time.monotonic())
        if not wait_s:
            answer: HttpResponse = super().post(request, *args, **kwargs)
            return answer
        log.warning("sign_in_held_off", account=self._account, address=address_of(request), wait_s=wait_s)
        form = AuthenticationForm(request)  # empty, and without the password that was sent
        response = self.render_to_response(self.get_context_data(form=form, wait_min=-(-wait_s // 60)), status=429)
        response.headers["Retry-After"] = str(wait_s)
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        if form.has_error("__all__"):  # not for an empty field
            attempts.failed(self._account, address_of(self.request), time.monotonic())
            log.warning("sign_in_failed", account=self._account, address=address_of(self.request))
        return super().form_invalid(form)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        attempts.succeeded(self._account, address_of(self.request))
        response = super().form_valid(form)
        languages.carry(response, form.get_user())
        return response

    @property
    def _account(self) -> str:
        return self.request.POST.get("username", "")[:150]


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Choose the language of this browser, and of the account that is signed in there."""
    if request.user.is_authenticated:
        languages.keep(request.user, request.POST.get("language", ""))
    return set_language(request)
