"""`/sessions/{id}/meter-values/`: what the meter showed during a session."""

from __future__ import annotations

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import generics, serializers

from portal.api.fields import WholeNumber
from portal.api.filters import Moment, YesNo
from portal.api.pagination import orderings
from sessions.models import ChargingSession, MeterValue


class SampleSerializer(serializers.Serializer[MeterValue]):
    measurand = serializers.CharField()
    phase = serializers.CharField()
    location = serializers.CharField()
    unit = serializers.CharField()
    value = serializers.FloatField(help_text="Normalised to Wh, W, A, V, %.")
    raw = serializers.CharField(help_text="As the charger sent it.")


@extend_schema_field(SampleSerializer(many=True))
class Samples(serializers.JSONField):
    """Passed through as stored, for a page holds thousands."""


class MeterValueSerializer(serializers.ModelSerializer[MeterValue]):
    energy_wh = WholeNumber(allow_null=True, help_text="The import register.")
    samples = Samples(read_only=True)

    class Meta:
        model = MeterValue
        fields = read_only_fields = (
            "measured_at", "received_at", "device_time", "context", "evse_id", "connector_id", "energy_wh", "power_w",
            "current_a", "voltage_v", "soc_percent", "is_suspect", "samples",
        )  # fmt: skip
        extra_kwargs = {
            "current_a": {"help_text": "Of the phase that carries most."},
            "is_suspect": {"help_text": "Implausible; left out of totals."},
        }


class MeterValueFilter(filters.FilterSet):
    since = Moment(field_name="measured_at", lookup_expr="gte", help_text="Measured at or after.")
    until = Moment(field_name="measured_at", lookup_expr="lt", help_text="Measured before.")
    is_suspect = YesNo()


@extend_schema_view(get=extend_schema(operation_id="listSessionMeterValues", summary="Meter values, the oldest first"))
class SessionMeterValues(generics.ListAPIView[MeterValue]):
    queryset = MeterValue.objects.all()
    serializer_class = MeterValueSerializer
    filterset_class = MeterValueFilter
    orderings = orderings("measured_at", measured_at="measured_at")

    def get_queryset(self) -> QuerySet[MeterValue]:
        session = get_object_or_404(ChargingSession.objects.only("pk"), pk=self.kwargs["pk"])
        return super().get_queryset().filter(session=session)
