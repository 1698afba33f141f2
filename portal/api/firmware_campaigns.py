"""`/firmware-campaigns/`: an image goes to many chargers, ring by ring."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chargers import images
from chargers.campaigns import care, rings
from chargers.models import Campaign, Charger, FirmwareImage, Participant, fold
from portal.api.authentication import person
from portal.api.filters import RowId
from portal.api.pagination import orderings
from portal.api.problems import Conflict
from portal.links import base_url

RULES = (
    "most_at_once", "most_per_site", "bytes_per_s", "window_from", "window_until", "only_idle", "soak_minutes",
    "needs_session", "session_patience_hours", "deadline_minutes", "halt_percent",
)  # fmt: skip
BOUNDS: dict[str, dict[str, Any]] = {
    "most_at_once": {"max_value": 10_000, "help_text": "0: no limit."},
    "most_per_site": {"max_value": 10_000, "help_text": "0: no limit."},
    "bytes_per_s": {
        "max_value": 10**12,
        "help_text": "So many go at once that each can have its file within 10 minutes. 0: no limit.",
    },
    "window_from": {"help_text": "Every day, in the time zone of the site."},
    "soak_minutes": {"max_value": 10_080},
    "session_patience_hours": {"min_value": 1, "max_value": 720},
    "deadline_minutes": {"min_value": 5, "max_value": 10_080},
    "halt_percent": {"max_value": 100, "help_text": "Of a ring failed: more than this halts the campaign."},
}


class RingSerializer(serializers.Serializer[Any]):
    ring = serializers.IntegerField()
    waiting = serializers.IntegerField()
    updating = serializers.IntegerField()
    soaking = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()
    cancelled = serializers.IntegerField()


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    rings = serializers.SerializerMethodField()
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True, read_only=True)

    class Meta:
        model = Campaign
        fields = read_only_fields = (
            "id", "title", "image", "status", "explanation", "rings", "chosen_by", *RULES, "created_by", "created_at",
            "settled_at",
        )  # fmt: skip
        extra_kwargs = BOUNDS

    @extend_schema_field(RingSerializer(many=True))
    def get_rings(self, campaign: Campaign) -> list[dict[str, int]]:
        told = campaign.participants.order_by().values_list("ring", "state").annotate(Count("pk"))
        found: dict[int, dict[str, int]] = {}
        for ring, state, count in told:
            found.setdefault(ring, {"ring": ring, **dict.fromkeys(Participant.State.values, 0)})[state] = count
        return [found[ring] for ring in sorted(found)]


class NewCampaignSerializer(serializers.ModelSerializer[Campaign]):
    image = serializers.PrimaryKeyRelatedField(queryset=FirmwareImage.objects.all())
    title = serializers.CharField(max_length=120, required=False, default="")
    ring_sizes = serializers.CharField(
        max_length=200, default=rings.DEFAULT, help_text="Numbers of chargers or shares of all: 1, 10 %, rest."
    )
    chargers = serializers.ListField(
        child=serializers.CharField(max_length=128),
        required=False,
        min_length=1,
        max_length=20_000,
        help_text="Identities; without them, all chargers of the image's vendor and model.",
    )

    class Meta:
        model = Campaign
        fields = ("image", "title", "ring_sizes", "chargers", *RULES)
        extra_kwargs = BOUNDS

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs.get("window_from") is None) != (attrs.get("window_until") is None):
            raise ValidationError({"window_until": "A window has a beginning and an end; give both or neither."})
        return attrs


class ParticipantSerializer(serializers.ModelSerializer[Participant]):
    charger = serializers.CharField(source="charger.identity", read_only=True)
    firmware_version = serializers.CharField(source="charger.firmware_version", read_only=True)

    class Meta:
        model = Participant
        fields = read_only_fields = (
            "charger", "ring", "state", "why", "attempts", "from_version", "firmware_version", "command", "ordered_at",
            "booted_at", "settled_at",
        )  # fmt: skip


class CampaignFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Campaign.Status.choices)
    image = RowId(field_name="image_id")


@extend_schema_view(
    list=extend_schema(operation_id="listFirmwareCampaigns", summary="List firmware campaigns"),
    retrieve=extend_schema(operation_id="getFirmwareCampaign", summary="One campaign and how far its rings are"),
)
class FirmwareCampaigns(viewsets.ReadOnlyModelViewSet[Campaign]):
    queryset = Campaign.objects.select_related("image", "created_by")
    serializer_class = CampaignSerializer
    filterset_class = CampaignFilter
    orderings = orderings("-created_at", created_at="created_at")
    lookup_value_converter = "int"

    @extend_schema(
        operation_id="startFirmwareCampaign",
        summary="Start a firmware campaign",
        description="The canary goes within seconds, if it is idle and its window is open.",
        request=NewCampaignSerializer,
        responses={201: CampaignSerializer},
    )
    def create(self, request: Request) -> Response:
        asked = NewCampaignSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rules: dict[str, Any] = dict(asked.validated_data)
        image: FirmwareImage = rules.pop("image")
        chosen = _chosen(image, rules.pop("chargers", None))
        rules["title"] = rules["title"] or str(image)
        rules["base_url"] = base_url(request)[:200]
        try:
            campaign = care.start(image, chosen, by=person(request), at=timezone.now(), **rules)
        except ValueError as error:
            raise ValidationError({"ring_sizes" if chosen else "chargers": str(error)}) from error
        return Response(CampaignSerializer(campaign).data, status=201)

    @extend_schema(operation_id="pauseFirmwareCampaign", summary="Let nobody else begin", request=None)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        return self._done(care.pause)

    @extend_schema(
        operation_id="resumeFirmwareCampaign", summary="Go on, also after a halt; failures are excused", request=None
    )
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        return self._done(care.resume)

    @extend_schema(operation_id="retryFirmwareCampaign", summary="Let those that failed try once more", request=None)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        return self._done(care.retry)

    @extend_schema(operation_id="cancelFirmwareCampaign", summary="End it; what has begun goes on", request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        return self._done(lambda campaign: care.cancel(campaign, at=timezone.now()))

    def _done(self, doing: Any) -> Response:
        """The campaign after the act; 409 if it is not in a state for it."""
        found = self.get_object()
        try:
            doing(found)
        except care.NotNow as error:
            raise Conflict(str(error)) from error
        return Response(CampaignSerializer(self.queryset.get(pk=found.pk)).data)


def _chosen(image: FirmwareImage, identities: list[str] | None) -> list[Charger]:
    """Raises ValidationError for a charger that there is not, or that the image is not for."""
    fitting = {charger.identity_folded: charger for charger in images.chargers_of(image)}
    if identities is None:
        return list(fitting.values())
    folded = {fold(identity): identity for identity in identities}
    if missing := [identity for key, identity in folded.items() if key not in fitting]:
        shown = ", ".join(repr(identity) for identity in missing[:5])
        raise ValidationError({"chargers": f"The image is for {image.vendor} {image.model}, which is not: {shown}."})
    return [fitting[key] for key in folded]


class ParticipantFilter(filters.FilterSet):
    state = filters.ChoiceFilter(choices=Participant.State.choices)
    ring = filters.NumberFilter(min_value=0, max_value=32767)


@extend_schema_view(
    list=extend_schema(operation_id="listFirmwareCampaignChargers", summary="List its chargers, and why each waits")
)
class CampaignChargers(mixins.ListModelMixin, viewsets.GenericViewSet[Participant]):
    queryset = Participant.objects.select_related("charger")
    serializer_class = ParticipantSerializer
    filterset_class = ParticipantFilter
    orderings = orderings("id", id="id", ring="ring")

    def get_queryset(self) -> QuerySet[Participant]:
        return super().get_queryset().filter(campaign=self.kwargs["pk"])
