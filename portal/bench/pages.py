"""What the desk's pages cost with full books: `python -m portal.bench.pages CHARGERS SESSIONS REPEATS`, JSON out.

Run by `manage.py bench_pages` in the environment of an empty database of its own. Each page is asked of Django itself,
without a network: the time is the server's. Beside it the time of the processor, ours and that of PostgreSQL's process,
which says the same on a machine that has other work too.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from django.test import Client

# What people open: the page, and for htmx the part that a live list asks for again and again.
PAGES: tuple[tuple[str, str, str], ...] = (
    ("overview", "/", ""),
    ("overview, live numbers", "/", "summary"),
    ("overview, live sites", "/", "sites"),
    ("overview, what changed", "/", "digest"),
    ("wallboard", "/wallboard/", ""),
    ("chargers", "/chargers/", ""),
    ("chargers, live rows", "/chargers/", "rows"),
    ("chargers, by state", "/chargers/?sort=state", ""),
    ("chargers, by power", "/chargers/?sort=-power", ""),
    ("chargers, need you", "/chargers/?state=attention", ""),
    ("chargers, faulted", "/chargers/?state=faulted", ""),
    ("chargers, searched", "/chargers/?q=page-0042", ""),
    ("chargers, page 100", "/chargers/?page=100", ""),
    ("sessions", "/sessions/", ""),
    ("sessions, running", "/sessions/?open=yes", ""),
    ("sessions, today", "/sessions/?since=today", ""),
    ("sessions of a site", "/sessions/?site={site}", ""),
    ("sessions, page 200", "/sessions/?page=200", ""),
    ("sessions, searched", "/sessions/?q=PAGE-000042", ""),
    ("sessions, often found", "/sessions/?q=holder", ""),
    ("sessions, never found", "/sessions/?q=nobody", ""),
    ("sessions, by energy", "/sessions/?sort=-energy", ""),
    ("sessions to review", "/sessions/review/", ""),
    ("a session", "/sessions/{session}/", ""),
    ("sites", "/sites/", ""),
    ("a site", "/sites/{site}/", ""),
    ("map", "/map/", ""),
    ("map, its places", "/map/places.json", ""),
    ("issues", "/issues/", ""),
    ("tokens", "/tokens/", ""),
    ("tokens, by use", "/tokens/?sort=-used", ""),
    ("local lists", "/tokens/local-lists/", ""),
    ("reservations", "/reservations/", ""),
    ("log of the fleet", "/log/", ""),
    ("log, only trouble", "/log/?outcome=trouble", ""),
    ("jobs", "/jobs/", ""),
    ("protocol", "/protocol/", ""),
    ("system", "/system/", ""),
    ("find anything", "/palette/?q=0042", ""),
    ("a charger", "/chargers/{charger}/", ""),
    ("a charger's sessions", "/chargers/{charger}/sessions/", ""),
    ("a charger's log", "/chargers/{charger}/log/", ""),
    ("a charger's connection", "/chargers/{charger}/connection/", ""),
)


def measure(repeats: int) -> list[dict[str, Any]]:
    """Each page once to warm up and count its queries, then ``repeats`` times against the clock."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from chargers.models import Charger
    from sessions.models import ChargingSession

    client = Client()
    client.force_login(get_user_model().objects.get(username="bench-pages"))
    charger = Charger.objects.order_by("pk")[42]
    known = {
        "charger": charger.identity,
        "site": str(charger.site_id),
        "session": str(ChargingSession.objects.values_list("pk", flat=True)[1000]),
    }
    return [
        {"page": name, **_measured(client, address.format(**known), part, repeats)} for name, address, part in PAGES
    ]


def _measured(client: Client, url: str, part: str, repeats: int) -> dict[str, Any]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    headers = {"HX-Request": "true", "HX-Target": part} if part else {}
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(url, headers=headers)
    asked = list(queries.captured_queries)  # the next request forgets them
    if answer.status_code != 200:
        raise SystemExit(f"{url} answers {answer.status_code}.")
    times_ms, busy_s = [], processor_s()
    for _ in range(repeats):
        began = time.perf_counter()
        client.get(url, headers=headers)
        times_ms.append(1000 * (time.perf_counter() - began))
    slowest = max(asked, key=lambda query: float(query["time"]), default={"time": "0", "sql": ""})
    return {
        "url": url,
        "queries": len(asked),
        "cpu_ms": round(1000 * (processor_s() - busy_s) / repeats, 1),
        "p50_ms": round(statistics.median(times_ms), 1),
        "p95_ms": round(sorted(times_ms)[int(0.95 * (len(times_ms) - 1) + 0.5)], 1),
        "bytes": len(answer.content),
        "slowest_query_s": float(slowest["time"]),
        "slowest_query": slowest["sql"][:2000],
    }


def processor_s() -> float:
    """What this process and the one at the other end of its connection have taken, as far as it can be told."""
    from django.db import connection

    ours = time.process_time()
    if connection.vendor != "postgresql":
        return ours
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    try:
        return ours + int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:  # not on Linux, or not on this machine
        return ours


@contextmanager
def as_it_is_served() -> Iterator[None]:
    """Whatever host is asked for, and static files without the manifest that nobody has collected."""
    from django.test.utils import override_settings

    plain = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    with override_settings(ALLOWED_HOSTS=["*"], STORAGES=plain):
        yield


def main(chargers: int, sessions: int, repeats: int) -> None:
    from django.core.management import call_command

    from portal.bench import fill

    call_command("migrate", verbosity=0)
    fill.fill(fill.Size(chargers, sessions))
    with as_it_is_served():
        sys.stdout.write(json.dumps(measure(repeats)))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    main(*map(int, sys.argv[1:]))
