"""Orders that make a charger fetch or leave a file with us: they carry the address at which whoever orders reached us.

It counts where ``PUBLIC_URL`` does not say it: on a laptop, or with `up`.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

FILE_VERBS = ("fetch_logs", "update_firmware")


def base_url(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")


def addressed(request: HttpRequest, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an order, with our address where its file is ours."""
    if verb in FILE_VERBS and not arguments.get("url") and not arguments.get("base_url"):
        return {**arguments, "base_url": base_url(request)}
    return arguments
