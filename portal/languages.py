"""In whose language a request is answered: pages in the reader's, machines in English wherever their operators live.

A choice is kept with the account, and carried by a cookie: so it holds at the sign-in too, and no page asks a table.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from portal.models import Preference

# REST and its description, probes and figures: programs compare what they say.
MACHINES = ("/api/", "/livez", "/readyz", "/metrics")


class ReaderLanguage(LocaleMiddleware):
    """As Django does it: what the reader chose (a cookie), else what the browser asks for, else LANGUAGE_CODE."""

    def process_request(self, request: HttpRequest) -> None:
        if not request.path_info.startswith(MACHINES):
            return super().process_request(request)
        translation.activate(settings.LANGUAGE_CODE)
        request.LANGUAGE_CODE = translation.get_language()
        return None


def keep(person: AbstractBaseUser, language: str) -> None:
    """Have the desk speak it to this person wherever they sign in. Ignores a language that there is not."""
    if translation.check_for_language(language):
        Preference.objects.update_or_create(person_id=person.pk, defaults={"language": language})


def carry(response: HttpResponse, person: AbstractBaseUser) -> None:
    """Let this browser speak the language of whoever has just signed in, if they ever chose one."""
    language = Preference.objects.filter(person=person.pk).values_list("language", flat=True).first()
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            samesite="Lax",  # as LANGUAGE_COOKIE_SAMESITE
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
