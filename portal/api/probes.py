"""`/sites/{id}/probes/`: what the limits of its chargers are worth, tried with a short one; `…/trust/`: led again."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chargers.models import Site
from portal.api.authentication import name_of
from portal.api.problems import Conflict
from smartcharging import obedience, probing
from smartcharging.models import Outlet, Probe


class ProbeSerializer(serializers.ModelSerializer[Probe]):
    charger = serializers.CharField(source="outlet.charger.identity", read_only=True)
    evse_id = serializers.IntegerField(source="outlet.evse_id", read_only=True)
    reasons = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="What was seen.")

    class Meta:
        model = Probe
        fields = read_only_fields = (
            "id", "charger", "evse_id", "state", "verdict", "reasons", "limit_a", "firmware_version", "why", "began_at",
            "ends_at", "done_at",
        )  # fmt: skip
        extra_kwargs = {
            "verdict": {"help_text": "A: its limits end; B: its last limit stays; C: it takes none; empty: not known."},
            "ends_at": {"help_text": "When the limit of the trial ends."},
        }


class PlaceSerializer(serializers.Serializer[Any]):
    charger = serializers.CharField(help_text="Its identity; it hangs in the tree of this site.")
    evse_id = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class Probes(APIView):
    @extend_schema(
        operation_id="listProbes", summary="What was tried at a site, the latest first",
        responses=ProbeSerializer(many=True),
    )  # fmt: skip
    def get(self, request: Request, pk: int) -> Response:
        get_object_or_404(Site, pk=pk)
        return Response(ProbeSerializer(_probes(pk)[:1000], many=True).data)

    @extend_schema(
        operation_id="startProbe", summary="Try what the limits of a charger are worth",
        description="It takes about two minutes; the verdict becomes the `trust` of the EVSE. "
        "409 if it cannot be tried now: offline, being tried already, or no 6 A left for it.",
        request=PlaceSerializer, responses={201: ProbeSerializer},
    )  # fmt: skip
    def post(self, request: Request, pk: int) -> Response:
        outlet = _outlet(request, pk)
        try:
            probe = probing.start(outlet, why=name_of(request), at=timezone.now())
        except probing.NotNow as error:
            raise Conflict(str(error)) from error
        return Response(ProbeSerializer(probe).data, status=201)


class OneProbe(APIView):
    @extend_schema(operation_id="getProbe", summary="How far a trial is", responses=ProbeSerializer)
    def get(self, request: Request, pk: int, probe: int) -> Response:
        return Response(ProbeSerializer(get_object_or_404(_probes(pk), pk=probe)).data)


class Trust(APIView):
    @extend_schema(
        operation_id="trustAgain", summary="Lead a charger again that was seen above its limit",
        description="Until then it counts with its cable. 409 while an edge leads the site.",
        request=PlaceSerializer, responses={204: None},
    )  # fmt: skip
    def post(self, request: Request, pk: int) -> Response:
        try:
            obedience.trust_again(_outlet(request, pk), by=name_of(request), at=timezone.now())
        except obedience.EdgeLeads as error:
            raise Conflict(str(error)) from error
        return Response(status=204)


def _outlet(request: Request, site_id: int) -> Outlet:
    told = PlaceSerializer(data=request.data)
    told.is_valid(raise_exception=True)
    outlets = Outlet.objects.filter(node__site=site_id).select_related("charger", "node")
    return get_object_or_404(
        outlets,
        charger__identity_folded=told.validated_data["charger"].casefold(),
        evse_id=told.validated_data["evse_id"],
    )


def _probes(site_id: int) -> Any:
    return Probe.objects.filter(outlet__node__site=site_id).select_related("outlet__charger")
