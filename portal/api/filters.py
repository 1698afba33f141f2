"""Query parameters that say 400 for what they do not understand, where django-filter would take it for "no filter"."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from django_filters.rest_framework.backends import DjangoFilterBackend
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from chargers.models import fold

if TYPE_CHECKING:  # it reads the backend from the settings while it is imported
    from rest_framework.request import Request
    from rest_framework.views import APIView

WORDS = {"true": True, "1": True, "false": False, "0": False}
LARGEST_ID = 2**63 - 1
LONGEST_TEXT = 255


class YesNoField(forms.CharField):
    def clean(self, value: Any) -> bool | None:
        word = super().clean(value).lower()
        if word and word not in WORDS:
            raise _wrong("%(value)r is neither true nor false.", value)
        return WORDS.get(word)


class MomentField(forms.CharField):
    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            # A "+" that nobody percent-encoded has become a space.
            moment = parse_datetime(text.replace(" ", "+") if "T" in text else text)
            if moment is not None:
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):  # 30 February; the year 10,000 in UTC
            pass
        raise _wrong("%(value)r is not an ISO 8601 time such as 2026-11-20T08:30:00Z.", text)


def _wrong(message: str, value: str) -> ValidationError:
    # The value goes in as a parameter: django-filter formats the message once more, and it may hold a "%".
    return ValidationError(message, params={"value": value}, code="invalid")


class YesNo(django_filters.BooleanFilter):
    field_class = YesNoField


class Moment(django_filters.IsoDateTimeFilter):
    field_class = MomentField


class Text(django_filters.CharFilter):
    """The whole text, ignoring case unless told otherwise."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"lookup_expr": "iexact", "max_length": LONGEST_TEXT, **kwargs})


class Identity(Text):
    """A charger by its identity, ignoring case."""

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs.filter(charger__identity_folded=fold(value)) if value else qs


@extend_schema_field(OpenApiTypes.INT64)
class RowId(django_filters.NumberFilter):
    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=1, max_value=LARGEST_ID, **kwargs)

    def get_max_validator(self) -> None:
        """None: our own bounds are stricter than the inherited check, which is for decimals."""


class SinceAny(Moment):
    """At or after a moment, in any of several columns: how a client keeps a copy up to date."""

    def __init__(self, *columns: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.columns = columns

    def filter(self, qs: QuerySet[Any], value: datetime | None) -> QuerySet[Any]:
        return qs if value is None else qs.filter(_any_of(self.columns, "gte", value))


class Search(Text):
    """Part of any of several columns, ignoring case."""

    def __init__(self, *columns: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.columns = columns

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs.filter(_any_of(self.columns, "icontains", value)) if value else qs


class ListFilters(DjangoFilterBackend):
    """For lists only: what is asked for by its id is not filtered away."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: APIView) -> QuerySet[Any]:
        if getattr(view, "detail", False):
            return queryset
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


def _any_of(columns: tuple[str, ...], lookup: str, value: Any) -> Q:
    return Q(*((f"{column}__{lookup}", value) for column in columns), _connector=Q.OR)
