"""`/configuration-rollouts/`: bringing chargers to what is wanted of them, setting by setting."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from chargers.desired import rollouts
from chargers.models import Rollout, Write
from portal.api.authentication import origin, person
from portal.api.filters import RowId
from portal.api.pagination import orderings
from portal.api.problems import Conflict


class WriteSerializer(serializers.ModelSerializer[Write]):
    charger = serializers.CharField(source="charger.identity", read_only=True)

    class Meta:
        model = Write
        fields = read_only_fields = (
            "id", "charger", "path", "value", "old_value", "read_value", "status", "times", "why", "command",
            "written_at", "settled_at",
        )  # fmt: skip
        extra_kwargs = {"old_value": {"help_text": "What was there before; null if that was not known."}}


class RolloutSerializer(serializers.ModelSerializer[Rollout]):
    requested_by = serializers.CharField(source="requested_by.username", default=None, allow_null=True, read_only=True)
    counts = serializers.SerializerMethodField(
        help_text="Settings: total, waiting, active, reboots, done, left, failed."
    )

    class Meta:
        model = Rollout
        fields = read_only_fields = (
            "id", "title", "template", "takes_back", "retry_of", "status", "restarts", "parallel", "requested_by",
            "requested_via", "created_at", "settled_at", "counts",
        )  # fmt: skip

    def get_counts(self, rollout: Rollout) -> dict[str, int]:
        names = ("total", "waiting", "active", "reboots", "done", "left", "failed")
        return {name: getattr(rollout, name) for name in names}


def counted(rollout: Rollout) -> Any:
    return RolloutSerializer(rollouts.counted(Rollout.objects.all()).get(pk=rollout.pk)).data


def started(rollout: Rollout) -> Response:
    location = reverse("api:configuration-rollout-detail", args=[rollout.pk])
    return Response(counted(rollout), status=202, headers={"Location": location})


class RolloutFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Rollout.Status.choices)
    template = RowId(field_name="template_id")


@extend_schema_view(
    list=extend_schema(operation_id="listConfigurationRollouts", summary="List rollouts of settings"),
    retrieve=extend_schema(operation_id="getConfigurationRollout", summary="One rollout and its progress"),
)
class ConfigurationRollouts(viewsets.ReadOnlyModelViewSet[Rollout]):
    queryset = rollouts.counted(Rollout.objects.select_related("requested_by"))
    serializer_class = RolloutSerializer
    filterset_class = RolloutFilter
    orderings = orderings("-created_at", created_at="created_at")
    lookup_value_converter = "int"

    @extend_schema(
        operation_id="listConfigurationWrites",
        summary="What became of each setting",
        responses=WriteSerializer(many=True),
    )
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def writes(self, request: Request, pk: str) -> Response:
        rows = self.get_object().writes.select_related("charger").order_by("charger__identity_folded", "path")
        return Response(WriteSerializer(rows, many=True).data)

    @extend_schema(operation_id="pauseConfigurationRollout", summary="Begin nothing more", request=None)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        return self._turned(rollouts.pause)

    @extend_schema(operation_id="resumeConfigurationRollout", summary="Go on", request=None)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        return self._turned(rollouts.resume)

    @extend_schema(operation_id="cancelConfigurationRollout", summary="Write nothing more", request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        rollout = self.get_object()
        rollouts.cancel(rollout)
        return Response(counted(rollout))

    @extend_schema(
        operation_id="retryConfigurationRollout",
        summary="Once more what failed or was refused, as a rollout of its own",
        request=None,
        responses={202: RolloutSerializer},
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        return self._followed(rollouts.retry, request)

    @extend_schema(
        operation_id="takeBackConfigurationRollout",
        summary="Write back what was there before",
        request=None,
        responses={202: RolloutSerializer},
    )
    @action(detail=True, methods=["post"], url_path="take-back")
    def take_back(self, request: Request, pk: str) -> Response:
        return self._followed(rollouts.take_back, request)

    def _turned(self, turn: Any) -> Response:
        rollout = self.get_object()
        if not turn(rollout):
            raise Conflict(f"The rollout is {rollout.status}.")
        return Response(counted(rollout))

    def _followed(self, doing: Any, request: Request) -> Response:
        try:
            return started(doing(self.get_object(), by=person(request), via=origin(request)[:20]))
        except ValueError as error:
            raise Conflict(str(error)) from None
