"""Whatever comes, no 5xx: random bodies, queries and paths against every operation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from chargers import commands, uploads
from chargers.campaigns import care
from chargers.desired import templates
from chargers.models import Charger, FirmwareImage, Rollout, SettingTemplate, Site
from portal.issues.models import Channel, Issue, Telling
from smartcharging import drafts
from smartcharging.models import CapacitySignal, LimitNode, Outlet, Probe, SavedProfile

WORDS = st.sampled_from(
    [
        "",
        "\0",
        "CP-1",
        "true",
        "-1",
        "1e999",
        "9" * 25,
        "2026-11-20T12:00:00Z",
        "0000-00-00",
        "pending",
        "%00",
        "é",
        "\u202e",
        "=1+1",
    ]
)
TEXT = WORDS | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def _fields(document: dict[str, Any]) -> list[str]:
    schemas = document["components"]["schemas"].values()
    return sorted({name for schema in schemas for name in schema.get("properties", {})})


def _queries(document: dict[str, Any]) -> list[str]:
    found = [p for item in document["paths"].values() for op in item.values() for p in op.get("parameters", [])]
    return sorted({p["name"] for p in found if p["in"] == "query"})


DOCUMENT: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
OPERATIONS = [(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item]
BODIES = JSON | st.dictionaries(st.sampled_from(_fields(DOCUMENT)), JSON, max_size=4)
QUERIES = st.dictionaries(st.sampled_from(_queries(DOCUMENT)), TEXT | st.lists(TEXT, max_size=2), max_size=3)


@pytest.fixture
def world(cp1, token, make_session, make_exchange) -> dict[str, dict[str, object]]:
    """Something real behind each kind of address."""
    make_exchange(cp1)
    now = timezone.now()
    template = _template()
    image = _image()
    campaign = care.start(image, [cp1], title="Spring", by=None, at=now)
    channel = Channel.objects.create(name="Desk", kind=Channel.Kind.MAIL, address="desk@example.com")
    upload = uploads.expect(commands.request(cp1, "fetch_logs"), kind="diagnostics", at=now)
    return {
        "chargers": {"identity": "CP-1"},
        "commands": {"id": commands.request(cp1, "reset").pk},
        "sessions": {"id": make_session(cp1).pk},
        "issues": {"id": _issue(cp1).pk},
        "id-tokens": {"id": token.pk},
        "charging-profiles": {
            "id": SavedProfile.objects.create(name="Night", draft=drafts.read({"periods": [{"limit": 9}]})).pk
        },
        "configuration-rollouts": {"id": Rollout.objects.create(title="Depot", template=template).pk},
        "configuration-templates": {"id": template.pk},
        "firmware-images": {"id": image.pk},
        "firmware-campaigns": {"id": campaign.pk},
        "logs": {"id": upload.pk},
        "issue-channels": {"id": channel.pk},
        "issue-rules": {"name": "clock_skew"},
        "issue-tellings": {
            "id": Telling.objects.create(channel=channel, event="test", created_at=now, due_at=now).pk,
        },
        "sites": _site(cp1),
    }


def _site(charger: Charger) -> dict[str, object]:
    """With a limit from outside and a charger that is tried."""
    now = timezone.now()
    site = Site.objects.create(name="Harbour")
    node = LimitNode.objects.create(site=site, name="Grid", l1_a=100, l2_a=100, l3_a=100)
    outlet = Outlet.objects.create(node=node, charger=charger, evse_id=1)
    signal = CapacitySignal.objects.create(site=site, source="DSO", limit_w=4200, from_at=now, told_at=now)
    probe = Probe.objects.create(outlet=outlet, why="test", limit_a=10, began_at=now, ends_at=now)
    return {"id": site.pk, "signal": signal.pk, "probe": probe.pk}


def _image() -> FirmwareImage:
    return FirmwareImage.objects.create(
        vendor="Acme", model="*", version="2", file_name="a.bin", name="firmware/a.bin", size_bytes=1, sha256="0" * 64,
        added_at=timezone.now(),
    )  # fmt: skip


def _template() -> SettingTemplate:
    return templates.save(SettingTemplate(name="Depot", is_for_all=True), values=[("key", "A", "1")], by=None)


def _issue(charger: Charger) -> Issue:
    now = timezone.now()
    return Issue.objects.create(
        rule="clock_skew", key="clock", severity=3, charger=charger, title="Late.", opened_at=now, seen_at=now
    )


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=str)
def test_no_input_makes_a_server_error(api: APIClient, world, method, path):
    known = path.format(**world.get(path.split("/")[3], {}))

    @settings(max_examples=12)
    @given(query=QUERIES, body=BODIES)
    def bombard(query: dict[str, str | list[str]], body: object) -> None:
        if method == "GET":
            answer = api.get(known, query)
        else:
            answer = api.generic(method, known, json.dumps(body), content_type="application/json")
        assert answer.status_code < 500, answer.content

    bombard()


@settings(max_examples=60)
@given(
    path=st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    method=st.sampled_from(["GET", "POST", "PATCH", "TRACE"]),
)
def test_no_path_makes_a_server_error(api, path, method):
    # Django's own client: it takes any method.
    client = Client(HTTP_AUTHORIZATION=api.defaults["HTTP_AUTHORIZATION"])
    assert client.generic(method, f"/api/v1/{path}").status_code < 500
