"""`Authorization: Api-Key KEY`: who a machine is. People come with the portal's session."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_api_key.models import AbstractAPIKey, APIKey

KEYWORD = "Api-Key"


class ApiKeyAuthentication(BaseAuthentication):
    """``request.auth`` is the `APIKey`, ``request.user`` stays anonymous: a key is no person.

    It comes first of the authenticators, so that whoever is not known hears 401 and which header to send.
    """

    def authenticate(self, request: Request) -> tuple[AnonymousUser, AbstractAPIKey] | None:
        keyword, _, secret = request.headers.get("Authorization", "").partition(" ")
        if keyword.lower() != KEYWORD.lower():
            return None
        secret = secret.strip()
        try:
            # What no key can look like never reaches the database: PostgreSQL refuses NUL, for one.
            key = APIKey.objects.get_from_key(secret) if secret.isascii() and secret.isprintable() else None
        except APIKey.DoesNotExist:
            key = None
        if key is None:
            raise AuthenticationFailed("This API key is unknown or revoked. Make one with `manage.py create_api_key`.")
        if key.has_expired:
            raise AuthenticationFailed(f"The API key {key.name!r} expired on {key.expiry_date:%Y-%m-%d}.")
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return KEYWORD


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = ApiKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key KEY`, with a key from `manage.py create_api_key NAME`.",
        }


def person(request: Request) -> AbstractBaseUser | None:
    """Who asks; None if it is a machine."""
    return request.user if isinstance(request.user, AbstractBaseUser) else None


def name_of(request: Request) -> str:
    """Who asks, for people."""
    return f"API key {request.auth.name}" if isinstance(request.auth, APIKey) else request.user.get_username()


def origin(request: Request) -> str:
    """Where an order came from, for `Command.requested_via`."""
    return f"rest: {request.auth.name}"[:40] if isinstance(request.auth, APIKey) else "rest"
