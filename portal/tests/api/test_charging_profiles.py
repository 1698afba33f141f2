"""The library by REST."""

from __future__ import annotations

import pytest

from chargers.models import Command
from smartcharging.models import Placement

pytestmark = pytest.mark.django_db
URL = "/api/v1/charging-profiles/"
NIGHT = {"kind": "recurring", "start_local": "22:00", "periods": [{"start_s": 0, "limit": 16}]}


@pytest.fixture
def night(api):
    answer = api.post(URL, {"name": "Night", "draft": NIGHT})
    assert answer.status_code == 201, answer.json()
    return f"{URL}{answer.json()['id']}/"


def test_it_is_kept_as_it_was_read(api, night):
    assert api.get(night).json()["draft"] == {
        "purpose": "tx_default", "kind": "recurring", "recurrency": "daily", "stack_level": 0, "unit": "A",
        "start_local": "22:00", "periods": [{"start_s": 0, "limit": 16.0}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("draft", "sentence"),
    [
        ([], "JSON object"),
        ({**NIGHT, "periods": [{"start_s": 9, "limit": 1}]}, "The first period must start at 0."),
        ({**NIGHT, "periods": [{"start_s": 0, "limit": -1}]}, "A limit below 0 makes no sense"),
        ({**NIGHT, "purpose": "everything"}, "'purpose' is 'everything'"),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused_with_its_reason(api, draft, sentence):
    answer = api.post(URL, {"name": "Night", "draft": draft})
    assert (answer.status_code, sentence in str(answer.json())) == (400, True)


def test_it_is_sent_and_its_places_can_be_watched(api, night, cp1, cp2):
    answer = api.post(f"{night}push/", {"chargers": ["CP-1", "cp-2"]})
    assert (answer.status_code, answer.json()["left_out"]) == (202, [])
    assert Command.objects.filter(job=answer.json()["job"]).count() == 2
    assert [(p["charger"], p["state"]) for p in api.get(f"{night}places/").json()] == [
        ("CP-1", "ordered"),
        ("CP-2", "ordered"),
    ]


def test_those_that_cannot_take_it_are_left_out_with_the_requirement(api, night, cp1, cp3):
    api.patch(night, {"draft": {**NIGHT, "kind": "dynamic"}})
    answer = api.post(f"{night}push/", {"chargers": ["CP-1", "CP-3"]}).json()
    (left,) = answer["left_out"]
    assert (left["charger"], left["objections"]) == ("CP-1", ["Dynamic profiles came with OCPP 2.1. (OCPP 1.6 §7.9)"])
    assert Placement.objects.get().charger == cp3


@pytest.mark.parametrize(
    ("told", "sentence"),
    [({}, "Name chargers"), ({"chargers": ["CP-9"]}, "no charger cp-9"), ({"site": 9}, "9")],
)
def test_a_push_that_reaches_nobody_is_refused(api, night, told, sentence):
    answer = api.post(f"{night}push/", told)
    assert (answer.status_code, sentence in str(answer.json())) == (400, True)
