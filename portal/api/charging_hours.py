"""`/chargers/{identity}/hours/`: energy, power and sessions of each EVSE by the hour, for reports and billing."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Max, Q, QuerySet, Sum
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from portal.api.chargers import find_charger
from portal.api.fields import WholeNumber
from portal.api.filters import Moment
from portal.api.pagination import Cursor, orderings
from sessions.models import SessionHour


class ChargingHourSerializer(serializers.Serializer[SessionHour]):
    hour = serializers.DateTimeField(read_only=True, help_text="Its beginning, on the hour in UTC.")
    evse_id = serializers.IntegerField(read_only=True)
    energy_wh = WholeNumber(
        source="drawn_wh", help_text="Told from the registers of its sessions, never from sums of samples."
    )
    peak_power_w = serializers.FloatField(
        source="highest_w", read_only=True, allow_null=True, help_text="The largest that was told."
    )
    charging_s = WholeNumber(source="rising_s", help_text="Seconds in which the register rose.")
    sessions_begun = serializers.IntegerField(read_only=True)
    sessions_ended = serializers.IntegerField(read_only=True)


class ChargingHourFilter(filters.FilterSet):
    since = Moment(field_name="hour", lookup_expr="gte", help_text="Hours that begin at or after.")
    until = Moment(field_name="hour", lookup_expr="lt", help_text="Hours that begin before.")


class ByHour(Cursor):
    tie_breaker = "evse_id"


@extend_schema_view(
    get=extend_schema(
        operation_id="listChargingHours",
        summary="Energy and power by the hour and EVSE, the latest first",
        description="Rolled up every minute. An hour changes when something of it is told late. Hours of nothing are "
        "left out.",
    )
)
class ChargingHours(generics.ListAPIView[SessionHour]):
    queryset = SessionHour.objects.all()
    serializer_class = ChargingHourSerializer
    filterset_class = ChargingHourFilter
    pagination_class = ByHour
    orderings = orderings("-hour", hour="hour")

    def get_queryset(self) -> QuerySet[Any, Any]:
        hours = super().get_queryset().filter(charger=find_charger(self.kwargs["identity"]))
        return hours.values("hour", evse_id=F("session__evse_id")).annotate(
            drawn_wh=Sum("energy_wh"),
            highest_w=Max("peak_power_w"),
            rising_s=Sum("charging_s"),
            sessions_begun=Count("pk", filter=Q(has_begun=True)),
            sessions_ended=Count("pk", filter=Q(has_ended=True)),
        )
