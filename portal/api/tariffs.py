"""`/tariff/` and `/sites/{id}/tariff/`: what drivers pay."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chargers.models import Site
from portal.api.authentication import origin, person
from sessions import tariffs
from sessions.models import Tariff


def amount(**more: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=10, decimal_places=5, min_value=0, max_value=tariffs.MOST, **more)


class TariffSerializer(serializers.ModelSerializer[Tariff]):
    currency = serializers.RegexField(r"^[A-Z]{3}$", help_text="ISO 4217, e.g. EUR.")
    per_kwh = amount()
    per_minute = amount(default=Decimal(0), help_text="From start to stop.")
    start_fee = amount(default=Decimal(0))

    class Meta:
        model = Tariff
        fields = ("id", "site", "from_at", "currency", "per_kwh", "per_minute", "start_fee", "via")
        read_only_fields = ("id", "site", "from_at", "via")
        extra_kwargs = {
            "site": {"help_text": "Null: it is for every site that has none of its own."},
            "from_at": {"help_text": "Sessions that began earlier keep what was in force then."},
        }


class DefaultTariff(APIView):
    """What holds where a site has none of its own."""

    @extend_schema(
        operation_id="getDefaultTariff",
        summary="What drivers pay where a site says nothing",
        responses=TariffSerializer,
    )
    def get(self, request: Request) -> Response:
        return _shown(None)

    @extend_schema(
        operation_id="setDefaultTariff", summary="Set it for sessions that begin from now on",
        request=TariffSerializer, responses=TariffSerializer,
    )  # fmt: skip
    def put(self, request: Request) -> Response:
        return _set(None, request)

    @extend_schema(operation_id="withdrawDefaultTariff", summary="Withdraw it from now on", responses={204: None})
    def delete(self, request: Request) -> Response:
        return _withdrawn(None, request)


class SiteTariff(APIView):
    @extend_schema(
        operation_id="getSiteTariff", summary="What drivers pay at a site",
        description="Its own tariff or else the one for all; 404 where there is neither.", responses=TariffSerializer,
    )  # fmt: skip
    def get(self, request: Request, pk: int) -> Response:
        return _shown(get_object_or_404(Site, pk=pk))

    @extend_schema(
        operation_id="setSiteTariff", summary="Set it for sessions that begin from now on",
        request=TariffSerializer, responses=TariffSerializer,
    )  # fmt: skip
    def put(self, request: Request, pk: int) -> Response:
        return _set(get_object_or_404(Site, pk=pk), request)

    @extend_schema(
        operation_id="withdrawSiteTariff", summary="Have the one for all hold from now on", responses={204: None}
    )
    def delete(self, request: Request, pk: int) -> Response:
        return _withdrawn(get_object_or_404(Site, pk=pk), request)


def _shown(site: Site | None) -> Response:
    found = tariffs.in_force(site, at=timezone.now())
    if found is None:
        raise NotFound("No tariff is in force; PUT one here.")
    return Response(TariffSerializer(found).data)


def _set(site: Site | None, request: Request) -> Response:
    told = TariffSerializer(data=request.data)
    told.is_valid(raise_exception=True)
    try:
        made = tariffs.set_tariff(
            site, **told.validated_data, at=timezone.now(), by=person(request), via=origin(request)
        )
    except tariffs.BadTariff as error:
        raise ValidationError(str(error)) from error
    return Response(TariffSerializer(made).data)


def _withdrawn(site: Site | None, request: Request) -> Response:
    tariffs.withdraw(site, at=timezone.now(), by=person(request), via=origin(request))
    return Response(status=204)
