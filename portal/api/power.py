"""`/sites/{id}/power/` and beside it: a site's limits, the meter of its building, what energy costs."""

from __future__ import annotations

import math
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chargers.models import Site
from smartcharging import grid, handover, sites
from smartcharging.bookkeeping import open_books
from smartcharging.models import LimitNode, Outlet, SitePlan


class Figure(serializers.FloatField):
    """A number; "NaN" and infinity, which pass every bound, are none."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            self.fail("invalid")
        return value


def amperes(**more: Any) -> Figure:
    return Figure(min_value=0, max_value=grid.MOST_A, **more)


class NodeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    parent = serializers.CharField(  # type: ignore[assignment]
        allow_null=True, default=None, help_text="Name of the node above; null: the grid."
    )
    l1_a = amperes()
    l2_a = amperes(default=0.0)
    l3_a = amperes(default=0.0)
    limit_w = Figure(allow_null=True, default=None, min_value=0)
    buffer_a = amperes(default=0.0, help_text="Kept free on each phase.")


class OutletSerializer(serializers.Serializer[Any]):
    charger = serializers.CharField(help_text="Its identity; it stands at this site.")
    evse_id = serializers.IntegerField(min_value=1)
    node = serializers.CharField(help_text="Name of the node it hangs on.")
    cable_a = Figure(default=32.0, help_text="The most it lets through, per phase.")
    phases = serializers.IntegerField(default=3, min_value=1, max_value=3)
    rotation = serializers.ChoiceField(choices=sorted(grid.ROTATIONS), default="RST")
    trust = serializers.ChoiceField(
        choices=[("A", "its leases end"), ("B", "its last limit stays"), ("C", "it takes no limits")], default="A"
    )


class SettingsSerializer(serializers.Serializer[Any]):
    is_on = serializers.BooleanField(default=False)
    lease_s = serializers.IntegerField(default=300, min_value=30, max_value=3600)
    default_a = amperes(default=0.0, help_text="For a car that starts without us; told to an EVSE once.")
    volts = Figure(default=230.0, min_value=50, max_value=1000)
    looks_ahead = serializers.BooleanField(default=False, help_text="Plan by need, departure and price.")
    building_worst_a = serializers.ListField(
        child=amperes(), min_length=3, max_length=3, required=False,
        help_text="What else may draw, L1 to L3, counted while the meter is silent.",
    )  # fmt: skip


class PowerSerializer(SettingsSerializer):
    nodes = NodeSerializer(many=True)
    outlets = OutletSerializer(many=True)


SHOWN = (*sites.OUTLET, "target_a", "bound_by", "is_queued", "is_wild")


class OutletStateSerializer(OutletSerializer):
    target_a = serializers.FloatField(help_text="What it should have, per phase.")
    worst_a = serializers.FloatField(help_text="The most it may draw if everything breaks now.")
    bound_by = serializers.CharField(help_text="The limit that holds it back; empty: none.")
    is_queued = serializers.BooleanField()
    is_wild = serializers.BooleanField(help_text="It was measured above its limit.")


class PowerStateSerializer(SettingsSerializer):
    nodes = NodeSerializer(many=True)
    outlets = OutletStateSerializer(many=True)
    fullness = serializers.FloatField(help_text="The worst over the limit, at the fullest; above 1 it is not safe.")
    planned_at = serializers.DateTimeField(allow_null=True)
    leader = serializers.CharField(help_text="cloud: this yard; edge: the site itself; returning: asked to hand back.")
    edge_heard_at = serializers.DateTimeField(allow_null=True, help_text="The last report of the edge that leads.")
    problem = serializers.CharField()


class LoadSerializer(serializers.Serializer[Any]):
    l1_a = Figure(help_text="Negative: the sun gives more than the building takes.")
    l2_a = Figure()
    l3_a = Figure()
    measured_at = serializers.DateTimeField(required=False)


class PriceSerializer(serializers.Serializer[Any]):
    from_at = serializers.DateTimeField()
    per_kwh = serializers.DecimalField(max_digits=10, decimal_places=5)
    co2_g_per_kwh = Figure(allow_null=True, default=None, min_value=0)


class SitePower(APIView):
    @extend_schema(operation_id="getSitePower", summary="How a site shares its power", responses=PowerStateSerializer)
    def get(self, request: Request, pk: int) -> Response:
        plan = get_object_or_404(SitePlan, site=pk)
        return Response(PowerStateSerializer(state(plan)).data)

    @extend_schema(
        operation_id="drawSitePower", summary="Draw a site's limits, and switch sharing on or off",
        request=PowerSerializer, responses=PowerStateSerializer,
    )  # fmt: skip
    def put(self, request: Request, pk: int) -> Response:
        site = get_object_or_404(Site, pk=pk)
        told = PowerSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        data = dict(told.validated_data)
        nodes, outlets = data.pop("nodes"), data.pop("outlets")
        try:
            plan = sites.draw(site, settings=data, nodes=nodes, outlets=outlets)
        except grid.ImpossibleTree as error:
            raise ValidationError(str(error)) from error
        return Response(PowerStateSerializer(state(plan)).data)


class BuildingLoad(APIView):
    @extend_schema(
        operation_id="tellBuildingLoad", summary="What the building draws now, by its meter", request=LoadSerializer,
        responses=inline_serializer("BuildingLoadTaken", {"is_newest": serializers.BooleanField()}),
    )  # fmt: skip
    def post(self, request: Request, pk: int) -> Response:
        site = get_object_or_404(Site, pk=pk, plan__isnull=False)
        told = LoadSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        data, at = told.validated_data, timezone.now()
        try:
            is_newest = sites.building_told(
                site, [data["l1_a"], data["l2_a"], data["l3_a"]], measured_at=data.get("measured_at", at), at=at
            )
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return Response({"is_newest": is_newest})


class EnergyPrices(APIView):
    @extend_schema(
        operation_id="priceEnergy", summary="What energy costs at a site from each moment on",
        request=PriceSerializer(many=True), responses=PriceSerializer(many=True),
    )  # fmt: skip
    def put(self, request: Request, pk: int) -> Response:
        site = get_object_or_404(Site, pk=pk)
        told = PriceSerializer(data=request.data, many=True)
        told.is_valid(raise_exception=True)
        sites.price(site, [(row["from_at"], row["per_kwh"], row["co2_g_per_kwh"]) for row in told.validated_data])
        return Response(PriceSerializer(site.energy_prices.all()[:1000], many=True).data)


def state(plan: SitePlan) -> dict[str, Any]:
    """A site's power as it is drawn and as it is now."""
    nodes = LimitNode.objects.filter(site=plan.site_id).select_related("parent")
    names = {node.pk: node.name for node in nodes}
    at = timezone.now()
    try:
        books = open_books(plan, at=at, ahead_s=plan.lease_s)
        worst = handover.worst_a(books)
    except grid.ImpossibleTree:  # drawn by an older version: `problem` says so
        worst = {}
    outlets = Outlet.objects.filter(node__site=plan.site_id).select_related("charger")
    return {
        **{name: getattr(plan, name) for name in sites.SETTINGS},
        "building_worst_a": plan.building_worst_a or [0.0, 0.0, 0.0],
        "nodes": [
            {"name": n.name, "parent": n.parent.name if n.parent else None, **{f: getattr(n, f) for f in sites.NODE}}
            for n in nodes
        ],
        "outlets": [
            {
                "charger": o.charger.identity, "evse_id": o.evse_id, "node": names[o.node_id],
                **{field: getattr(o, field) for field in SHOWN},
                "worst_a": worst.get(o.pk, o.cable_a),
            }
            for o in outlets
        ],
        "fullness": plan.fullness,
        "planned_at": plan.planned_at,
        "leader": plan.leader,
        "edge_heard_at": plan.edge_heard_at,
        "problem": plan.problem,
    }  # fmt: skip
