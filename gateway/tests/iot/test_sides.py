"""Two sides write one shadow, messages are lost, doubled and late: they come to rest, and both have what they want."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chargers import twins
from chargers.models import Charger, Standing, Twin
from gateway.iot import cloud, sides, teller, things, wishes

pytestmark = pytest.mark.django_db

PATHS, VALUES = ("A", "B"), ("1", "2")


class Aws:
    """A shadow as AWS keeps it; ``untold``: messages under way; ``is_mute``: it does what we say, and says nothing."""

    def __init__(self) -> None:
        self.desired: dict[str, Any] = {}
        self.version, self.writes, self.is_mute = 0, 0, False
        self.untold: list[tuple[dict[str, Any], str | None]] = []

    def document(self) -> dict[str, Any]:
        return {"version": self.version, "state": {"desired": dict(self.desired)}}

    def write(self, desired: dict[str, Any], token: str | None = None) -> None:
        self.desired = sides.merged(self.desired, desired)
        self.version += 1
        self.untold.append((self.document(), token))

    def told(self, thing: str, shadow: str, payload: bytes) -> int:
        if shadow != "configuration":
            return 1
        said = json.loads(payload)
        if said.get("version", self.version) != self.version:
            raise ClientError({"Error": {"Code": "ConflictException"}}, "UpdateThingShadow")
        self.writes += 1
        self.write(said["state"].get("desired", {}), said.get("clientToken"))
        if self.is_mute:
            raise cloud.Away("no answer")
        return self.version

    def read(self, thing: str, shadow: str) -> dict[str, Any] | None:
        return self.document() if self.version else None


def hear(message: tuple[dict[str, Any], str | None]) -> None:
    found = wishes.read(message[0], token=message[1])
    assert found is not None
    wishes.hear("CP-1", found)


def want_here(charger: Charger, path: str, value: str | None) -> None:
    """A template wants this; it is seen at the next look, which this is."""
    Standing.objects.filter(charger=charger, path=path).delete()
    if value is not None:
        Standing.objects.create(charger=charger, path=path, wanted=value, state="differs", since=timezone.now())
    twins.touch({charger.pk}, at=timezone.now())


def tell() -> int:
    Twin.objects.update(due_at=timezone.now())
    try:
        return teller.tell()
    except cloud.Away:
        return 1


STEPS = st.one_of(
    st.tuples(st.sampled_from(["theirs", "ours"]), st.sampled_from(PATHS), st.sampled_from((*VALUES, None))),
    st.sampled_from([("tell",), ("tell into the void",), ("hear",), ("hear the last",), ("lose",), ("hear twice",)]),
)


def step(aws: Aws, cp1: Charger, said: tuple[Any, ...]) -> None:
    match said:
        case ("theirs", path, value):
            aws.write({path: value})
        case ("ours", path, value):
            want_here(cp1, path, value)
        case ("tell",):
            tell()
        case ("tell into the void",):
            aws.is_mute = True
            tell()
            aws.is_mute = False
        case ("hear",) if aws.untold:
            hear(aws.untold.pop(0))
        case ("hear the last",) if aws.untold:
            hear(aws.untold.pop())
        case ("hear twice",) if aws.untold:
            hear(aws.untold[0])
        case ("lose",) if aws.untold:
            aws.untold.pop(0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=14))
@example(steps=[("theirs", "B", "1"), ("theirs", "B", None), ("hear the last",)])  # the first, told late, is no wish
def test_whatever_happens_they_come_to_rest_with_the_wishes_of_both(cp1, monkeypatch, steps):
    Twin.objects.all().delete()
    Standing.objects.all().delete()
    aws = Aws()
    monkeypatch.setattr(things, "shadow", aws.told)
    monkeypatch.setattr(things, "read_shadow", aws.read)
    monkeypatch.setattr(cloud.call, "wait_for_turn", lambda operation: None)
    monkeypatch.setattr(things, "put", lambda *words, **more: None)
    tell()
    last: dict[str, str | None] = {}
    for said in steps:
        if said[0] == "theirs" and aws.desired.get(said[1]) != said[2]:  # else nothing changes, and nobody can tell
            last[said[1]] = said[2]
        heard = Twin.objects.get().desired
        for path, value in last.items():
            # What we want as well, before we have heard of theirs, is our wish, and goes with it.
            if heard.get(path) != value and Standing.objects.filter(path=path, wanted=value).exists():
                last[path] = None
        step(aws, cp1, said)
    ours = dict(Standing.objects.values_list("path", "wanted"))

    twins.doubt({"CP-1"}, at=timezone.now())  # as `sync-things` does after messages were lost
    for _ in range(8):
        while aws.untold:
            hear(aws.untold.pop(0))
        tell()
    at_rest = aws.writes
    twins.touch({cp1.pk}, at=timezone.now())
    tell()
    assert aws.writes == at_rest and not aws.untold  # no echo goes round

    theirs = Twin.objects.get().desired
    assert aws.desired == ours | theirs
    for path, value in last.items():
        if value is not None and value not in (ours.get(path), theirs.get(path)):
            # Their last wish was overwritten: only by one of ours that was there before it was heard of.
            raise AssertionError(f"they wanted {path}={value}; it is {aws.desired}, ours {ours}, theirs {theirs}")
