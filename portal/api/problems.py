"""Every error of the REST interface as `application/problem+json` (RFC 9457), with a ``code`` to program against."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.db.models import ProtectedError
from django.http import Http404
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import ExceptionHandler
from drf_standardized_errors.types import Error, ErrorResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.response import Response

MEDIA_TYPE = "application/problem+json"


class Conflict(APIException):
    """The request is fine, the state of the resource is not."""

    status_code = 409
    default_code = "conflict"
    default_detail = "The resource is in a state that does not allow this."


class ProblemFormatter(ExceptionFormatter):
    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        """``errors`` lists the wrong fields; other problems have none, their ``detail`` says it all."""
        found = error_response.errors
        is_about_fields = isinstance(self.exc, ValidationError)
        return {
            "type": "about:blank",  # so `title` is the status in words; `code` tells the kinds apart
            "title": HTTPStatus(self.exc.status_code).phrase,
            "status": self.exc.status_code,
            "code": "validation_error" if is_about_fields else found[0].code,
            "detail": " ".join(_sentence(error) for error in found),
            "errors": [asdict(error) for error in found] if is_about_fields else [],
        }


def _sentence(error: Error) -> str:
    is_about_all = error.attr in (None, "non_field_errors")
    return error.detail if is_about_all else f"{error.attr}: {error.detail}"


class ProblemHandler(ExceptionHandler):
    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, ProtectedError):
            kinds = ", ".join(sorted({str(row._meta.verbose_name_plural) for row in exc.protected_objects}))
            return Conflict(f"It cannot be deleted: it has {kinds} that must stay.")
        if isinstance(exc, Http404) and exc.args:
            return NotFound(str(exc))  # says what was not found
        return super().convert_known_exceptions(exc)

    def get_response(self, exc: APIException, data: dict[str, Any]) -> Response:
        return Response(data, status=exc.status_code, headers=self.get_headers(exc), content_type=MEDIA_TYPE)


class FieldErrorSerializer(serializers.Serializer[Error]):
    code = serializers.CharField(help_text="What is wrong, for programs.")
    detail = serializers.CharField(help_text="What is wrong, for people.")
    attr = serializers.CharField(allow_null=True, help_text="The field; dots lead into nested values.")


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField(help_text='Always "about:blank"; see `code`.')
    title = serializers.CharField(help_text="The HTTP status in words.")
    status = serializers.IntegerField()
    code = serializers.CharField(help_text='What went wrong, for programs, e.g. "not_found" or "validation_error".')
    detail = serializers.CharField(help_text="What went wrong, for people.")
    errors = FieldErrorSerializer(  # type: ignore[assignment]  # only a described field, never validated
        many=True, help_text="The wrong fields of a `validation_error`; else empty."
    )
