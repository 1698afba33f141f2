"""What all lists have in common: their order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.utils import timezone

from chargers.models import Charger
from portal.issues.models import Issue
from portal.tests.desk.conftest import part
from portal.views import chargers, issues, local_lists, sessions, tokens
from sessions.models import ChargingSession, IdToken


@pytest.mark.parametrize("sort", ["used", "-used"])
def test_a_token_that_was_never_used_stands_last_whichever_way_they_are_sorted(desk, cp1, start, sort):
    used = [IdToken.objects.create(value=value) for value in ("CARD-A", "CARD-B")]
    IdToken.objects.create(value="CARD-C")
    for hours, token in enumerate(used):
        start(cp1, id_token=token, started_at=timezone.now() - timedelta(hours=hours))
    page = part(desk, f"/tokens/?sort={sort}", "rows")
    names = sorted(("CARD-A", "CARD-B", "CARD-C"), key=page.index)
    assert names == (["CARD-B", "CARD-A", "CARD-C"] if sort == "used" else ["CARD-A", "CARD-B", "CARD-C"])


@pytest.mark.parametrize(
    ("orders", "model"),
    [
        (chargers.ORDERS, Charger),
        (sessions.ORDERS, ChargingSession),
        (tokens.ORDERS, IdToken),
        (issues.ORDERS, Issue),
        (local_lists.ORDERS, Charger),
    ],
)
def test_an_order_by_what_may_be_empty_says_that_it_comes_last(orders: dict[str, Any], model: type[Model]) -> None:
    """Left alone, PostgreSQL puts it first when the list is turned around, SQLite when it is not."""
    plain = [field.removeprefix("-") for fields in orders.values() for field in fields if isinstance(field, str)]
    assert [name for name in plain if _may_be_empty(model, name)] == []


def _may_be_empty(model: type[Model], path: str) -> bool:
    first, _, rest = path.partition("__")
    try:
        field = model._meta.get_field(first)
    except FieldDoesNotExist:  # computed: a word of the query itself
        return False
    return bool(field.null) or bool(rest and field.related_model and _may_be_empty(field.related_model, rest))


@pytest.mark.parametrize(
    "address",
    [
        "/palette/?q=",
        "/chargers/?q=",
        "/chargers.csv?q=",
        "/chargers/CP-1/configuration/?q=",
        "/sessions/?q=",
        "/tokens/?q=",
        "/sites/?q=",
        "/issues/?q=",
        "/log/?who=",
        "/reservations/?q=",
        "/profiles/?q=",
        "/protocol/?q=",
        "/configuration/differences/?q=",
    ],
)
def test_a_thousand_words_to_look_for_are_no_fault_of_ours(desk, cp1, address):
    assert desk.get(f"{address}{'a+' * 1100}").status_code == 200
