"""Below `/chargers/{identity}/`: what a charger told of itself, and holds by its own word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework_api_key.models import APIKey

from chargers.models import Alert, CustomerRecord, DisplayMessage, InstalledCertificate, Monitor
from portal.api.chargers import find_charger
from portal.api.filters import Moment, Text, YesNo
from portal.api.pagination import orderings
from portal.api.permissions import IsStaffOrHasApiKey

if TYPE_CHECKING:
    from rest_framework.views import APIView

Model = TypeVar("Model", bound=models.Model)


class OfCharger(generics.ListAPIView[Model]):
    """The rows of the charger in the path, by cursor; two queries, however many there are."""

    def get_queryset(self) -> QuerySet[Model]:
        rows: QuerySet[Model] = super().get_queryset().filter(charger=find_charger(self.kwargs["identity"]))
        return rows


class MonitorSerializer(serializers.ModelSerializer[Monitor]):
    class Meta:
        model = Monitor
        fields = read_only_fields = (
            "monitor_id", "path", "kind", "value", "severity", "only_in_session", "reported_at",
        )  # fmt: skip
        extra_kwargs = {
            "path": {"help_text": "Of the variable, as in its configuration."},
            "severity": {"help_text": "0 danger … 9 debug."},
        }


class MonitorFilter(filters.FilterSet):
    path = Text(lookup_expr="icontains", help_text="Part of it.")
    kind = filters.MultipleChoiceFilter(choices=Monitor.Kind.choices, help_text="May be repeated.")


@extend_schema_view(get=extend_schema(operation_id="listMonitors", summary="What a charger watches for us (OCPP 2.x)"))
class Monitors(OfCharger[Monitor]):
    queryset = Monitor.objects.all()
    serializer_class = MonitorSerializer
    filterset_class = MonitorFilter
    orderings = orderings("path", path="path", monitor_id="monitor_id", reported_at="reported_at")


class AlertSerializer(serializers.ModelSerializer[Alert]):
    class Meta:
        model = Alert
        fields = read_only_fields = (
            "id", "path", "value", "tech_code", "tech_info", "monitor_id", "severity", "device_time", "received_at",
            "cleared_at",
        )  # fmt: skip
        extra_kwargs = {
            "severity": {"help_text": "Of its monitor; null: we do not know that one."},
            "cleared_at": {"help_text": "Null: it has not taken it back."},
        }


class AlertFilter(filters.FilterSet):
    open = YesNo(field_name="cleared_at", lookup_expr="isnull", help_text="Not taken back.")
    since = Moment(field_name="received_at", lookup_expr="gte", help_text="Received at or after.")
    until = Moment(field_name="received_at", lookup_expr="lt", help_text="Received before.")


@extend_schema_view(get=extend_schema(operation_id="listAlerts", summary="What a charger raised about itself"))
class Alerts(OfCharger[Alert]):
    queryset = Alert.objects.all()
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    orderings = orderings("-received_at", received_at="received_at")


class DisplayMessageSerializer(serializers.ModelSerializer[DisplayMessage]):
    class Meta:
        model = DisplayMessage
        fields = read_only_fields = (
            "message_id", "content", "format", "language", "priority", "state", "starts_at", "ends_at",
            "transaction_id", "reported_at",
        )  # fmt: skip
        extra_kwargs = {
            "state": {"help_text": "Shown only then: charging, faulted, idle, unavailable; empty: always."},
            "transaction_id": {"help_text": "Shown during this session only; empty: to everybody."},
        }


@extend_schema_view(get=extend_schema(operation_id="listDisplayMessages", summary="The texts that a charger shows"))
class DisplayMessages(OfCharger[DisplayMessage]):
    queryset = DisplayMessage.objects.all()
    serializer_class = DisplayMessageSerializer
    orderings = orderings("message_id", message_id="message_id", reported_at="reported_at")


class CertificateSerializer(serializers.ModelSerializer[InstalledCertificate]):
    class Meta:
        model = InstalledCertificate
        fields = read_only_fields = (
            "kind", "hash_algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number", "reported_at",
        )  # fmt: skip
        extra_kwargs = {"serial_number": {"help_text": "Hexadecimal. These four name it in `delete_certificate`."}}


class CertificateFilter(filters.FilterSet):
    kind = filters.MultipleChoiceFilter(choices=InstalledCertificate.Kind.choices, help_text="May be repeated.")


@extend_schema_view(
    get=extend_schema(operation_id="listInstalledCertificates", summary="The certificates that a charger holds")
)
class Certificates(OfCharger[InstalledCertificate]):
    queryset = InstalledCertificate.objects.all()
    serializer_class = CertificateSerializer
    filterset_class = CertificateFilter
    orderings = orderings("kind", kind="kind", reported_at="reported_at")


class CustomerRecordSerializer(serializers.ModelSerializer[CustomerRecord]):
    class Meta:
        model = CustomerRecord
        fields = read_only_fields = ("request_id", "seq_no", "data", "received_at")
        extra_kwargs = {"request_id": {"help_text": "Of the order that asked: the `requestId` in its payload."}}


class CustomerRecordFilter(filters.FilterSet):
    request_id = filters.NumberFilter(min_value=-(2**63), max_value=2**63 - 1)


class ForStaff(IsStaffOrHasApiKey):
    message = "What chargers know of people is shown to staff and machines only."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, APIKey) or bool(request.user.is_authenticated and request.user.is_staff)


@extend_schema_view(
    get=extend_schema(
        operation_id="listCustomerRecords", summary="What a charger told of a customer", description="Personal data."
    )
)
class CustomerRecords(OfCharger[CustomerRecord]):
    permission_classes: Any = (ForStaff,)
    queryset = CustomerRecord.objects.all()
    serializer_class = CustomerRecordSerializer
    filterset_class = CustomerRecordFilter
    orderings = orderings("-received_at", received_at="received_at")
