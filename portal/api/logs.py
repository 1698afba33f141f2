"""`/logs/`: files in which chargers say what happened to them, asked for by the command `fetch_logs`."""

from __future__ import annotations

from django.http import HttpResponseRedirect
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request

from chargers import storage, uploads
from chargers.models import Upload
from portal.api.filters import Identity, Moment, SinceAny
from portal.api.pagination import orderings
from portal.api.problems import Conflict
from portal.links import base_url

DOWNLOAD_S = 300
TO_FILE = {302: OpenApiResponse(description="To the file, by a link that holds a few minutes.")}


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
