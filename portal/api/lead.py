"""`/sites/{id}/lead/`: who leads a site, this yard or the edge that stands there."""

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
from smartcharging import handover
from smartcharging.models import LeadChange, Leader, SitePlan

CHANGES_TOLD = 100


class LeadOrderSerializer(serializers.Serializer[Any]):
    leader = serializers.ChoiceField(choices=["cloud", "edge"], help_text="cloud: this yard; edge: the site itself.")
    is_edge_off = serializers.BooleanField(
        default=False,
        help_text="With cloud: the edge does not run, and somebody has seen it. Two leaders would break the limit.",
    )


class LeadChangeSerializer(serializers.ModelSerializer[LeadChange]):
    class Meta:
        model = LeadChange
        fields = read_only_fields = ("at", "leader", "epoch", "by", "is_edge_off")
        extra_kwargs = {"by": {"help_text": "Who, or what, asked for it."}}


class LeadSerializer(serializers.Serializer[Any]):
    leader = serializers.ChoiceField(
        choices=Leader.choices, help_text="cloud: this yard; edge: the site itself; returning: asked to hand back."
    )
    epoch = serializers.IntegerField(help_text="Grows with each change.")
    since = serializers.DateTimeField(allow_null=True, help_text="null: it was never led by anybody else.")
    edge_heard_at = serializers.DateTimeField(allow_null=True, help_text="The last report of the edge that leads.")
    edge_version = serializers.CharField(help_text="Of the programs at the site, as the edge told last.")
    edge_kept_frames = serializers.IntegerField(help_text="What it has confirmed to chargers, and we not yet to it.")
    is_edge_silent = serializers.BooleanField(help_text="It leads, and has not been heard for a minute.")
    changes = LeadChangeSerializer(many=True, help_text="Who led, the latest first.")


class SiteLead(APIView):
    @extend_schema(operation_id="getSiteLead", summary="Who leads a site", responses=LeadSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(LeadSerializer(state(get_object_or_404(SitePlan, site=pk))).data)

    @extend_schema(
        operation_id="leadSite", summary="Let its edge lead a site, or take the lead back",
        description="Safe to repeat. Taking it back is `returning` until the edge has said that it stopped. "
        "409 if it cannot change now.",
        request=LeadOrderSerializer, responses=LeadSerializer,
    )  # fmt: skip
    def put(self, request: Request, pk: int) -> Response:
        site = get_object_or_404(Site, pk=pk)
        told = LeadOrderSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        order, at, by = told.validated_data, timezone.now(), name_of(request)
        try:
            if order["leader"] == "edge":
                plan = handover.give(site, at=at, by=by)
            else:
                plan = handover.take(site, at=at, by=by, is_edge_off=order["is_edge_off"])
        except handover.NotNow as error:
            raise Conflict(str(error)) from error
        return Response(LeadSerializer(state(plan)).data)


def state(plan: SitePlan) -> dict[str, Any]:
    changes = list(LeadChange.objects.filter(site=plan.site_id)[:CHANGES_TOLD])
    names = ("leader", "epoch", "edge_heard_at", "edge_version", "edge_kept_frames")
    return {
        **{name: getattr(plan, name) for name in names},
        "since": changes[0].at if changes else None,
        "is_edge_silent": handover.is_edge_silent(plan, at=timezone.now()),
        "changes": changes,
    }
