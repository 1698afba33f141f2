"""`/sites/{id}/capacity-signals/`: who limits a site from outside, from when until when."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chargers.models import Site
from portal.api.problems import Conflict
from smartcharging import sites
from smartcharging.models import CapacitySignal


class SignalSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    source = serializers.CharField(max_length=80, help_text="Who limits the site; staff read it.")  # type: ignore[assignment]
    limit_w = serializers.FloatField()
    from_at = serializers.DateTimeField(required=False, help_text="Now, if it is not given.")
    to_at = serializers.DateTimeField(allow_null=True, default=None, help_text="null: until it is ended.")


class ChangeSerializer(serializers.Serializer[Any]):
    limit_w = serializers.FloatField(required=False)
    to_at = serializers.DateTimeField(required=False, allow_null=True, help_text="null: until it is ended.")


class CapacitySignals(APIView):
    @extend_schema(
        operation_id="listCapacitySignals", summary="Who limits a site", responses=SignalSerializer(many=True)
    )
    def get(self, request: Request, pk: int) -> Response:
        site = get_object_or_404(Site, pk=pk)
        return Response(SignalSerializer(site.capacity_signals.all()[:1000], many=True).data)

    @extend_schema(
        operation_id="limitSite", summary="Limit a site for a time", request=SignalSerializer,
        responses={201: SignalSerializer},
    )  # fmt: skip
    def post(self, request: Request, pk: int) -> Response:
        site = get_object_or_404(Site, pk=pk)
        told = SignalSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        at = timezone.now()
        try:
            signal = sites.limited(site, **{"from_at": at, **told.validated_data}, at=at)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return Response(SignalSerializer(signal).data, status=201)


class OneCapacitySignal(APIView):
    @extend_schema(operation_id="getCapacitySignal", summary="One limit of a site", responses=SignalSerializer)
    def get(self, request: Request, pk: int, signal: int) -> Response:
        return Response(SignalSerializer(_of_site(pk, signal)).data)

    @extend_schema(
        operation_id="changeCapacitySignal", summary="Limit a site to more, to less, or for another time",
        description="409 once it is over: give a new one.", request=ChangeSerializer, responses=SignalSerializer,
    )  # fmt: skip
    def patch(self, request: Request, pk: int, signal: int) -> Response:
        found = _of_site(pk, signal)
        told = ChangeSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        try:
            changed = sites.change_limit(found, told.validated_data, at=timezone.now())
        except sites.IsOver as error:
            raise Conflict(str(error)) from error
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return Response(SignalSerializer(changed).data)

    @extend_schema(
        operation_id="endCapacitySignal", summary="End a limit now",
        description="It stays in the list with its end. One that was over already keeps it.", responses={204: None},
    )  # fmt: skip
    def delete(self, request: Request, pk: int, signal: int) -> Response:
        found = _of_site(pk, signal)
        sites.end_limit(found.site, found.pk, at=timezone.now())
        return Response(status=204)


def _of_site(pk: int, signal: int) -> CapacitySignal:
    return get_object_or_404(CapacitySignal.objects.select_related("site"), site=pk, pk=signal)
