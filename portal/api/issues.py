"""`/issues/`: what is wrong, and what people and systems do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.authentication import person
from portal.api.filters import Identity, Moment, RowId, SinceAny, YesNo
from portal.api.pagination import orderings
from portal.api.problems import Conflict
from portal.issues import care
from portal.issues.models import Issue, Note, Severity
from portal.issues.models.issue import awake
from portal.issues.rules import RULES
from portal.issues.rules.faults import fault_of


class NoteSerializer(serializers.ModelSerializer[Note]):
    by = serializers.CharField(source="by.username", default=None, allow_null=True, read_only=True)

    class Meta:
        model = Note
        fields = read_only_fields = ("at", "by", "kind", "text")


class EvidenceSerializer(serializers.Serializer[Any]):
    at = serializers.CharField(help_text="ISO 8601; empty if it has no time.")
    text = serializers.CharField()
    exchange = serializers.IntegerField(required=False)
    session = serializers.IntegerField(required=False)
    command = serializers.CharField(required=False)


class IssueSerializer(serializers.ModelSerializer[Issue]):
    charger = serializers.CharField(source="charger.identity", default=None, allow_null=True, read_only=True)
    site = serializers.SerializerMethodField(help_text="Of the charger, or the site itself; null for the whole yard.")
    severity = serializers.CharField(source="get_severity_display", read_only=True, help_text="critical, major, minor")
    assigned_to = serializers.CharField(source="assigned_to.username", default=None, allow_null=True, read_only=True)
    first_step = serializers.SerializerMethodField()
    who = serializers.SerializerMethodField(help_text="Who can mend it.")

    class Meta:
        model = Issue
        fields: tuple[str, ...] = (
            "id", "rule", "severity", "title", "charger", "site", "evse_id", "session", "first_step", "who", "times",
            "opened_at", "seen_at", "closed_at", "close_reason", "acknowledged_at", "assigned_to", "snoozed_until",
            "stepped_at", "step",
        )  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "evse_id": {"help_text": "0: the charger as a whole."},
            "seen_at": {"help_text": "When its condition was last found."},
            "step": {"help_text": "The command that was given by itself."},
            "stepped_at": {"help_text": "When the yard did the first step by itself; null: it did not."},
            "times": {"help_text": "How often it has come back."},
        }

    def get_site(self, issue: Issue) -> int | None:
        return issue.site_id or (issue.charger.site_id if issue.charger else None)

    def get_first_step(self, issue: Issue) -> str:
        fault, rule = fault_of(issue), RULES.get(issue.rule)
        return fault.first_step if fault else rule.first_step if rule else ""

    def get_who(self, issue: Issue) -> str:
        fault, rule = fault_of(issue), RULES.get(issue.rule)
        return fault.who if fault else rule.who if rule else ""


class IssueDetailSerializer(IssueSerializer):
    evidence = EvidenceSerializer(many=True, read_only=True)
    notes = NoteSerializer(many=True, read_only=True)

    class Meta(IssueSerializer.Meta):
        fields = (*IssueSerializer.Meta.fields, "evidence", "notes")
        read_only_fields = fields


class AssigneeSerializer(serializers.Serializer[Any]):
    to = serializers.CharField(allow_null=True, help_text="User name of one of the staff; null for nobody.")


class SnoozeSerializer(serializers.Serializer[Any]):
    until = serializers.DateTimeField(allow_null=True, help_text="Null wakes it.")


class RemarkSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=care.LONGEST_COMMENT)


class IssueFilter(filters.FilterSet):
    charger = Identity()
    site = RowId(method="filter_site")
    rule = filters.ChoiceFilter(choices=[(name, rule.title) for name, rule in RULES.items()])
    severity = filters.ChoiceFilter(
        choices=[(level.label, level.label) for level in Severity], method="filter_severity"
    )
    open = YesNo(field_name="closed_at", lookup_expr="isnull")
    waiting = YesNo(method="filter_waiting", help_text="Open, and not snoozed.")
    since = Moment(field_name="opened_at", lookup_expr="gte", help_text="Opened at or after.")
    until = Moment(field_name="opened_at", lookup_expr="lt", help_text="Opened before.")
    updated_since = SinceAny("opened_at", "closed_at", "acknowledged_at", help_text="Opened, closed or seen since.")

    def filter_site(self, queryset: QuerySet[Issue], name: str, value: int) -> QuerySet[Issue]:
        return queryset.filter(Q(site=value) | Q(charger__site=value))

    def filter_severity(self, queryset: QuerySet[Issue], name: str, value: str) -> QuerySet[Issue]:
        return queryset.filter(severity=next(level for level in Severity if str(level.label) == value))

    def filter_waiting(self, queryset: QuerySet[Issue], name: str, value: bool) -> QuerySet[Issue]:
        condition = awake(timezone.now())
        return queryset.filter(condition) if value else queryset.exclude(condition)


@extend_schema_view(
    list=extend_schema(operation_id="listIssues", summary="List issues, the latest first", responses=IssueSerializer),
    retrieve=extend_schema(operation_id="getIssue", summary="One issue with its evidence and its history"),
)
class Issues(viewsets.ReadOnlyModelViewSet[Issue]):
    queryset = Issue.objects.select_related("charger", "assigned_to").prefetch_related("notes__by")
    serializer_class = IssueDetailSerializer
    filterset_class = IssueFilter
    orderings = orderings("-opened_at", opened_at="opened_at", severity="severity")
    lookup_value_converter = "int"

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Issue]]:
        return IssueSerializer if self.action == "list" else IssueDetailSerializer

    @extend_schema(operation_id="acknowledgeIssue", summary="Say that somebody looks after it", request=None)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        return self._done(lambda by: care.acknowledge(int(pk), by=by))

    @extend_schema(operation_id="assignIssue", summary="Give it to somebody", request=AssigneeSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str) -> Response:
        name = self._asked(AssigneeSerializer)["to"]
        to = None
        if name is not None:
            to = get_user_model().objects.filter(username=name, is_staff=True, is_active=True).first()
            if to is None:
                raise ValidationError({"to": f"There is no {name!r} among the staff."})
        return self._done(lambda by: care.assign(int(pk), to, by=by))

    @extend_schema(operation_id="snoozeIssue", summary="Put it off, or wake it", request=SnoozeSerializer)
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, pk: str) -> Response:
        until = self._asked(SnoozeSerializer)["until"]
        return self._done(lambda by: care.snooze(int(pk), until, by=by))

    @extend_schema(operation_id="commentIssue", summary="Add a comment", request=RemarkSerializer)
    @action(detail=True, methods=["post"])
    def comment(self, request: Request, pk: str) -> Response:
        text = self._asked(RemarkSerializer)["text"]
        return self._done(lambda by: care.comment(int(pk), text, by=by))

    @extend_schema(
        operation_id="closeIssue",
        summary="Close it by hand, with a reason",
        description="It is not opened again while its condition lasts. Left alone, it closes once that is proven gone.",
        request=RemarkSerializer,
    )
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str) -> Response:
        text = self._asked(RemarkSerializer)["text"]
        return self._done(lambda by: care.close(int(pk), text, by=by))

    def _asked(self, kind: type[serializers.Serializer[Any]]) -> Any:
        asked = kind(data=self.request.data)
        asked.is_valid(raise_exception=True)
        return asked.validated_data

    def _done(self, doing: Callable[[AbstractBaseUser | None], Issue]) -> Response:
        """The issue after the act; 409 if it closed meanwhile."""
        found = self.get_object()
        by = person(self.request)
        try:
            doing(by)
        except care.AlreadyClosed as closed:
            raise Conflict(str(closed)) from None
        return Response(IssueDetailSerializer(self.queryset.get(pk=found.pk)).data)
