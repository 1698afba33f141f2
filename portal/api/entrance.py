"""`/api/v1/` itself, and the answer to every path under it that is nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve, reverse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

RESOURCES = (
    "charger-list",
    "command-list",
    "issue-list",
    "issue-channel-list",
    "issue-rule-list",
    "session-list",
    "id-token-list",
    "site-list",
    "tariff",
    "schema",
    "docs",
)


class Entrance(APIView):
    @extend_schema(
        operation_id="listResources", tags=["entrance"], summary="Where everything is", responses={200: dict[str, str]}
    )
    def get(self, request: Request) -> Response:
        return Response({name.removesuffix("-list"): reverse(f"api:{name}") for name in RESOURCES})


class Nowhere(APIView):
    """404 as a problem, not as a page. A forgotten last slash is put right without losing method and body."""

    schema = None
    permission_classes = ()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.path.endswith("/") and _leads_somewhere(f"{request.path_info}/"):
            slashed = request.get_full_path(force_append_slash=True)
            return HttpResponsePermanentRedirect(slashed, preserve_request=True)
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(f"There is nothing at {request.path}.")


def _leads_somewhere(path: str) -> bool:
    try:
        return getattr(resolve(path).func, "view_class", None) is not Nowhere
    except Resolver404:
        return False
