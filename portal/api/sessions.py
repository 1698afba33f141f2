"""`/sessions/`: charging sessions, open and past."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.authentication import origin, person
from portal.api.fields import WholeNumber
from portal.api.filters import Identity, Moment, RowId, Text, YesNo
from portal.api.pagination import orderings
from portal.api.problems import Conflict
from sessions import costs, reviewing
from sessions.models import ChargingSession


class SessionSerializer(serializers.ModelSerializer[ChargingSession]):
    charger = serializers.CharField(source="charger.identity", read_only=True)
    is_open = serializers.BooleanField(read_only=True)
    meter_last_wh = WholeNumber(allow_null=True)
    cost = serializers.SerializerMethodField(help_text="By its tariff, so far if it runs; null: see `no_cost`.")
    currency = serializers.CharField(source="tariff.currency", default=None, allow_null=True, read_only=True)
    no_cost = serializers.SerializerMethodField(help_text="Why it has none; empty: it has.")

    class Meta:
        model = ChargingSession
        fields = read_only_fields = (
            "id", "charger", "evse_id", "connector_id", "transaction_id", "token_value", "token_verdict",
            "is_open", "charging_state", "started_at", "stopped_at", "stop_reason", "stopped_by_token",
            "energy_wh", "cost", "currency", "no_cost", "proposed_wh", "proposal", "reviewed_at",
            "meter_start_wh", "meter_stop_wh", "meter_last_wh",
            "power_w", "soc_percent", "metered_at",
            "remote_start_id", "reservation_id", "started_received_at", "started_device_time", "stopped_received_at",
            "stopped_device_time", "is_incomplete", "is_superseded", "needs_review", "review_reasons",
        )  # fmt: skip
        extra_kwargs = {
            "energy_wh": {"help_text": "Last minus first register, or what staff decided; null: not billed (yet)."},
            "proposed_wh": {"help_text": "What it most likely drew where the registers are in doubt; never billed."},
            "started_received_at": {"help_text": "By our clock; `started_device_time` is the charger's text."},
            "is_superseded": {"help_text": "Another session began on its connector; its end is unknown."},
            "review_reasons": {"help_text": "Why somebody should look at it, in sentences."},
        }

    def get_cost(self, session: ChargingSession) -> str | None:
        found = costs.of(session, at=timezone.now())
        return str(found.amount) if found else None

    def get_no_cost(self, session: ChargingSession) -> str:
        return costs.why_none(session)


class ReasonSerializer(serializers.Serializer[ChargingSession]):
    reason = serializers.CharField(max_length=1000)


class DecisionSerializer(ReasonSerializer):
    energy_wh = serializers.IntegerField(
        min_value=0, max_value=reviewing.MOST_WH, allow_null=True, help_text="Null: it is not to be billed."
    )


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
    """Reading, and the two decisions that people make about a session."""

    queryset = ChargingSession.objects.select_related("charger", "tariff")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    orderings = orderings("-started_at", started_at="started_at")
    lookup_value_converter = "int"

    @extend_schema(
        operation_id="reviewSession",
        summary="Decide what a session has drawn",
        description="Kept with the reason and who decided. 409 for one that is still running.",
        request=DecisionSerializer,
        responses=SessionSerializer,
    )
    @action(detail=True, methods=["post"])
    def review(self, request: Request, pk: str) -> Response:
        asked = DecisionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        told = asked.validated_data
        return self._decided(
            lambda by: reviewing.decide(
                self.get_object().pk, told["energy_wh"], reason=told["reason"], by=by, via=origin(request)
            )
        )

    @extend_schema(
        operation_id="closeSession",
        summary="End a session that its charger forgot",
        description="At its last reading; its energy then waits for a decision. 409 for one that has ended.",
        request=ReasonSerializer,
        responses=SessionSerializer,
    )
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        asked = ReasonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        reason = asked.validated_data["reason"]
        return self._decided(
            lambda by: reviewing.close(self.get_object().pk, reason=reason, by=by, via=origin(request))
        )

    def _decided(self, decide: Callable[[AbstractBaseUser | None], ChargingSession]) -> Response:
        by = person(self.request)
        try:
            session = decide(by)
        except reviewing.CannotDecide as error:
            raise Conflict(str(error)) from None
        return Response(self.get_serializer(self.queryset.get(pk=session.pk)).data)
