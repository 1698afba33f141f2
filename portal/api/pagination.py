"""Pages by cursor: stable while rows come and go, and page 1,000 costs no more than page 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError as InvalidValue
from django.db import DataError
from django.db.models import QuerySet
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

if TYPE_CHECKING:  # it reads this class from the settings while it is imported
    from rest_framework.views import APIView


class Cursor(CursorPagination):
    """``page_size`` is capped, not refused. ``ordering`` takes what the view lists in ``orderings``: name → column.

    Those columns must never be null: a cursor cannot point behind a null.
    """

    tie_breaker = "pk"  # rows that are equal in the order must not change places between pages
    page_size = 50
    max_page_size = 500
    page_size_query_param = "page_size"
    page_size_query_description = "Number of results per page; at most 500."
    cursor_query_description = "Take it from `next` or `previous`."

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any] | None:
        if self.cursor_query_param not in request.query_params:
            return super().paginate_queryset(queryset, request, view)
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NotFound, InvalidValue, ValueError, OverflowError, DataError):
            # Its position is compared with a column: one that we did not write may be no date, or hold a NUL.
            message = "This is not a cursor that this list gave out; take it from `next` or `previous`."
            raise ValidationError({self.cursor_query_param: message}) from None

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView | None) -> tuple[str, ...]:
        orderings: dict[str, str] = getattr(view, "orderings")  # noqa: B009 - the views' contract, not DRF's
        asked = request.query_params.get("ordering") or next(iter(orderings))
        # The first one listed is the default, and it says its direction.
        if asked in orderings:
            column = orderings[asked]
            return (column, f"-{self.tie_breaker}" if column.startswith("-") else self.tie_breaker)
        raise ValidationError({"ordering": f"{asked!r} is not among {', '.join(sorted(orderings))}."})

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        orderings: dict[str, str] = getattr(view, "orderings")  # noqa: B009
        return [
            *super().get_schema_operation_parameters(view),
            {
                "name": "ordering",
                "in": "query",
                "required": False,
                "description": "What the list is sorted by; `-` means descending.",
                "schema": {"type": "string", "enum": sorted(orderings), "default": next(iter(orderings))},
            },
        ]


def orderings(default: str, **columns: str) -> dict[str, str]:
    """The ``orderings`` of a view: each column up and down, the default first. ``default`` may start with ``-``."""
    both = {f"{sign}{name}": f"{sign}{column}" for name, column in columns.items() for sign in ("", "-")}
    return {default: both.pop(default), **both}
