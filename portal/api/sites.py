"""`/sites/`: places with chargers."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.exceptions import ValidationError

from chargers.models import Site
from portal.api.filters import Search
from portal.api.pagination import orderings
from portal.api.saving import OneOfAKind


class SiteSerializer(serializers.ModelSerializer[Site]):
    class Meta:
        model = Site
        fields = ("id", "name", "address", "latitude", "longitude", "timezone", "created_at")
        read_only_fields = ("id", "created_at")
        extra_kwargs = {
            "latitude": {"min_value": -90, "max_value": 90},
            "longitude": {"min_value": -180, "max_value": 180},
            "timezone": {"help_text": "IANA name, e.g. Europe/Berlin."},
        }

    def validate_timezone(self, name: str) -> str:
        if name not in _timezones():
            raise ValidationError(f"{name!r} is no IANA time zone such as Europe/Berlin.")
        return name


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones())


class SiteFilter(filters.FilterSet):
    search = Search("name", "address", help_text="Part of name or address.")


@extend_schema_view(
    list=extend_schema(operation_id="listSites", summary="List sites"),
    create=extend_schema(operation_id="createSite", summary="Add a site"),
    retrieve=extend_schema(operation_id="getSite", summary="One site"),
    partial_update=extend_schema(operation_id="updateSite", summary="Change a site"),
    destroy=extend_schema(operation_id="deleteSite", summary="Remove a site; its chargers stay, without one"),
)
class Sites(OneOfAKind[Site], viewsets.ModelViewSet[Site]):
    queryset = Site.objects.all()
    serializer_class = SiteSerializer
    filterset_class = SiteFilter
    orderings = orderings("name", name="name", created_at="created_at")
    lookup_value_converter = "int"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
