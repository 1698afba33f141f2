"""`/chargers/{identity}/notices/`: what a charger told and nothing else shows, as it said it."""

from __future__ import annotations

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from chargers.models import Notice
from portal.api.chargers import find_charger
from portal.api.filters import Moment, Text
from portal.api.pagination import orderings


class NoticeSerializer(serializers.ModelSerializer[Notice]):
    payload = serializers.DictField(read_only=True, help_text="In the words of the charger's OCPP version.")

    class Meta:
        model = Notice
        fields = read_only_fields = ("id", "kind", "key", "payload", "received_at")
        extra_kwargs = {
            "kind": {"help_text": "E.g. settlement, session_cost, der_alarm, battery_swap, stream_values."},
            "key": {"help_text": "What it is about: a session, a payment, a control."},
        }


class NoticeFilter(filters.FilterSet):
    kind = Text(lookup_expr="exact")
    key = Text(lookup_expr="exact")
    since = Moment(field_name="received_at", lookup_expr="gte", help_text="Received at or after.")
    until = Moment(field_name="received_at", lookup_expr="lt", help_text="Received before.")


@extend_schema_view(get=extend_schema(operation_id="listChargerNotices", summary="What else a charger told"))
class ChargerNotices(generics.ListAPIView[Notice]):
    queryset = Notice.objects.all()
    serializer_class = NoticeSerializer
    filterset_class = NoticeFilter
    orderings = orderings("-received_at", received_at="received_at")

    def get_queryset(self) -> QuerySet[Notice]:
        return super().get_queryset().filter(charger=find_charger(self.kwargs["identity"]))
