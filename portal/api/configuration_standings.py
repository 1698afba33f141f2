"""`/configuration-standings/`: how chargers stand to what they are to be set to."""

from __future__ import annotations

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets

from chargers.models import Standing
from chargers.models.desired import DRIFTED
from portal.api.filters import Identity, Moment, RowId, Text, YesNo
from portal.api.pagination import orderings


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
