"""`/charging-profiles/`: the library, where its profiles are, and sending them there."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view, inline_serializer
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chargers.models import Charger, Site, fold
from portal.api.authentication import person
from portal.api.filters import Search
from portal.api.pagination import orderings
from portal.api.saving import OneOfAKind
from smartcharging import drafts, library
from smartcharging.models import Placement, SavedProfile


class ChargingProfileSerializer(serializers.ModelSerializer[SavedProfile]):
    draft = serializers.JSONField(
        help_text="As the `profile` of `set_profile`, without `id` and session; a recurring one says `start_local` "
        "(06:30) and `weekday` (0: Monday) by the clock of each site."
    )

    class Meta:
        model = SavedProfile
        fields = ("id", "name", "note", "draft", "version", "created_at", "changed_at")
        read_only_fields = ("id", "version", "created_at", "changed_at")

    def validate_draft(self, told: Any) -> dict[str, Any]:
        if not isinstance(told, dict):
            raise ValidationError("A draft is a JSON object.")
        try:
            draft = drafts.read(told)
            refused = drafts.refused_by(draft, at=timezone.now())
        except drafts.Unreadable as error:
            raise ValidationError(error.sentences) from error
        if len(refused) == len(drafts.VERSIONS):
            raise ValidationError([str(objection) for objection in min(reversed(refused.values()), key=len)])
        return draft

    def create(self, validated: dict[str, Any]) -> SavedProfile:
        saved = SavedProfile(name=validated["name"], note=validated.get("note", ""))
        return library.save(saved, validated["draft"], at=timezone.now())

    def update(self, saved: SavedProfile, validated: dict[str, Any]) -> SavedProfile:
        saved.name, saved.note = validated.get("name", saved.name), validated.get("note", saved.note)
        return library.save(saved, validated.get("draft", saved.draft), at=timezone.now())


class PushSerializer(serializers.Serializer[Any]):
    chargers = serializers.ListField(
        child=serializers.CharField(), default=list, max_length=10_000, help_text="Identities."
    )
    site = serializers.PrimaryKeyRelatedField(queryset=Site.objects.all(), allow_null=True, default=None)
    place = serializers.ChoiceField(choices=list(library.PLACES.items()), default="each")
    evse_id = serializers.IntegerField(min_value=1, max_value=library.EVSES - 1, default=1)


class LeftOutSerializer(serializers.Serializer[Any]):
    charger = serializers.CharField()
    evse_id = serializers.IntegerField()
    objections = serializers.ListField(child=serializers.CharField())


class PlacementSerializer(serializers.ModelSerializer[Placement]):
    charger = serializers.CharField(source="charger.identity")

    class Meta:
        model = Placement
        fields = (
            "id", "charger", "evse_id", "session", "number", "saved_version", "state", "told", "looked_at",
            "put_back_at", "changed_at",
        )  # fmt: skip
        read_only_fields = fields


class ChargingProfileFilter(filters.FilterSet):
    search = Search("name", "note", help_text="Part of name or note.")


PUSHED = inline_serializer(
    "ChargingProfilePushed", {"job": serializers.IntegerField(), "left_out": LeftOutSerializer(many=True)}
)


@extend_schema_view(
    list=extend_schema(operation_id="listChargingProfiles", summary="List the library of charging profiles"),
    create=extend_schema(operation_id="createChargingProfile", summary="Keep a charging profile"),
    retrieve=extend_schema(operation_id="getChargingProfile", summary="One charging profile"),
    partial_update=extend_schema(operation_id="updateChargingProfile", summary="Change one; send it again to tell"),
    destroy=extend_schema(operation_id="deleteChargingProfile", summary="Forget one; chargers keep what they have"),
)
class ChargingProfiles(OneOfAKind[SavedProfile], viewsets.ModelViewSet[SavedProfile]):
    queryset = SavedProfile.objects.all()
    serializer_class = ChargingProfileSerializer
    filterset_class = ChargingProfileFilter
    orderings = orderings("name", name="name", changed_at="changed_at")
    lookup_value_converter = "int"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    @extend_schema(
        operation_id="pushChargingProfile", summary="Send one to chargers, and read it back from each",
        request=PushSerializer, responses={202: PUSHED}, filters=False,
    )  # fmt: skip
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def push(self, request: Request, pk: str) -> Response:
        saved = self.get_object()
        told = PushSerializer(data=request.data)
        told.is_valid(raise_exception=True)
        data, at = told.validated_data, timezone.now()
        spots = library.spots(saved, _chargers(data), place=data["place"], evse_id=data["evse_id"], at=at)
        try:
            by = person(request)
            job = library.push(saved, spots, by=by, via="rest", at=at)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        left_out = [
            {"charger": s.charger.identity, "evse_id": s.evse_id, "objections": list(map(str, s.objections))}
            for s in spots
            if s.objections
        ]
        return Response({"job": job.pk, "left_out": left_out}, status=202)

    @extend_schema(
        operation_id="listChargingProfilePlaces", summary="Where one should be, and whether it is",
        responses=PlacementSerializer(many=True), filters=False,
    )  # fmt: skip
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def places(self, request: Request, pk: str) -> Response:
        rows = self.get_object().placements.select_related("charger")[:10_000]
        return Response(PlacementSerializer(rows, many=True).data)


def _chargers(told: dict[str, Any]) -> list[Charger]:
    found = Charger.objects.select_related("site")
    if told["site"] is None and not told["chargers"]:
        raise ValidationError("Name chargers, or a site.")
    if told["site"] is not None:
        found = found.filter(site=told["site"])
    if told["chargers"]:
        named = {fold(identity) for identity in told["chargers"]}
        found = found.filter(identity_folded__in=named)
        missing = named - {charger.identity_folded for charger in found}
        if missing:
            raise ValidationError(f"There is no charger {', '.join(sorted(missing)[:5])}.")
    return list(found)
