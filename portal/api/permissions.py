"""Who may do what by REST: an API key and staff may do all, any other active account may look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework_api_key.models import APIKey

if TYPE_CHECKING:  # it reads this class from the settings while it is imported
    from rest_framework.views import APIView


class IsStaffOrHasApiKey(BasePermission):
    message = "This account may only look; changes need a staff account or an API key."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if isinstance(request.auth, APIKey):
            return True
        # An account that was deactivated is anonymous already: Django drops it from its session.
        return request.user.is_authenticated and (request.method in SAFE_METHODS or request.user.is_staff)
