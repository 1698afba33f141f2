"""`/firmware-images/`: what can be sent to chargers."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from chargers import images, storage
from chargers.models import FirmwareImage
from portal.api.authentication import person
from portal.api.filters import Text
from portal.api.pagination import orderings
from portal.api.problems import Conflict


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
            image = images.add(images.Label(**told), file.name, file.chunks(), by=person(request), at=timezone.now())
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
