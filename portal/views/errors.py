"""What people read when a view fails."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

RETRY_AFTER_S = 10


def broken(_: HttpRequest) -> HttpResponse:
    """500; or 503 where the database failed, which passes by itself. Asks the database for nothing."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        page = render_to_string("500.html", {"is_database": True})
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_S)})
    return HttpResponse(render_to_string("500.html"), status=500)
