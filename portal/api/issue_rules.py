"""`/issue-rules/`: what looks for issues, how patient it is, and what the yard may do by itself about what it finds."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.pagination import orderings
from portal.issues import care, watch
from portal.issues.first_steps import STEPS
from portal.issues.models import RuleSetting
from portal.issues.rule import Rule
from portal.issues.rules import RULES

LONGEST_S = 365 * 86_400


class IssueRuleSerializer(serializers.ModelSerializer[RuleSetting]):
    name = serializers.CharField(source="rule", read_only=True)
    title = serializers.SerializerMethodField()
    severity = serializers.SerializerMethodField(help_text="critical, major or minor; a finding may be graver.")
    is_on = serializers.BooleanField(required=False, help_text="Off: its open issues are closed.")
    patience_s = serializers.IntegerField(
        min_value=0, max_value=LONGEST_S, allow_null=True, required=False, help_text="Null: the rule's own."
    )
    own_patience_s = serializers.SerializerMethodField()
    opens_when = serializers.SerializerMethodField(help_text="For longer than its patience.")
    first_step = serializers.SerializerMethodField(help_text="For whoever opens an issue of it.")
    who = serializers.SerializerMethodField(help_text="Who can mend it.")
    step = serializers.ChoiceField(
        choices=[("", "nothing"), *((name, name) for name in STEPS)],
        required=False,
        help_text="What is done by itself, once for each issue; empty, as it is at first: nothing.",
    )
    steps = serializers.SerializerMethodField(help_text="What may be chosen as `step`.")

    class Meta:
        model = RuleSetting
        fields = (
            "name", "title", "severity", "is_on", "patience_s", "own_patience_s", "opens_when", "first_step", "who",
            "step", "steps",
        )  # fmt: skip

    def get_title(self, setting: RuleSetting) -> str:
        return self._rule(setting).title

    def get_severity(self, setting: RuleSetting) -> str:
        return str(self._rule(setting).severity.label)

    def get_own_patience_s(self, setting: RuleSetting) -> int:
        return round(self._rule(setting).patience.total_seconds())

    def get_opens_when(self, setting: RuleSetting) -> str:
        return self._rule(setting).patience_means

    def get_first_step(self, setting: RuleSetting) -> str:
        return self._rule(setting).first_step

    def get_who(self, setting: RuleSetting) -> str:
        return self._rule(setting).who

    def get_steps(self, setting: RuleSetting) -> list[str]:
        return list(self._rule(setting).steps)

    def _rule(self, setting: RuleSetting) -> Rule:
        return RULES[setting.rule]


@extend_schema_view(
    list=extend_schema(operation_id="listIssueRules", summary="List the rules that look for issues"),
    retrieve=extend_schema(operation_id="getIssueRule", summary="One rule"),
)
class IssueRules(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[RuleSetting]):
    queryset = RuleSetting.objects.none()
    serializer_class = IssueRuleSerializer
    orderings = orderings("name", name="rule")
    lookup_field = "rule"
    lookup_url_kwarg = "name"

    def get_queryset(self) -> QuerySet[RuleSetting]:
        watch.decisions()  # a rule that is new in this release gets its row
        return RuleSetting.objects.filter(rule__in=RULES)

    @extend_schema(
        operation_id="updateIssueRule",
        summary="Switch a rule, set its patience, let the yard do the first step",
        description="A step is never taken where somebody could come to harm, whatever stands here.",
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        setting = self.get_object()
        told = IssueRuleSerializer(setting, data=request.data, partial=True)
        told.is_valid(raise_exception=True)
        now = {"is_on": setting.is_on, "patience_s": setting.patience_s, "step": setting.step}
        try:
            decided = care.decide(setting.rule, **{**now, **told.validated_data})
        except ValueError as error:
            raise ValidationError({"step": str(error)}) from error
        return Response(IssueRuleSerializer(decided).data)
