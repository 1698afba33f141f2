"""`/chargers/{identity}/commands/` and `/commands/`: orders to chargers, and what became of them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chargers import commands
from chargers.models import Command, CommandStatus
from portal.api.authentication import origin, person
from portal.api.chargers import find_charger
from portal.api.fields import JsonObject, Masked, MaskedObject
from portal.api.filters import Identity, Moment, SinceAny, Text
from portal.api.pagination import orderings
from portal.api.problems import Conflict
from portal.links import addressed

LONGEST_WAIT_S = 30 * 24 * 3600
LONGEST_KEY = 255


class CommandSerializer(serializers.ModelSerializer[Command]):
    charger = serializers.CharField(source="charger.identity", read_only=True)
    arguments = MaskedObject()
    payload = MaskedObject(help_text="After delivery: what went over the wire.")
    answer = Masked(
        allow_null=True, help_text="The charger's raw answer, or code, description and details of its CALLERROR."
    )
    late_answer = Masked(allow_null=True, help_text="An answer that came after we had given up.")
    requested_by = serializers.CharField(source="requested_by.username", default=None, allow_null=True, read_only=True)

    class Meta:
        model = Command
        fields = read_only_fields = (
            "id", "charger", "verb", "arguments", "action", "payload", "status", "answer", "explanation", "late_answer",
            "effect", "effect_at", "effect_text", "job", "requested_by", "requested_via", "created_at", "expires_at",
            "sent_at", "settled_at",
        )  # fmt: skip
        extra_kwargs = {
            "id": {"help_text": "Also the message id on the wire."},
            "explanation": {"help_text": "For people: why it failed."},
            "effect": {"help_text": "Whether what it accepted has happened: seen, not_seen, or empty (not known yet)."},
        }


class NewCommandSerializer(serializers.Serializer[Command]):
    """`action` with `payload`, as in the OCPP specification, or `verb` with `arguments`, the same for all versions."""

    action = serializers.RegexField(r"^[A-Za-z][A-Za-z0-9]*$", max_length=64, required=False, help_text='E.g. "Reset".')
    payload = JsonObject(required=False)
    verb = serializers.RegexField(r"^[a-z][a-z_]*$", max_length=40, required=False, help_text='E.g. "reset".')
    arguments = JsonObject(required=False)
    ttl_s = serializers.IntegerField(
        min_value=1, max_value=LONGEST_WAIT_S, required=False, help_text="How long it may wait for the charger."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("action" in attrs) == ("verb" in attrs):
            raise ValidationError('Give either "action" (with "payload") or "verb" (with "arguments").')
        stray = "arguments" if "action" in attrs else "payload"
        if stray in attrs:
            raise ValidationError({stray: 'An action has a "payload", a verb has "arguments".'})
        return attrs


class CommandFilter(filters.FilterSet):
    status = filters.MultipleChoiceFilter(choices=CommandStatus.choices, help_text="May be repeated.")
    action = Text()
    verb = Text()
    since = Moment(field_name="created_at", lookup_expr="gte", help_text="Ordered at or after.")
    until = Moment(field_name="created_at", lookup_expr="lt", help_text="Ordered before.")
    updated_since = SinceAny("created_at", "sent_at", "settled_at", help_text="Ordered, sent or settled since.")


class FleetCommandFilter(CommandFilter):
    charger = Identity()


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Say it again with the same key and you get the same command; nothing is ordered twice. "
    "Per charger; 409 if the same key comes with another order.",
)
COMMANDS = Command.objects.select_related("charger", "requested_by")
EXAMPLES = [
    OpenApiExample("As in the specification", {"action": "Reset", "payload": {"type": "Soft"}}, request_only=True),
    OpenApiExample(
        "For any version of OCPP", {"verb": "reset", "arguments": {"kind": "soft"}, "ttl_s": 600}, request_only=True
    ),
]


@extend_schema_view(get=extend_schema(operation_id="listChargerCommands", summary="List the commands of a charger"))
class ChargerCommands(generics.ListAPIView[Command]):
    queryset = COMMANDS
    serializer_class = CommandSerializer
    filterset_class = CommandFilter
    orderings = orderings("-created_at", created_at="created_at")

    def get_queryset(self) -> QuerySet[Command]:
        return super().get_queryset().filter(charger=find_charger(self.kwargs["identity"]))

    @extend_schema(
        operation_id="sendCommand",
        summary="Order a charger to do something",
        description="The command is sent once the charger is online and has answered the one before; "
        "follow the `Location` for what becomes of it.",
        parameters=[IDEMPOTENCY_KEY],
        request=NewCommandSerializer,
        responses={202: CommandSerializer},
        examples=EXAMPLES,
    )
    def post(self, request: Request, identity: str) -> Response:
        charger = find_charger(identity)
        asked = NewCommandSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        order: dict[str, Any] = asked.validated_data
        if "verb" in order:
            order["arguments"] = addressed(request, order["verb"], order.get("arguments", {}))
        key = _idempotency_key(request)
        by = person(request)
        command = commands.request(charger, **order, by=by, via=origin(request), idempotency_key=key)
        if not _is_same_order(command, order):
            raise Conflict(f"The Idempotency-Key {key!r} was used for another order: {command.pk}.")
        location = reverse("api:command-detail", args=[command.pk])
        return Response(self.get_serializer(command).data, status=202, headers={"Location": location})


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (key.isascii() and key.isprintable() and 1 <= len(key) <= LONGEST_KEY):
        raise ValidationError({"Idempotency-Key": f"Expected 1 to {LONGEST_KEY} printable ASCII characters."})
    return key


def _is_same_order(command: Command, order: dict[str, Any]) -> bool:
    """Compared without passwords: a command that has been sent keeps none."""
    kept = {name: commands.masked(getattr(command, name)) for name in ("arguments", "payload")}
    asked = {name: commands.masked(order.get(name, {})) for name in ("arguments", "payload")}
    if "verb" in order:
        return (command.verb, kept["arguments"]) == (order["verb"], asked["arguments"])
    # A verb's command carries an action too, once it has been put into words.
    return (command.verb, command.action, kept["payload"]) == ("", order["action"], asked["payload"])


@extend_schema_view(
    list=extend_schema(operation_id="listCommands", summary="List the commands of all chargers"),
    retrieve=extend_schema(operation_id="getCommand", summary="One command and what became of it"),
)
class Commands(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Command]):
    queryset = COMMANDS
    serializer_class = CommandSerializer
    filterset_class = FleetCommandFilter
    orderings = orderings("-created_at", created_at="created_at")
    lookup_value_converter = "uuid"

    @extend_schema(
        operation_id="cancelCommand",
        summary="Withdraw a command that still waits",
        description="409 once it has been sent: it cannot be called back.",
        request=None,
        responses=CommandSerializer,
    )
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        command = self.get_object()
        is_withdrawn = commands.cancel(command)
        command.refresh_from_db(fields=["status", "settled_at"])
        if not is_withdrawn:
            raise Conflict(f"The command is {command.status}; only a pending one can be cancelled.")
        return Response(self.get_serializer(command).data)
