"""How the OpenAPI document describes our operations."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiResponse

from portal.api import problems

PROBLEMS = {
    "400": "The request is wrong; `errors` says where.",
    "401": "No API key, no session, or one that is no longer valid.",
    "403": "This account may only look.",
    "404": "There is no such thing.",
    "default": "Any other problem; see `code` and `detail`.",
}


class ProblemSchema(AutoSchema):
    """Says of each operation which problems to expect; ``default`` stands for 405, 406, 409, 413, 415 and 500."""

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        for status in self._problem_statuses():
            problem = OpenApiResponse(problems.ProblemSerializer, description=PROBLEMS[status])
            body = self._get_response_for_code(problem, status, media_types=[problems.MEDIA_TYPE])
            responses.setdefault(status, body)
        return responses

    def _problem_statuses(self) -> list[str]:
        takes_input = self.method not in ("GET", "DELETE") or self._is_list_view()
        points_at_one = "{" in self.path
        return [
            *(["400"] if takes_input else []),
            "401",
            *(["403"] if self.method != "GET" else []),
            *(["404"] if points_at_one else []),
            "default",
        ]
