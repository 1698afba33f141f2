from __future__ import annotations

import re

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from gateway import topics

identities = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)


@given(identities)
def test_an_identity_comes_back_from_its_key(identity):
    assert topics.identity(topics.key(identity)) == identity


@given(identities)
def test_a_key_is_one_level_that_no_broker_misreads(identity):
    assert not set(topics.key(identity)) & set("/+#$ *>\x00\r\n")


@given(identities)
def test_a_topic_leads_back_to_its_key(identity):
    assert topics.key_of_outbound(topics.outbound(topics.key(identity))) == topics.key(identity)


def test_the_topics_are_those_of_the_aws_sample():
    assert (topics.inbound("CP-1"), topics.outbound("CP-1")) == ("CP-1/in", "CP-1/out")


def test_a_prefix_stands_before_every_topic(settings):
    settings.MQTT_PREFIX = "ocpp/"
    assert topics.inbound("CP-1") == "ocpp/CP-1/in"
    assert topics.worker_status("w") == "ocpp/chargeyard/workers/w/status"
    assert topics.key_of_outbound("CP-1/out") is None


prefixes = st.sampled_from(
    ["", "/", "_", "north", "north/", "north_", "north_/", "a/b", "a/b/", "a_2Fb", "a.b/"]
) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(prefixes, prefixes)
def test_two_yards_never_share_a_name(one, other):
    names = []
    for prefix in (one, other):
        with override_settings(MQTT_PREFIX=prefix):
            names.append((topics.of_yard("Charger"), topics.thing("CP-1")))
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", name) for name, _ in names)
    assert (names[0] == names[1]) is (one == other) is (names[0][0] == names[1][0])


def test_a_yard_is_named_by_its_prefix(settings):
    assert (topics.of_yard("chargeyard"), topics.thing("CP-1")) == ("chargeyard", "CP-1")
    settings.MQTT_PREFIX = "north/"
    assert (topics.of_yard("chargeyard"), topics.thing("CP-1")) == ("chargeyard-north", "north:2FCP-1")
    assert topics.identity_of_thing("north:2FCP-1") == "CP-1"
    assert topics.identity_of_thing("CP-1") is topics.identity_of_thing("south:2FCP-1") is None


def test_somebody_elses_topic_has_no_key():
    assert topics.key_of_outbound("CP-1/in") is None


@pytest.mark.parametrize(
    ("topic", "is_covered"),
    [
        ("chargeyard/workers/w-1/status", True),
        ("chargeyard/workers/w-1/x/status", False),
        ("chargeyard/workers/status", False),
        ("chargeyard/gateways/w-1/status", False),
    ],
)
def test_a_plus_stands_for_one_level(topic, is_covered):
    assert topics.covers(topics.every_worker_status(), topic) is is_covered


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_thing_s_name_is_one_that_aws_takes_and_leads_back(identity: str) -> None:
    name = topics.thing(identity)
    assert re.fullmatch(r"[a-zA-Z0-9:_-]+", name)
    assert topics.identity_of_thing(name) == identity


@pytest.mark.parametrize("name", ["SITE:CP1", "a:2a", ":ZZ", "a:41"])
def test_a_thing_that_we_would_not_name_so_is_no_charger_s(name: str) -> None:
    assert topics.identity_of_thing(name) is None
