"""`/chargers/{identity}/password/`: a new password for a charger whose old one is lost or known."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as InvalidValue
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chargers import credentials
from portal.api.chargers import find_charger


class PasswordSerializer(serializers.Serializer[Any]):
    password = serializers.CharField(
        max_length=64, trim_whitespace=False, required=False, help_text="Left out, we make one."
    )


class NewPasswordSerializer(serializers.Serializer[Any]):
    identity = serializers.CharField()
    password = serializers.CharField(help_text="In the clear, this once.")


class ChargerPassword(APIView):
    @extend_schema(
        operation_id="setChargerPassword",
        summary="Give a charger a new password",
        description="Only our side changes: set it in the charger too. Its open connection lives on.",
        request=PasswordSerializer,
        responses=NewPasswordSerializer,
    )
    def post(self, request: Request, identity: str) -> Response:
        charger = find_charger(identity)
        asked = PasswordSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        password = asked.validated_data.get("password")
        try:
            if password is None:
                password = credentials.issue_password(charger)
            else:
                credentials.set_password(charger, password)
        except InvalidValue as error:
            raise ValidationError(serializers.as_serializer_error(error)) from None
        return Response({"identity": charger.identity, "password": password})
