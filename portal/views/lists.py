"""Lists whose whole state is the URL: search, filters, order and page. A number anywhere can link to what it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import F, Model, QuerySet
from django.db.models.expressions import OrderBy
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject, cached_property

from portal.views.columns import Column, tidy

PAGE_SIZE = 50
MOST = 10_000  # rows that one can page through; to count on would cost more with each year
# Of a search: each word is a condition more, and a database takes only so many, and none of any length.
MOST_WORDS, LONGEST_WORD = 12, 200
NOT_FILTERS = {"page", "sort", "do", "cols"}  # of what a URL says, the rest narrows the list
M = TypeVar("M", bound=Model)
Order = str | OrderBy  # a field, or `empty_last` where it may be empty
Orders = Mapping[str, tuple[Order, ...]]  # sort key → fields


def empty_last(field: str) -> OrderBy:
    """By a field that may be empty: such rows come last, whichever way the list is sorted."""
    return F(field).asc(nulls_last=True)


def words_of(searched: str) -> list[str]:
    """The words that somebody looks for, each of which has to be there."""
    return [word[:LONGEST_WORD] for word in searched.split()[:MOST_WORDS]]


class BoundedPaginator(Paginator):
    """Counts no further than `MOST`; ``is_more``: there are."""

    object_list: QuerySet[Any]
    is_more: bool

    @cached_property
    def count(self) -> int:
        found = self.object_list.order_by()[: MOST + 1].count()
        self.is_more = found > MOST
        return min(found, MOST)


class Listing(Generic[M]):
    """One page of ``rows`` as the URL's ``sort`` and ``page`` say.

    ``orders``: sort key → fields; a key with a leading minus reverses them all. ``default``: the key without ``sort``.
    ``keys_first``: the place in the order is looked for among the keys alone, and the rows of one page are read
    afterwards. A database that sorts would carry all that a row shows along, for each row of the list.
    """

    def __init__(
        self,
        request: HttpRequest,
        rows: QuerySet[M],
        *,
        orders: Orders,
        default: str,
        keys_first: bool = False,
    ) -> None:
        key = request.GET.get("sort", default)
        if key.removeprefix("-") not in orders:
            key = default
        fields = orders[key.removeprefix("-")]
        # The pk last: rows that are equal in the order must not change places between pages.
        ordering = [_reversed(field) for field in fields] if key.startswith("-") else list(fields)
        self.default_sort = default
        self.rows = rows.order_by(*ordering, "pk")
        self._request = request
        self._keys_first = keys_first

    @cached_property
    def page(self) -> Page[M]:
        found: QuerySet[Any] = self.rows.values_list("pk", flat=True) if self._keys_first else self.rows
        paginator, asked = BoundedPaginator(found, PAGE_SIZE), self._request.GET.get("page", "1")
        if asked != "1":
            page = paginator.get_page(asked)
        else:
            first = list(found[: PAGE_SIZE + 1])
            if len(first) <= PAGE_SIZE:  # all that there are: nothing is left to count
                paginator.count, paginator.is_more = len(first), False
            page = Page(first[:PAGE_SIZE], 1, paginator)
        if self._keys_first:
            page.object_list = in_order_of(list(page.object_list), self.rows)
        return page

    @property
    def is_filtered(self) -> bool:
        return any(value for name, value in self._request.GET.items() if name not in NOT_FILTERS)

    def context(self) -> dict[str, Any]:
        return {
            "page": SimpleLazyObject(lambda: self.page),  # a part without rows does not ask for them
            "rows": SimpleLazyObject(lambda: self.page.object_list),
            "default_sort": self.default_sort,
            "is_filtered": self.is_filtered,
        }


def in_order_of(keys: Sequence[Any], rows: QuerySet[M]) -> list[M]:
    """Those of ``rows`` that have these keys, in their order. What has gone meanwhile is left out."""
    found = {row.pk: row for row in rows.order_by().filter(pk__in=keys)} if keys else {}
    return [found[key] for key in keys if key in found]


def _reversed(field: Order) -> Order:
    if isinstance(field, OrderBy):
        turned = field.copy()
        turned.descending = not turned.descending  # what is not known stays last
        return turned
    return field.removeprefix("-") if field.startswith("-") else f"-{field}"


def tidy_url(request: HttpRequest, response: HttpResponse, columns: Sequence[Column] = ()) -> HttpResponse:
    """After a filter form: the address bar gets the query without its empty fields and what is so by default."""
    if request.headers.get("HX-Trigger") == "filters":
        query = request.GET.copy()
        for name in [name for name, value in query.items() if not value]:
            del query[name]
        if columns:
            tidy(query, columns)
        response.headers["HX-Push-Url"] = f"{request.path}?{query.urlencode()}" if query else request.path
    return response
