"""`/api/v1/docs/`: Swagger UI, served from here: no CDN, no inline script. And the document that it shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI under our Content-Security-Policy."""

    template_name = "api/docs.html"
    url_name = "api:schema"

    def get_exception_handler(self) -> Callable[..., Response | None]:
        return exception_handler  # an HTML page has no use for problem+json


@cache
def _document() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


class Once(SchemaGenerator):
    """Of whom everybody may ask without a key: what is the same for all of them is made once, not at each visit."""

    def get_schema(self, request: Request | None = None, public: bool = False) -> Any:
        return _document()


class Schema(SpectacularJSONAPIView):
    generator_class = Once
