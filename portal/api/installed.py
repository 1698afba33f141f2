"""Below `/chargers/{identity}/`: the profiles it holds, who else limits it, what its cars need, what it keeps free."""

from __future__ import annotations

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers

from portal.api.filters import Moment, Text
from portal.api.pagination import orderings
from portal.api.told import OfCharger
from sessions.models import Reservation
from smartcharging.models import ChargingNeeds, ExternalLimit, InstalledProfile

SCHEDULES = "Each with its `unit` (A or W) and `periods`, as in `set_profile`."


class ProfileSerializer(serializers.ModelSerializer[InstalledProfile]):
    schedules = serializers.ListField(child=serializers.DictField(), read_only=True, help_text=SCHEDULES)
    command = serializers.UUIDField(
        source="command_id", read_only=True, allow_null=True, help_text="The order that installed it; null: not ours."
    )

    class Meta:
        model = InstalledProfile
        fields = read_only_fields = (
            "profile_id", "evse_id", "stack_level", "purpose", "kind", "recurrency", "transaction_id", "valid_from",
            "valid_to", "schedules", "command", "installed_at",
        )  # fmt: skip
        extra_kwargs = {"evse_id": {"help_text": "0: the whole charger."}}


class ProfileFilter(filters.FilterSet):
    evse_id = filters.NumberFilter(min_value=0, max_value=2**31 - 1)
    purpose = Text(lookup_expr="exact", help_text="tx_default, tx, charger_max, …")
    transaction_id = Text(lookup_expr="exact")


@extend_schema_view(
    get=extend_schema(
        operation_id="listInstalledProfiles",
        summary="The charging profiles that a charger holds",
        description="What it confirmed, and what it told when asked (`list_profiles`).",
    )
)
class Profiles(OfCharger[InstalledProfile]):
    queryset = InstalledProfile.objects.all()
    serializer_class = ProfileSerializer
    filterset_class = ProfileFilter
    orderings = orderings("evse_id", evse_id="evse_id", installed_at="installed_at")


class ExternalLimitSerializer(serializers.ModelSerializer[ExternalLimit]):
    schedules = serializers.ListField(child=serializers.DictField(), read_only=True, help_text=SCHEDULES)

    class Meta:
        model = ExternalLimit
        fields = read_only_fields = ("evse_id", "source", "is_grid_critical", "schedules", "told_at")
        extra_kwargs = {"source": {"help_text": "EMS, SO (grid operator), CSO or Other."}}


@extend_schema_view(get=extend_schema(operation_id="listExternalLimits", summary="Who else limits a charger"))
class ExternalLimits(OfCharger[ExternalLimit]):
    queryset = ExternalLimit.objects.all()
    serializer_class = ExternalLimitSerializer
    orderings = orderings("evse_id", evse_id="evse_id", told_at="told_at")


class ChargingNeedsSerializer(serializers.ModelSerializer[ChargingNeeds]):
    session = serializers.IntegerField(source="session_id", read_only=True, allow_null=True)
    parameters = serializers.DictField(read_only=True, help_text="W, Wh, A, V and percent, as the car told them.")
    schedule = serializers.DictField(read_only=True, allow_null=True, help_text="How it means to charge.")

    class Meta:
        model = ChargingNeeds
        fields = read_only_fields = (
            "evse_id", "session", "energy_transfer", "energy_wh", "soc_percent", "departs_at", "parameters", "schedule",
            "told_at",
        )  # fmt: skip


@extend_schema_view(
    get=extend_schema(
        operation_id="listChargingNeeds", summary="What the car at each EVSE said it needs, last (ISO 15118)"
    )
)
class Needs(OfCharger[ChargingNeeds]):
    queryset = ChargingNeeds.objects.all()
    serializer_class = ChargingNeedsSerializer
    orderings = orderings("evse_id", evse_id="evse_id", told_at="told_at")


class ReservationSerializer(serializers.ModelSerializer[Reservation]):
    status = serializers.ChoiceField(
        choices=["accepted", "cancelled", "used", "expired"], read_only=True, help_text="accepted: it holds."
    )

    class Meta:
        model = Reservation
        fields = read_only_fields = ("reservation_id", "evse_id", "token_value", "expires_at", "status")
        extra_kwargs = {"evse_id": {"help_text": "0: any of them."}}


class ReservationFilter(filters.FilterSet):
    status = Text(lookup_expr="exact", help_text="accepted, cancelled, used or expired.")
    token = Text(field_name="token_value")
    since = Moment(field_name="expires_at", lookup_expr="gte", help_text="Expiring at or after.")


@extend_schema_view(
    get=extend_schema(operation_id="listReservations", summary="What a charger keeps free, and has kept, for whom")
)
class Reservations(OfCharger[Reservation]):
    queryset = Reservation.objects.all()
    serializer_class = ReservationSerializer
    filterset_class = ReservationFilter
    orderings = orderings("-expires_at", expires_at="expires_at")
