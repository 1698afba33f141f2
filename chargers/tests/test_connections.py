"""The newest socket wins, and a late farewell harms nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chargers import connections
from chargers.connections import Claim, Dial, Farewell
from chargers.models import REPLACED, Charger, Connection, GatewayProcess
from chargers.signals import charger_changed

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LATER = NOW + timedelta(seconds=7)


@pytest.fixture
def one() -> Charger:
    return Charger.objects.create(identity="CP-1")


@pytest.fixture
def two() -> Charger:
    return Charger.objects.create(identity="CP-2")


@pytest.fixture
def heard() -> Iterator[list[set[int]]]:
    """What ``charger_changed`` told."""
    news: list[set[int]] = []

    def hear(charger_ids: set[int], **kwargs: object) -> None:
        news.append(charger_ids)

    charger_changed.connect(hear, weak=False)
    yield news
    charger_changed.disconnect(hear)


def dial(charger: Charger, subprotocol: str = "ocpp1.6", address: str = "192.0.2.7") -> Dial:
    return Dial(charger.pk, subprotocol, address)


def claim(*dials: Dial, gateway: str = "gw-1") -> list[Any]:
    return connections.claim(list(dials), gateway=gateway, at=NOW)


def test_a_claim_writes_where_the_charger_is(one):
    assert claim(dial(one, "ocpp2.0.1")) == [Claim(one.pk, "CP-1", 1, "", "ocpp2.0.1")]
    one.refresh_from_db()
    assert (one.is_online, one.epoch, one.gateway) == (True, 1, "gw-1")
    assert (one.subprotocol, one.remote_address, one.connected_at) == ("ocpp2.0.1", "192.0.2.7", NOW)
    connection = Connection.objects.get()
    assert (connection.epoch, connection.gateway, connection.disconnected_at) == (1, "gw-1", None)


def test_each_claim_has_a_higher_epoch(one):
    assert [claim(dial(one))[0].epoch for _ in range(3)] == [1, 2, 3]


def test_the_gateway_that_loses_the_line_is_named(one):
    claim(dial(one), gateway="gw-1")
    assert claim(dial(one), gateway="gw-1")[0].loser == ""
    assert claim(dial(one), gateway="gw-2")[0].loser == "gw-1"


def test_who_is_offline_is_lost_by_nobody(one):
    claim(dial(one), gateway="gw-1")
    connections.release([Farewell(one.pk, 1, 1000, "")], NOW)
    assert claim(dial(one), gateway="gw-2")[0].loser == ""


def test_a_take_over_closes_the_older_connection_in_the_books(one):
    claim(dial(one))
    connections.claim([dial(one)], gateway="gw-2", at=LATER)
    older, newer = Connection.objects.order_by("epoch")
    assert (older.disconnected_at, older.close_code, older.close_reason) == (LATER, 1000, REPLACED)
    assert newer.disconnected_at is None


def test_two_dials_of_one_charger_in_a_batch_get_two_epochs(one, two):
    first, other, second = claim(dial(one, "ocpp1.6", "a"), dial(two), dial(one, "ocpp2.0.1", "b"))
    assert (first.epoch, second.epoch, other.epoch) == (1, 2, 1)
    one.refresh_from_db()
    assert (one.epoch, one.subprotocol, one.remote_address) == (2, "ocpp2.0.1", "b")
    assert list(Connection.objects.filter(charger=one, disconnected_at=None).values_list("epoch", flat=True)) == [2]


def test_a_charger_deleted_at_the_door_gets_nothing(one, two):
    gone = dial(one)
    one.delete()
    assert [got and got.epoch for got in claim(gone, dial(two))] == [None, 1]


def test_a_batch_costs_the_same_few_statements(django_assert_max_num_queries):
    chargers = Charger.objects.bulk_create(Charger(identity=f"CP-{n}", identity_folded=f"cp-{n}") for n in range(100))
    with django_assert_max_num_queries(9):
        claim(*(dial(charger) for charger in chargers))


def test_a_farewell_marks_the_charger_offline(one):
    claim(dial(one))
    connections.release([Farewell(one.pk, 1, 1006, "the connection broke")], LATER)
    one.refresh_from_db()
    assert (one.is_online, one.disconnected_at) == (False, LATER)
    connection = Connection.objects.get()
    assert (connection.close_code, connection.close_reason) == (1006, "the connection broke")
    assert connection.disconnected_at == LATER


def test_a_late_farewell_of_an_older_epoch_changes_nothing(one):
    claim(dial(one))
    claim(dial(one), gateway="gw-2")
    connections.release([Farewell(one.pk, 1, 1006, "late")], LATER)
    one.refresh_from_db()
    assert (one.is_online, one.gateway, one.disconnected_at) == (True, "gw-2", None)
    assert Connection.objects.get(epoch=1).close_reason == REPLACED
    assert Connection.objects.get(epoch=2).disconnected_at is None


def test_a_repeated_farewell_changes_nothing(one):
    claim(dial(one))
    connections.release([Farewell(one.pk, 1, 1000, "first")], NOW)
    connections.release([Farewell(one.pk, 1, 1006, "second")], LATER)
    one.refresh_from_db()
    assert one.disconnected_at == NOW
    assert Connection.objects.get().close_reason == "first"


def test_farewells_of_many_are_told_apart(one, two):
    claim(dial(one), dial(two))
    claim(dial(two))
    connections.release([Farewell(one.pk, 1, 1000, "a"), Farewell(two.pk, 1, 1006, "b")], LATER)
    assert list(Charger.objects.order_by("pk").values_list("is_online", flat=True)) == [False, True]


def test_a_dead_gateway_takes_only_its_own_chargers_offline(one, two):
    claim(dial(one), gateway="gw-1")
    claim(dial(two), gateway="gw-2")
    connections.touch_gateway("gw-1", NOW)
    assert connections.mark_gateway_lost("gw-1", LATER) == 1
    assert connections.mark_gateway_lost("gw-1", LATER) == 0
    assert list(Charger.objects.order_by("pk").values_list("is_online", flat=True)) == [False, True]
    assert Connection.objects.get(charger=one).close_reason == connections.LOST
    assert Connection.objects.get(charger=two).disconnected_at is None
    assert not GatewayProcess.objects.exists()


def test_a_gateway_that_lives_is_never_swept(one):
    claim(dial(one), gateway="gw-1")
    connections.touch_gateway("gw-1", NOW)
    connections.touch_gateway("gw-1", LATER)
    assert connections.sweep_gateways(LATER + connections.SILENT_AFTER / 2) == []
    process = GatewayProcess.objects.get()
    assert (process.started_at, process.seen_at) == (NOW, LATER)


def test_the_sweep_gives_up_silent_and_nameless_gateways(one, two):
    claim(dial(one), gateway="gw-silent")
    claim(dial(two), gateway="gw-never-touched")
    connections.touch_gateway("gw-silent", NOW)
    assert connections.sweep_gateways(NOW + connections.SILENT_AFTER * 2) == ["gw-never-touched", "gw-silent"]
    assert not Charger.objects.filter(is_online=True).exists()


def test_a_gateway_that_was_given_up_too_early_gets_its_lines_back(one, two):
    claim(dial(one), dial(two), gateway="gw-1")
    connections.mark_gateway_lost("gw-1", NOW)
    claim(dial(two), gateway="gw-2")
    connections.release([Farewell(two.pk, 2, 1000, "done")], NOW)
    assert connections.touch_gateway("gw-1", LATER) is True
    assert connections.touch_gateway("gw-1", LATER) is False
    assert connections.reassert({one.pk: 1, two.pk: 1}, gateway="gw-1") == 1
    assert list(Charger.objects.order_by("pk").values_list("is_online", flat=True)) == [True, False]
    connection = Connection.objects.get(charger=one)
    assert (connection.disconnected_at, connection.close_code, connection.close_reason) == (None, None, "")
    assert Connection.objects.get(charger=two, epoch=2).close_reason == "done"


def test_a_line_is_held_only_by_a_gateway_that_lives(one):
    claim(dial(one), gateway="gw-1")
    one.refresh_from_db()
    assert not connections.is_held(one, NOW)
    connections.touch_gateway("gw-1", NOW)
    assert connections.is_held(one, NOW)
    assert not connections.is_held(one, NOW + connections.SILENT_AFTER * 2)


def test_each_change_is_told_once_after_the_commit(one, two, heard, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        claim(dial(one), dial(two))
        connections.release([Farewell(one.pk, 1, 1000, "")], NOW)
        connections.release([Farewell(one.pk, 1, 1000, "")], NOW)
        connections.mark_gateway_lost("gw-1", NOW)
    assert heard == [{one.pk, two.pk}, {one.pk}, {two.pk}]


def test_chargers_are_found_whatever_their_case(one, two):
    assert connections.look_up(["cp-1", "CP-1", "CP-9"]) == {"cp-1": one}
