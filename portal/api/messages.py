"""`/chargers/{identity}/messages/`: the OCPP log, each request beside its answer."""

from __future__ import annotations

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from chargers.models import Exchange
from portal.api.chargers import find_charger
from portal.api.filters import Moment, Text
from portal.api.pagination import orderings


class MessageSerializer(serializers.ModelSerializer[Exchange]):
    latency_ms = serializers.FloatField(read_only=True, allow_null=True, help_text="From request to answer.")

    class Meta:
        model = Exchange
        fields = read_only_fields = (
            "id", "origin", "message_id", "action", "request", "requested_at", "response", "responded_at", "latency_ms",
            "outcome", "error_code", "findings",
        )  # fmt: skip
        extra_kwargs = {
            "request": {"help_text": "The frame as text, as it went over the wire; passwords are masked."},
            "response": {"help_text": "The answering frame; empty while there is none."},
            "findings": {"help_text": "What we tolerated, in words."},
        }


class MessageFilter(filters.FilterSet):
    origin = filters.ChoiceFilter(choices=Exchange.Origin.choices, help_text="Who asked.")
    action = Text()
    outcome = filters.MultipleChoiceFilter(choices=Exchange.Outcome.choices, help_text="May be repeated.")
    message_id = Text(lookup_expr="exact")
    since = Moment(field_name="requested_at", lookup_expr="gte", help_text="Asked at or after.")
    until = Moment(field_name="requested_at", lookup_expr="lt", help_text="Asked before.")


@extend_schema_view(get=extend_schema(operation_id="listChargerMessages", summary="The OCPP log of a charger"))
class ChargerMessages(generics.ListAPIView[Exchange]):
    queryset = Exchange.objects.all()
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    orderings = orderings("-requested_at", requested_at="requested_at")

    def get_queryset(self) -> QuerySet[Exchange]:
        return super().get_queryset().filter(charger=find_charger(self.kwargs["identity"]))
