"""In whose language a request is answered: pages in the reader's, machines in English wherever their operators live."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

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
