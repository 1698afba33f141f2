"""`/id-tokens/`: the cards, fobs and accounts that may charge."""

from __future__ import annotations

from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.exceptions import ValidationError

from portal.api.filters import Moment, Search, Text
from portal.api.pagination import orderings
from portal.api.saving import OneOfAKind
from sessions.models import IdToken


class IdTokenSerializer(serializers.ModelSerializer[IdToken]):
    is_expired = serializers.BooleanField(read_only=True)

    class Meta:
        model = IdToken
        fields = (
            "id", "value", "kind", "status", "expires_at", "is_expired", "group", "holder", "session_limit",
            "created_at", "changed_at",
        )  # fmt: skip
        read_only_fields = ("id", "created_at", "changed_at")
        extra_kwargs = {
            "session_limit": {
                "min_value": 1,
                "max_value": 1000,
                "help_text": "Cars that it may charge at once; null: what ONE_SESSION_PER_TOKEN says.",
            },
            "value": {"help_text": "As on the card; compared ignoring case."},
            "kind": {"help_text": "OCPP 2.x: ISO14443, Central, eMAID …; empty: any."},
            "group": {"help_text": "Its group may stop a session that one of its cards has started (parentIdTag)."},
        }

    def validate_value(self, value: str) -> str:
        if not value.isprintable():
            raise ValidationError("A token has printable characters only.")
        holder = IdToken.objects.filter(value_folded=value.casefold()).first()
        if holder is not None and holder != self.instance:
            raise ValidationError(f"There is already a token {value!r}.", code="unique")
        return value


class IdTokenFilter(filters.FilterSet):
    value = Text(field_name="value_folded", method="filter_value")
    status = filters.ChoiceFilter(choices=IdToken.Status.choices)
    group = Text()
    expires_before = Moment(field_name="expires_at", lookup_expr="lt")
    search = Search("value", "holder", "group", help_text="Part of value, holder or group.")

    def filter_value(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(value_folded=value.casefold())


@extend_schema_view(
    list=extend_schema(operation_id="listIdTokens", summary="List id tokens"),
    create=extend_schema(operation_id="createIdToken", summary="Let a token charge"),
    retrieve=extend_schema(operation_id="getIdToken", summary="One id token"),
    partial_update=extend_schema(operation_id="updateIdToken", summary="Change a token, e.g. block it"),
    destroy=extend_schema(operation_id="deleteIdToken", summary="Remove a token; its sessions stay"),
)
class IdTokens(OneOfAKind[IdToken], viewsets.ModelViewSet[IdToken]):
    queryset = IdToken.objects.all()
    serializer_class = IdTokenSerializer
    filterset_class = IdTokenFilter
    orderings = orderings("value", value="value_folded", created_at="created_at")
    lookup_value_converter = "int"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]
