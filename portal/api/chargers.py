"""`/chargers/`: the registry, and what each charger is doing now."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError as InvalidValue
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chargers import registration
from chargers.addresses import ocpp_url
from chargers.desired import due, templates
from chargers.models import Charger, Connector, Registration, SecurityProfile, Site, fold
from chargers.signals import charger_changed
from portal.api.filters import RowId, Search, SinceAny, Text, YesNo
from portal.api.pagination import orderings
from portal.api.problems import Conflict


class ConnectorSerializer(serializers.ModelSerializer[Connector]):
    class Meta:
        model = Connector
        fields = read_only_fields = (
            "evse_id", "connector_id", "status", "error_code", "vendor_error_code", "info", "status_at", "power_w",
        )  # fmt: skip
        extra_kwargs = {"evse_id": {"help_text": "OCPP 1.6: the connector's number. 0: the charger as a whole."}}


class TagNames(serializers.ListField):
    """The tags of a charger by their names."""

    child = serializers.CharField(max_length=40)

    def to_representation(self, data: Any) -> list[str]:
        return [tag.name for tag in data.all()]


class ChargerSerializer(serializers.ModelSerializer[Charger]):
    site = serializers.PrimaryKeyRelatedField(queryset=Site.objects.all(), allow_null=True, required=False)
    security_profile = serializers.ChoiceField(choices=SecurityProfile.choices, required=False)
    ocpp_version = serializers.CharField(
        read_only=True, help_text='Last spoken, e.g. "1.6"; empty before its first dial.'
    )
    has_password = serializers.BooleanField(source="password_hash", read_only=True)
    connectors = ConnectorSerializer(many=True, read_only=True)
    tags = TagNames(required=False, help_text="Words by which chargers are found and templates assigned.")
    confirm_lower_security = serializers.BooleanField(
        write_only=True,
        required=False,
        help_text="Must be true to lower `security_profile`: whoever could not come in before might then.",
    )

    class Meta:
        model = Charger
        read_only_fields: tuple[str, ...] = (
            "has_password", "vendor", "model", "serial_number", "firmware_version", "iccid", "imsi", "ocpp_version",
            "is_online", "is_booted", "remote_address", "connected_at", "disconnected_at", "last_heard_at",
            "last_heartbeat_at", "booted_at", "clock_offset_s", "firmware_status", "diagnostics_status",
            "local_list_version", "connectors", "created_at",
        )  # fmt: skip
        fields: tuple[str, ...] = (
            "identity", "name", "site", "tags", "registration", "security_profile", "assumed_subprotocol", "is_strict",
            "confirm_lower_security",
            *read_only_fields,
        )  # fmt: skip
        extra_kwargs = {
            "identity": {"read_only": True},
            "clock_offset_s": {"help_text": "Its clock minus ours, in seconds."},
            "is_strict": {"help_text": "Its mistakes are refused instead of put right: for certification."},
            "assumed_subprotocol": {
                "help_text": "Where its handshake names none, or misspells it. Empty: it is refused."
            },
            "is_booted": {"help_text": "A boot of it was accepted; it takes commands."},
        }

    def update(self, instance: Charger, validated_data: dict[str, Any]) -> Charger:
        names = validated_data.pop("tags", None)
        charger = super().update(instance, validated_data)
        if names is not None:
            templates.tag(charger, names)
        due.note({charger.pk})  # another site may want other settings
        return charger

    def validate_security_profile(self, profile: int) -> int:
        if profile in registration.WITH_PASSWORD and self.instance is not None and not self.instance.password_hash:
            raise ValidationError(f"Profile {profile} needs a password, and it has none; POST to its password/ first.")
        return profile

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_confirmed = attrs.pop("confirm_lower_security", False)
        asked = self.instance.security_profile if self.instance is not None else SecurityProfile.NONE
        if attrs.get("security_profile", asked) < asked and not is_confirmed:
            raise ValidationError(
                {
                    "security_profile": f"From {asked} down to {attrs['security_profile']} is never done by accident; "
                    "send confirm_lower_security: true with it."
                }
            )
        return attrs


class NewChargerSerializer(serializers.Serializer[Charger]):
    identity = serializers.CharField(max_length=128, trim_whitespace=False, help_text="The last part of its OCPP URL.")
    security_profile = serializers.ChoiceField(choices=SecurityProfile.choices, default=SecurityProfile.BASIC)
    password = serializers.CharField(
        max_length=64, trim_whitespace=False, required=False, help_text="Left out, we make one."
    )
    name = serializers.CharField(max_length=120, allow_blank=True, default="")
    site = serializers.PrimaryKeyRelatedField(queryset=Site.objects.all(), allow_null=True, default=None)
    registration = serializers.ChoiceField(choices=Registration.choices, default=Registration.ACCEPTED)
    is_strict = serializers.BooleanField(default=False, help_text="Its mistakes are refused: for certification.")


class RegisteredChargerSerializer(ChargerSerializer):
    password = serializers.CharField(allow_null=True, help_text="In the clear, this once. Null: profile without one.")
    ocpp_url = serializers.CharField(help_text="What to set in the charger.")

    class Meta(ChargerSerializer.Meta):
        fields = (*ChargerSerializer.Meta.fields, "password", "ocpp_url")


class ChargerFilter(filters.FilterSet):
    is_online = YesNo()
    vendor = Text()
    model = Text()
    firmware_version = Text(lookup_expr="exact")
    ocpp_version = Text(method="filter_ocpp_version", help_text='"1.6", "2.0.1" or "2.1".')
    registration = filters.ChoiceFilter(choices=Registration.choices)
    site = RowId(field_name="site_id")
    tag = Text(field_name="tags__name", help_text="The whole word, ignoring case.")
    search = Search(
        "identity", "name", "vendor", "model", "serial_number", "site__name",
        help_text="Part of identity, name, vendor, model, serial number or site.",
    )  # fmt: skip
    updated_since = SinceAny(
        "created_at", "connected_at", "disconnected_at", "last_heard_at",
        help_text="Registered, connected, heard or disconnected since.",
    )  # fmt: skip

    def filter_ocpp_version(self, queryset: QuerySet[Charger], name: str, value: str) -> QuerySet[Charger]:
        return queryset.filter(subprotocol=f"ocpp{value.removeprefix('ocpp')}")


def find_charger(identity: str) -> Charger:
    """By identity, ignoring case. Raises NotFound, also for what no database can hold."""
    charger = None if "\0" in identity else Charger.objects.filter(identity_folded=fold(identity)).first()
    if charger is None:
        raise NotFound(f"There is no charger {identity!r}.")
    return charger


@extend_schema_view(
    list=extend_schema(operation_id="listChargers", summary="List chargers"),
    retrieve=extend_schema(operation_id="getCharger", summary="One charger, its connectors and its connection"),
    partial_update=extend_schema(operation_id="updateCharger", summary="Change what staff decide about a charger"),
    destroy=extend_schema(
        operation_id="deleteCharger",
        summary="Remove a charger and its log",
        description="409 if it has sessions: they are accounts. Set `registration` to `rejected` instead.",
    ),
)
class Chargers(
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[Charger],
):
    queryset = Charger.objects.prefetch_related("connectors", "tags")
    serializer_class = ChargerSerializer
    filterset_class = ChargerFilter
    orderings = orderings("identity", identity="identity_folded", created_at="created_at")
    lookup_field = "identity"
    lookup_value_converter = "str"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def get_object(self) -> Charger:
        return find_charger(self.kwargs["identity"])

    @extend_schema(
        operation_id="registerCharger",
        summary="Register a charger",
        description="Answers with its password in the clear, this once. 409 if the identity is taken.",
        request=NewChargerSerializer,
        responses={201: RegisteredChargerSerializer},
    )
    def create(self, request: Request) -> Response:
        asked = NewChargerSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        charger, password = _register(**asked.validated_data)
        base_url = settings.PUBLIC_URL or request.build_absolute_uri("/")
        body = {
            **self.get_serializer(charger).data,
            "password": password,
            "ocpp_url": ocpp_url(charger.identity, base_url),
        }
        location = reverse("api:charger-detail", args=[charger.identity])
        return Response(body, status=201, headers={"Location": location})

    @transaction.atomic
    def perform_update(self, serializer: serializers.BaseSerializer[Charger]) -> None:
        charger = serializer.save()
        transaction.on_commit(lambda: charger_changed.send_robust(sender=Charger, charger_ids={charger.pk}))

    @transaction.atomic
    def perform_destroy(self, instance: Charger) -> None:
        charger_ids = {instance.pk}
        instance.delete()
        transaction.on_commit(lambda: charger_changed.send_robust(sender=Charger, charger_ids=charger_ids))


def _register(*, identity: str, **more: Any) -> tuple[Charger, str | None]:
    if Charger.objects.filter(identity_folded=fold(identity)).exists():
        raise Conflict(f"There is already a charger {identity!r}; identities are compared ignoring case.")
    try:
        return registration.register(identity, **more)
    except InvalidValue as error:
        raise ValidationError(serializers.as_serializer_error(error)) from None
