"""`/sessions/`: charging sessions, open and past."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets

from portal.api.fields import WholeNumber
from portal.api.filters import Identity, Moment, RowId, Text, YesNo
from portal.api.pagination import orderings
from sessions.models import ChargingSession


class SessionSerializer(serializers.ModelSerializer[ChargingSession]):
    charger = serializers.CharField(source="charger.identity", read_only=True)
    is_open = serializers.BooleanField(read_only=True)
    meter_last_wh = WholeNumber(allow_null=True)

    class Meta:
        model = ChargingSession
        fields = read_only_fields = (
            "id", "charger", "evse_id", "connector_id", "transaction_id", "token_value", "token_verdict",
            "is_open", "charging_state", "started_at", "stopped_at", "stop_reason", "stopped_by_token",
            "energy_wh", "meter_start_wh", "meter_stop_wh", "meter_last_wh", "power_w", "soc_percent", "metered_at",
            "remote_start_id", "reservation_id", "started_received_at", "started_device_time", "stopped_received_at",
            "stopped_device_time", "is_incomplete", "is_superseded", "needs_review", "review_reasons",
        )  # fmt: skip
        extra_kwargs = {
            "energy_wh": {"help_text": "Last minus first register reading; null if it cannot be told."},
            "started_received_at": {"help_text": "By our clock; `started_device_time` is the charger's text."},
            "is_superseded": {"help_text": "Another session began on its connector; its end is unknown."},
            "review_reasons": {"help_text": "Why somebody should look at it, in sentences."},
        }


class SessionFilter(filters.FilterSet):
    charger = Identity()
    site = RowId(field_name="charger__site_id")
    token = Text(field_name="token_value")
    transaction_id = Text(lookup_expr="exact")
    open = YesNo(method="filter_open", help_text="Going on now.")
    needs_review = YesNo()
    since = Moment(field_name="started_at", lookup_expr="gte", help_text="Started at or after.")
    until = Moment(field_name="started_at", lookup_expr="lt", help_text="Started before.")
    updated_since = Moment(method="filter_updated_since", help_text="Started, metered or stopped since.")

    def filter_updated_since(
        self, queryset: QuerySet[ChargingSession], name: str, value: datetime
    ) -> QuerySet[ChargingSession]:
        # By what has an index: a session that was metered since then runs, or its stop came since then as well.
        running = Q(stopped_at=None, metered_at__gte=value)
        return queryset.filter(Q(started_received_at__gte=value) | Q(stopped_received_at__gte=value) | running)

    def filter_open(self, queryset: QuerySet[ChargingSession], name: str, value: bool) -> QuerySet[ChargingSession]:
        going_on = {"stopped_at": None, "is_superseded": False}
        return queryset.filter(**going_on) if value else queryset.exclude(**going_on)


@extend_schema_view(
    list=extend_schema(operation_id="listSessions", summary="List charging sessions, the latest first"),
    retrieve=extend_schema(operation_id="getSession", summary="One charging session"),
)
class Sessions(viewsets.ReadOnlyModelViewSet[ChargingSession]):
    queryset = ChargingSession.objects.select_related("charger")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    orderings = orderings("-started_at", started_at="started_at")
    lookup_value_converter = "int"
