"""`/firmware-images/`, `/firmware-campaigns/`, `/logs/`: firmware goes to chargers, logs come from them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Count, QuerySet
from django.http import HttpResponseRedirect
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from chargers import images, storage, uploads
from chargers.campaigns import care, rings
from chargers.models import Campaign, Charger, FirmwareImage, Participant, Upload, fold
from portal.api.filters import Identity, Moment, RowId, SinceAny, Text
from portal.api.pagination import orderings
from portal.api.problems import Conflict
from portal.links import base_url

DOWNLOAD_S = 300
TO_FILE = {302: OpenApiResponse(description="To the file, by a link that holds a few minutes.")}


def _by(request: Request) -> AbstractBaseUser | None:
    return request.user if isinstance(request.user, AbstractBaseUser) else None


# -- images ----------------------------------------------------------------------------------------------------------


class ImageSerializer(serializers.ModelSerializer[FirmwareImage]):
    added_by = serializers.CharField(source="added_by.username", default=None, allow_null=True, read_only=True)

    class Meta:
        model = FirmwareImage
        fields = read_only_fields = (
            "id", "vendor", "model", "version", "file_name", "size_bytes", "sha256", "signature", "certificate",
            "notes", "added_by", "added_at",
        )  # fmt: skip


class NewImageSerializer(serializers.Serializer[FirmwareImage]):
    file = serializers.FileField(max_length=200)
    vendor = serializers.CharField(max_length=64, help_text="As the charger tells it.")
    model = serializers.CharField(max_length=64, help_text="As the charger tells it; * stands for anything.")
    version = serializers.CharField(max_length=64, help_text="As the charger tells it when it boots with it.")
    sha256 = serializers.CharField(max_length=95, required=False, default="", help_text="The file must have it.")
    signature = serializers.CharField(max_length=800, required=False, default="", help_text="Base64, of the file.")
    certificate = serializers.CharField(max_length=5500, required=False, default="", help_text="PEM, of the signer.")
    notes = serializers.CharField(max_length=5000, required=False, default="", allow_blank=True)


class ImageFilter(filters.FilterSet):
    vendor = Text()
    model = Text()
    version = Text()


@extend_schema_view(
    list=extend_schema(operation_id="listFirmwareImages", summary="List firmware images"),
    retrieve=extend_schema(operation_id="getFirmwareImage", summary="One firmware image"),
    destroy=extend_schema(operation_id="deleteFirmwareImage", summary="Delete an image; 409 if a campaign has it"),
)
class FirmwareImages(viewsets.ReadOnlyModelViewSet[FirmwareImage], mixins.DestroyModelMixin):
    queryset = FirmwareImage.objects.select_related("added_by")
    serializer_class = ImageSerializer
    filterset_class = ImageFilter
    orderings = orderings("-added_at", added_at="added_at")
    lookup_value_converter = "int"

    def get_parsers(self) -> list[Any]:
        return [MultiPartParser()] if self.request and self.request.method == "POST" else super().get_parsers()

    @extend_schema(
        operation_id="addFirmwareImage",
        summary="Add a firmware image",
        request={"multipart/form-data": NewImageSerializer},
        responses={201: ImageSerializer},
    )
    def create(self, request: Request) -> Response:
        asked = NewImageSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        told: dict[str, Any] = dict(asked.validated_data)
        file = told.pop("file")
        try:
            image = images.add(images.Label(**told), file.name, file.chunks(), by=_by(request), at=timezone.now())
        except images.Unfit as error:
            raise ValidationError({error.field: str(error)}) from error
        except storage.TooLarge as error:
            raise ValidationError({"file": str(error)}) from error
        return Response(ImageSerializer(image).data, status=201)

    def perform_destroy(self, instance: FirmwareImage) -> None:
        try:
            images.delete(instance)
        except images.Unfit as error:
            raise Conflict(str(error)) from error


# -- campaigns -------------------------------------------------------------------------------------------------------


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
            campaign = care.start(image, chosen, by=_by(request), at=timezone.now(), **rules)
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


# -- logs ------------------------------------------------------------------------------------------------------------


class LogSerializer(serializers.ModelSerializer[Upload]):
    charger = serializers.CharField(source="charger.identity", read_only=True)

    class Meta:
        model = Upload
        fields = read_only_fields = (
            "id", "charger", "command", "kind", "state", "problem", "told_name", "content", "size_bytes", "asked_at",
            "expires_at", "received_at",
        )  # fmt: skip
        extra_kwargs = {
            "command": {"help_text": 'The order "fetch_logs" that asked for it.'},
            "told_name": {"help_text": "What the charger calls it."},
            "problem": {"help_text": "For people: why it failed."},
        }


class LogFilter(filters.FilterSet):
    charger = Identity()
    state = filters.ChoiceFilter(choices=Upload.State.choices)
    since = Moment(field_name="asked_at", lookup_expr="gte", help_text="Asked for at or after.")
    until = Moment(field_name="asked_at", lookup_expr="lt", help_text="Asked for before.")
    updated_since = SinceAny("asked_at", "received_at", help_text="Asked for or received since.")


@extend_schema_view(
    list=extend_schema(
        operation_id="listLogs",
        summary="List logs that chargers were asked for",
        description='Ask by the command `{"verb": "fetch_logs"}`; without a `url` the charger leaves its log with us.',
    ),
    retrieve=extend_schema(operation_id="getLog", summary="One log and how far it is"),
    destroy=extend_schema(operation_id="deleteLog", summary="Delete a log, file and all"),
)
class Logs(viewsets.ReadOnlyModelViewSet[Upload], mixins.DestroyModelMixin):
    queryset = Upload.objects.select_related("charger")
    serializer_class = LogSerializer
    filterset_class = LogFilter
    orderings = orderings("-asked_at", asked_at="asked_at")
    lookup_value_converter = "int"

    def perform_destroy(self, instance: Upload) -> None:
        uploads.delete(instance)

    @extend_schema(operation_id="downloadLog", summary="Fetch the file of a log", responses=TO_FILE)
    @action(detail=True, methods=["get"])
    def download(self, request: Request, pk: str) -> HttpResponseRedirect:
        found = self.get_object()
        if found.state != Upload.State.RECEIVED:
            raise Conflict(f"This log is {found.state}; there is no file.")
        called = f"log-{found.pk}"
        link = storage.storage().link(found.name, "get", for_s=DOWNLOAD_S, base_url=base_url(request), called=called)
        return HttpResponseRedirect(link)
