"""`bench_pages`: every page is asked of a database that the bench has filled."""

from __future__ import annotations

import io
import json

from django.core.management import call_command

from portal.bench.pages import PAGES
from portal.management.commands.bench_pages import lines


def test_each_page_is_measured_on_books_that_are_full(tmp_path):
    said, figures = io.StringIO(), tmp_path / "pages.json"
    size = {"chargers": 60, "sessions": 1200, "repeats": 1}
    call_command("bench_pages", parts="embedded", json=figures, stdout=said, **size)
    told = json.loads(figures.read_text())
    assert [page["page"] for page in told] == [name for name, _, _ in PAGES]
    assert all(page["queries"] > 0 and page["bytes"] > 500 for page in told if page["page"] != "map, its places")
    assert "1200 sessions" in said.getvalue()


def test_a_page_over_the_goal_is_named():
    page = {"page": "chargers", "p50_ms": 90.0, "p95_ms": 301.0, "cpu_ms": 80.0, "queries": 9, "bytes": 1024}
    assert "over the goal" in "\n".join(lines([page]))
    assert "1 over 300 ms" in "\n".join(lines([page]))
    assert "all within 300 ms" in "\n".join(lines([{**page, "p95_ms": 299.0}]))
