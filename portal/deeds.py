"""A form that is sent twice, by a double click or over a shaky line, is carried out once.

The browser gives each form a key that lasts until its answer is there (`static/js/desk.js`). Whoever comes second
with a key waits for the first and is led where that was led. A form that led nowhere (it was wrong, or asked back)
has done nothing and may be sent again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from portal.models import Deed

PATIENCE_S = 10.0
PAUSE_S = 0.05
_KEY = re.compile(r"[0-9a-f]{32}")


def key_of(request: HttpRequest) -> str:
    """The key that a form came with; empty if it has none: files are sent without."""
    key = request.POST.get("once", "") if request.content_type == "application/x-www-form-urlencoded" else ""
    return key if _KEY.fullmatch(key) else ""


def once(request: HttpRequest, person: AbstractBaseUser, do: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """The answer of ``do``, or where the same form was led before."""
    key = key_of(request)
    if not key:
        return do()
    deadline = time.monotonic() + PATIENCE_S
    while not _begin(person, key):
        led_to = Deed.objects.filter(person=person.pk, key=key).values_list("led_to", flat=True).first()
        if led_to:
            return HttpResponseRedirect(led_to)
        if time.monotonic() > deadline:
            return HttpResponseRedirect(request.get_full_path())
        time.sleep(PAUSE_S)
    deed = Deed.objects.filter(person=person.pk, key=key)
    try:
        answer = do()
    except BaseException:
        deed.delete()
        raise
    if isinstance(answer, HttpResponseRedirect):
        deed.update(led_to=answer.url)
    else:
        deed.delete()
    return answer


def _begin(person: AbstractBaseUser, key: str) -> bool:
    try:
        with transaction.atomic():
            Deed.objects.create(person=person, key=key)  # type: ignore[misc]
    except IntegrityError:
        return False
    return True
