"""`/issue-channels/`: who is told of issues, by mail or webhook, and what became of each piece of news."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as Invalid
from django.core.validators import validate_email
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.validators import UniqueValidator
from rest_framework_api_key.models import APIKey

from chargers import outward
from chargers.sentences import in_english
from portal.api.filters import RowId
from portal.api.pagination import orderings
from portal.api.problems import Conflict
from portal.api.saving import OneOfAKind
from portal.issues import telling
from portal.issues.models import Channel, Severity, Telling

SEVERITIES = {in_english(level.label): level for level in Severity}


class SeverityField(serializers.ChoiceField):
    """A severity by its word."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=[(word, word) for word in SEVERITIES], **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        return SEVERITIES[super().to_internal_value(data)]

    def to_representation(self, value: Any) -> str:
        return in_english(Severity(value).label)


class IssueChannelSerializer(serializers.ModelSerializer[Channel]):
    name = serializers.CharField(max_length=80, validators=[UniqueValidator(Channel.objects.all())])
    worst_only = SeverityField(default=Severity.MAJOR, help_text="It hears of issues of this severity and worse.")
    secret = serializers.SerializerMethodField(
        help_text="Signs webhooks (Standard Webhooks); null for mail, and for accounts that may only look."
    )

    class Meta:
        model = Channel
        fields = ("id", "name", "kind", "address", "worst_only", "language", "is_on", "secret", "created_at")
        read_only_fields = ("id", "created_at")
        extra_kwargs = {
            "address": {"help_text": "A mailbox or a URL; see WEBHOOK_HOSTS for what may be called."},
            "language": {"help_text": "In which mails are written. Webhooks speak English."},
        }

    def get_secret(self, channel: Channel) -> str | None:
        request: Request | None = self.context.get("request")
        may_see = request is not None and (isinstance(request.auth, APIKey) or request.user.is_staff)
        return channel.secret if channel.kind == Channel.Kind.WEBHOOK and may_see else None

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = attrs.get("kind", self.instance.kind if self.instance else "")
        address = attrs.get("address", self.instance.address if self.instance else "").strip()
        try:
            if kind == Channel.Kind.MAIL:
                validate_email(address)
            else:
                outward.check(address, telling.webhook_hosts())
        except Invalid:
            raise ValidationError({"address": f"{address!r} is no mailbox; it looks like desk@example.com."}) from None
        except outward.Forbidden as error:
            raise ValidationError({"address": str(error)}) from error
        return {**attrs, "address": address}


class TellingSerializer(serializers.ModelSerializer[Telling]):
    class Meta:
        model = Telling
        fields = read_only_fields = (
            "id", "channel", "issue", "event", "status", "tries", "created_at", "due_at", "sent_at", "trouble",
        )  # fmt: skip
        extra_kwargs = {
            "id": {"help_text": "The `webhook-id`, the same at each try."},
            "issue": {"help_text": "Null for a test."},
            "due_at": {"help_text": "When it is tried next, while it is pending."},
            "trouble": {"help_text": "Why the last try failed; empty: it did not."},
        }


@extend_schema_view(
    list=extend_schema(operation_id="listIssueChannels", summary="List who is told of issues"),
    create=extend_schema(operation_id="createIssueChannel", summary="Tell somebody more of issues"),
    retrieve=extend_schema(operation_id="getIssueChannel", summary="One channel"),
    partial_update=extend_schema(operation_id="updateIssueChannel", summary="Change a channel, or switch it"),
    destroy=extend_schema(operation_id="deleteIssueChannel", summary="Remove a channel with what it was told"),
)
class IssueChannels(OneOfAKind[Channel], viewsets.ModelViewSet[Channel]):
    queryset = Channel.objects.all()
    serializer_class = IssueChannelSerializer
    orderings = orderings("name", name="name", created_at="created_at")
    lookup_value_converter = "int"
    http_method_names = ["get", "post", "patch", "delete", "head", "options"]

    @extend_schema(
        operation_id="testIssueChannel", summary="Send it something harmless", request=None,
        responses={202: TellingSerializer},
    )  # fmt: skip
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        return Response(TellingSerializer(telling.test(self.get_object())).data, status=status.HTTP_202_ACCEPTED)


class TellingFilter(filters.FilterSet):
    channel = RowId()
    issue = RowId()
    status = filters.ChoiceFilter(choices=Telling.Status.choices)


@extend_schema_view(
    list=extend_schema(operation_id="listTellings", summary="What was told to channels, the latest first"),
    retrieve=extend_schema(operation_id="getTelling", summary="One piece of news and what became of it"),
)
class Tellings(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Telling]):
    queryset = Telling.objects.all()
    serializer_class = TellingSerializer
    filterset_class = TellingFilter
    orderings = orderings("-created_at", created_at="created_at")
    lookup_value_converter = "uuid"

    @extend_schema(operation_id="tellAgain", summary="Try once more what was given up", request=None)
    @action(detail=True, methods=["post"])
    def again(self, request: Request, pk: str) -> Response:
        found = self.get_object()
        if found.status != Telling.Status.FAILED:
            raise Conflict(f"It was not given up: it is {found.get_status_display()}.")
        telling.again(found.pk)
        found.refresh_from_db()
        return Response(TellingSerializer(found).data)
