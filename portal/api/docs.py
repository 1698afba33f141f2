"""`/api/v1/docs/`: Swagger UI, served from here: no CDN, no inline script."""

from __future__ import annotations

from collections.abc import Callable

from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.response import Response
from rest_framework.views import exception_handler


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI under our Content-Security-Policy."""

    template_name = "api/docs.html"
    url_name = "api:schema"

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return exception_handler  # an HTML page has no use for problem+json
