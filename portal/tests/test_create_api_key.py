"""`create_api_key`: what a script gets from it."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient
from rest_framework_api_key.models import APIKey

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("create_api_key", *arguments, stdout=out)
    return out.getvalue()


def test_create_api_key_prints_only_a_key_that_works():
    key = run("billing").strip()
    assert APIClient(headers={"Authorization": f"Api-Key {key}"}).get("/api/v1/chargers/").status_code == 200
    assert APIKey.objects.get().name == "billing"


@pytest.mark.parametrize("name", ["", "  ", "x" * 51, "a\nb"])
def test_a_key_needs_a_name_that_can_be_shown(name):
    with pytest.raises(CommandError, match="1 to 50 printable"):
        run(name)
