"""`/configuration-templates/`: what chargers are to be set to."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as InvalidValue
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chargers.desired import rollouts, templates
from chargers.models import Charger, SettingTemplate, Site, TemplateValue, fold
from chargers.models.desired import PATH_LENGTH
from portal.api.authentication import origin, person
from portal.api.chargers import TagNames
from portal.api.configuration_rollouts import RolloutSerializer, started
from portal.api.filters import Text
from portal.api.pagination import orderings
from portal.api.problems import Conflict
from portal.api.saving import OneOfAKind

MOST_VALUES = 500


class ValueSerializer(serializers.ModelSerializer[TemplateValue]):
    path = serializers.CharField(
        max_length=PATH_LENGTH, help_text="A key of 1.6, or Component.Variable as the charger's page shows it."
    )

    class Meta:
        model = TemplateValue
        fields = ("dialect", "path", "value")
        extra_kwargs = {"dialect": {"help_text": "key: of OCPP 1.6, variable: of 2.x"}}


class Identities(serializers.ListField):
    """Chargers by their identities."""

    child = serializers.CharField(max_length=128)

    def to_representation(self, data: Any) -> list[str]:
        return [charger.identity for charger in data.all()]

    def to_internal_value(self, data: Any) -> list[Charger]:
        names = super().to_internal_value(data)
        known = {row.identity_folded: row for row in Charger.objects.filter(identity_folded__in=map(fold, names))}
        if missing := next((name for name in names if fold(name) not in known), None):
            raise ValidationError(f"There is no charger {missing!r}.")
        return list(known.values())


class TemplateSerializer(serializers.ModelSerializer[SettingTemplate]):
    values = ValueSerializer(many=True)
    sites = serializers.PrimaryKeyRelatedField(queryset=Site.objects.all(), many=True, required=False)
    tags = TagNames(required=False)
    chargers = Identities(required=False)

    class Meta:
        model = SettingTemplate
        read_only_fields = ("id", "created_at", "changed_at")
        fields = (
            "id", "name", "notes", "vendor", "model", "firmware", "priority", "restarts", "is_for_all", "sites", "tags",
            "chargers", "values", "created_at", "changed_at",
        )  # fmt: skip
        extra_kwargs = {
            "vendor": {"help_text": "Empty: any. May hold * and ?; so may model and firmware."},
            "priority": {"help_text": "Of two that want the same setting the larger one has its way."},
        }

    def validate_values(self, values: list[dict[str, str]]) -> list[dict[str, str]]:
        if not 1 <= len(values) <= MOST_VALUES:
            raise ValidationError(f"A template has 1 to {MOST_VALUES} settings; {len(values)} were given.")
        return values

    def create(self, validated_data: dict[str, Any]) -> SettingTemplate:
        return self._save(SettingTemplate(), validated_data)

    def update(self, instance: SettingTemplate, validated_data: dict[str, Any]) -> SettingTemplate:
        return self._save(instance, validated_data)

    def _save(self, row: SettingTemplate, data: dict[str, Any]) -> SettingTemplate:
        values = data.pop("values", None)
        reach: dict[str, Any] = {name: data.pop(name) for name in ("sites", "chargers") if name in data}
        if "tags" in data:
            reach["tags"] = templates.tags(data.pop("tags"))
        for name, value in data.items():
            setattr(row, name, value)
        told = None if values is None else [(each["dialect"], each["path"], each.get("value", "")) for each in values]
        try:
            return templates.save(row, values=told, reach=reach, by=person(self.context["request"]))
        except InvalidValue as error:
            raise ValidationError({"values": error.messages}) from None


class ApplySerializer(serializers.Serializer[Any]):
    parallel = serializers.IntegerField(
        min_value=1, max_value=rollouts.MOST_PARALLEL, default=10, help_text="Chargers at once."
    )


class TemplateFilter(filters.FilterSet):
    name = Text()


@extend_schema_view(
    list=extend_schema(operation_id="listConfigurationTemplates", summary="List templates of settings"),
    create=extend_schema(operation_id="createConfigurationTemplate", summary="Add a template; nothing is written"),
    retrieve=extend_schema(operation_id="getConfigurationTemplate", summary="One template"),
    partial_update=extend_schema(operation_id="updateConfigurationTemplate", summary="Change a template"),
    destroy=extend_schema(
        operation_id="deleteConfigurationTemplate", summary="Want it no more; what chargers are set to stays"
    ),
)
class ConfigurationTemplates(OneOfAKind[SettingTemplate], viewsets.ModelViewSet[SettingTemplate]):
    queryset = SettingTemplate.objects.prefetch_related("values", "sites", "tags", "chargers")
    serializer_class = TemplateSerializer
    filterset_class = TemplateFilter
    orderings = orderings("name", name="name", created_at="created_at")
    lookup_value_converter = "int"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    def perform_destroy(self, instance: SettingTemplate) -> None:
        templates.delete(instance)

    @extend_schema(
        operation_id="applyConfigurationTemplate",
        summary="Write what it wants to all chargers that it reaches",
        description="Only what differs is written, see `/configuration-standings/?template=…`. 409 if nothing does.",
        request=ApplySerializer,
        responses={202: RolloutSerializer},
    )
    @action(detail=True, methods=["post"])
    def apply(self, request: Request, pk: str) -> Response:
        template = self.get_object()
        asked = ApplySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        rollouts.look_again(templates.reached(template), at=timezone.now())
        try:
            rollout = rollouts.start(
                template.name,
                template=template,
                parallel=asked.validated_data["parallel"],
                by=person(request),
                via=origin(request)[:20],
            )
        except ValueError as error:
            raise Conflict(str(error)) from None
        return started(rollout)
