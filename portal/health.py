"""`/livez`: this process is alive. `/readyz`: everything a charge needs is there, or which part is not.

The gateway's part (MQTT link, a live worker) is handed in by `portal/machine_urls.py`: portal and gateway do not
know each other.
"""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

Check = Callable[[], str]  # empty: fine; else what is wrong


def livez(request: HttpRequest) -> HttpResponse:
    return HttpResponse("alive\n", content_type="text/plain")


def readyz(request: HttpRequest, checks: dict[str, Check]) -> JsonResponse:
    """200 when all ``checks`` pass, else 503; the body names each part and what is wrong with it."""
    found = {name: run(check) for name, check in checks.items()}
    is_ready = not any(found.values())
    body = {"ready": is_ready, "parts": {name: wrong or "ok" for name, wrong in found.items()}}
    response = JsonResponse(body, status=200 if is_ready else 503, headers={"Cache-Control": "no-store"})
    # Asked every second by whoever waits for us; "not yet" is no error to log. Django has no public switch for it.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return response


def run(check: Check) -> str:
    """What is wrong, in words; empty if nothing."""
    try:
        return check()
    except Exception as error:  # whatever is wrong with a part, the others are still worth telling
        return f"{type(error).__name__}: {error}"


def database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def redis_server() -> str:
    with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1) as client:
        client.ping()
    return ""
