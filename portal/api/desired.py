"""`/configuration-templates/`, `-standings/`, `-rollouts/`: what chargers are to be set to, how they stand to it, and
bringing them there."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chargers.desired import rollouts, templates
from chargers.models import Charger, Rollout, SettingTemplate, Site, Standing, TemplateValue, Write, fold
from chargers.models.desired import DRIFTED, PATH_LENGTH
from portal.api.authentication import origin, person
from portal.api.chargers import TagNames
from portal.api.filters import Identity, Moment, RowId, Text, YesNo
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


class StandingSerializer(serializers.ModelSerializer[Standing]):
    charger = serializers.CharField(source="charger.identity", read_only=True)

    class Meta:
        model = Standing
        fields = read_only_fields = (
            "id", "charger", "path", "wanted", "actual", "template", "source", "state", "reason", "why", "command",
            "agreed_at", "since", "read_at",
        )  # fmt: skip
        extra_kwargs = {
            "actual": {"help_text": "Null: not read yet, or the charger does not have it."},
            "source": {"help_text": "The template that decides it, or who else wants it."},
            "reason": {"help_text": "Why it differs: never applied, by an order of ours, firmware, at the charger."},
            "agreed_at": {"help_text": "It was last seen to be as wanted."},
        }


class WriteSerializer(serializers.ModelSerializer[Write]):
    charger = serializers.CharField(source="charger.identity", read_only=True)

    class Meta:
        model = Write
        fields = read_only_fields = (
            "id", "charger", "path", "value", "old_value", "read_value", "status", "times", "why", "command",
            "written_at", "settled_at",
        )  # fmt: skip
        extra_kwargs = {"old_value": {"help_text": "What was there before; null if that was not known."}}


class RolloutSerializer(serializers.ModelSerializer[Rollout]):
    requested_by = serializers.CharField(source="requested_by.username", default=None, allow_null=True, read_only=True)
    counts = serializers.SerializerMethodField(
        help_text="Settings: total, waiting, active, reboots, done, left, failed."
    )

    class Meta:
        model = Rollout
        fields = read_only_fields = (
            "id", "title", "template", "takes_back", "retry_of", "status", "restarts", "parallel", "requested_by",
            "requested_via", "created_at", "settled_at", "counts",
        )  # fmt: skip

    def get_counts(self, rollout: Rollout) -> dict[str, int]:
        names = ("total", "waiting", "active", "reboots", "done", "left", "failed")
        return {name: getattr(rollout, name) for name in names}


def counted(rollout: Rollout) -> Any:
    return RolloutSerializer(rollouts.counted(Rollout.objects.all()).get(pk=rollout.pk)).data


def started(rollout: Rollout) -> Response:
    location = reverse("api:configuration-rollout-detail", args=[rollout.pk])
    return Response(counted(rollout), status=202, headers={"Location": location})


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


class StandingFilter(filters.FilterSet):
    charger = Identity()
    template = RowId(field_name="template_id")
    site = RowId(field_name="charger__site_id")
    tag = Text(field_name="charger__tags__name")
    state = filters.MultipleChoiceFilter(choices=Standing.State.choices, help_text="May be repeated.")
    reason = filters.ChoiceFilter(choices=Standing.Reason.choices)
    is_drifted = YesNo(method="filter_drifted", help_text="It was as wanted, and is not any more.")
    since = Moment(field_name="since", lookup_expr="gte", help_text="In its state since then or later.")

    def filter_drifted(self, queryset: QuerySet[Standing], name: str, value: bool) -> QuerySet[Standing]:
        return queryset.filter(DRIFTED) if value else queryset.exclude(DRIFTED)


@extend_schema_view(
    list=extend_schema(
        operation_id="listConfigurationStandings", summary="How chargers stand to what is wanted of them"
    )
)
class ConfigurationStandings(mixins.ListModelMixin, viewsets.GenericViewSet[Standing]):
    queryset = Standing.objects.select_related("charger")
    serializer_class = StandingSerializer
    filterset_class = StandingFilter
    orderings = orderings("-since", since="since", charger="charger__identity_folded")


class RolloutFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Rollout.Status.choices)
    template = RowId(field_name="template_id")


@extend_schema_view(
    list=extend_schema(operation_id="listConfigurationRollouts", summary="List rollouts of settings"),
    retrieve=extend_schema(operation_id="getConfigurationRollout", summary="One rollout and its progress"),
)
class ConfigurationRollouts(viewsets.ReadOnlyModelViewSet[Rollout]):
    queryset = rollouts.counted(Rollout.objects.select_related("requested_by"))
    serializer_class = RolloutSerializer
    filterset_class = RolloutFilter
    orderings = orderings("-created_at", created_at="created_at")
    lookup_value_converter = "int"

    @extend_schema(
        operation_id="listConfigurationWrites",
        summary="What became of each setting",
        responses=WriteSerializer(many=True),
    )
    @action(detail=True, methods=["get"], filterset_class=None, pagination_class=None)
    def writes(self, request: Request, pk: str) -> Response:
        rows = self.get_object().writes.select_related("charger").order_by("charger__identity_folded", "path")
        return Response(WriteSerializer(rows, many=True).data)

    @extend_schema(operation_id="pauseConfigurationRollout", summary="Begin nothing more", request=None)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        return self._turned(rollouts.pause)

    @extend_schema(operation_id="resumeConfigurationRollout", summary="Go on", request=None)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        return self._turned(rollouts.resume)

    @extend_schema(operation_id="cancelConfigurationRollout", summary="Write nothing more", request=None)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        rollout = self.get_object()
        rollouts.cancel(rollout)
        return Response(counted(rollout))

    @extend_schema(
        operation_id="retryConfigurationRollout",
        summary="Once more what failed or was refused, as a rollout of its own",
        request=None,
        responses={202: RolloutSerializer},
    )
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        return self._followed(rollouts.retry, request)

    @extend_schema(
        operation_id="takeBackConfigurationRollout",
        summary="Write back what was there before",
        request=None,
        responses={202: RolloutSerializer},
    )
    @action(detail=True, methods=["post"], url_path="take-back")
    def take_back(self, request: Request, pk: str) -> Response:
        return self._followed(rollouts.take_back, request)

    def _turned(self, turn: Any) -> Response:
        rollout = self.get_object()
        if not turn(rollout):
            raise Conflict(f"The rollout is {rollout.status}.")
        return Response(counted(rollout))

    def _followed(self, doing: Any, request: Request) -> Response:
        try:
            return started(doing(self.get_object(), by=person(request), via=origin(request)[:20]))
        except ValueError as error:
            raise Conflict(str(error)) from None
