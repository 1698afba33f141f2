"""Rows by the batch, as the reply path reads and writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from chargers.models import Charger, Connector, Exchange, SecurityEvent
from chargers.rows import Lookup, insert, rewrite

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
EVERY_CHARACTER = '"quote" \'quote\' back\\slash {"a": [1]}\n\ttab ü 漢字 🚗'


def exchange(charger: Charger, message_id: str = "1", **values: object) -> Exchange:
    told = {"origin": Exchange.Origin.CHARGER, "epoch": 1, "requested_at": AT, **values}
    return Exchange(charger=charger, message_id=message_id, **told)


def event(charger: Charger, key: UUID, kind: str = "Tamper") -> SecurityEvent:
    return SecurityEvent(charger=charger, key=key, kind=kind, received_at=AT)


def test_what_is_inserted_comes_back_as_it_was(cp1: Charger) -> None:
    findings = [EVERY_CHARACTER, "second"]
    insert([exchange(cp1, request=EVERY_CHARACTER, findings=findings, responded_at=None)])
    kept = Exchange.objects.get()
    assert (kept.request, kept.findings, kept.requested_at, kept.responded_at) == (EVERY_CHARACTER, findings, AT, None)


def test_a_row_that_is_there_already_is_left_out_when_told_so(cp1: Charger) -> None:
    key = uuid4()
    insert([event(cp1, key, "First")])
    insert([event(cp1, key, "Second"), event(cp1, uuid4(), "Third")], ignore_conflicts=True)
    assert list(SecurityEvent.objects.order_by("pk").values_list("kind", flat=True)) == ["First", "Third"]


def test_each_row_is_rewritten_with_its_own_values_and_no_other_is_touched(cp1: Charger) -> None:
    first, second, third = (Connector.objects.create(charger=cp1, evse_id=number) for number in (1, 2, 3))
    first.power_w, first.power_at = 11_000.5, AT
    second.power_w, second.power_at = None, AT + timedelta(seconds=1)
    third.power_w = 99.0  # not among those that are saved
    rewrite([second, first], ("power_w", "power_at"))
    assert list(Connector.objects.order_by("pk").values_list("power_w", "power_at")) == [
        (11_000.5, AT),
        (None, AT + timedelta(seconds=1)),
        (None, None),
    ]


def test_a_lookup_finds_the_wanted_combinations_only_in_order_of_their_keys(cp1: Charger, cp2: Charger) -> None:
    insert([exchange(cp1, "a"), exchange(cp2, "a"), exchange(cp1, "b"), exchange(cp2, "b")])
    find = Lookup(Exchange, by=["charger_id", "message_id"])
    found = find({(cp2.pk, "b"), (cp1.pk, "a"), (cp1.pk, "nothing")})
    assert [(row.charger_id, row.message_id) for row in found] == [(cp1.pk, "a"), (cp2.pk, "b")]


def test_a_lookup_is_narrowed_by_what_else_is_asked(cp1: Charger) -> None:
    insert([exchange(cp1, str(number), epoch=number) for number in range(5)])
    find = Lookup(Exchange, by=["charger_id"], also="t.epoch >= %s AND t.epoch < %s", without=["request"])
    assert [row.epoch for row in find([(cp1.pk,)], 2, 4)] == [2, 3]


def test_a_lookup_by_an_id_of_the_database_s_own_kind_finds_it(cp1: Charger) -> None:
    key = uuid4()
    insert([event(cp1, key), event(cp1, uuid4())])
    (found,) = Lookup(SecurityEvent, by=["charger_id", "key"], only=["id", "key"])([(cp1.pk, key)])
    assert (found.key, found.kind) == (key, "Tamper")  # the kind is read when it is asked for


def test_what_was_not_read_is_read_when_it_is_asked_for(cp1: Charger) -> None:
    insert([exchange(cp1, request="[2]")])
    (found,) = Lookup(Exchange, by=["charger_id"], without=["request"])([(cp1.pk,)])
    assert found.get_deferred_fields() == {"request"}
    assert found.request == "[2]"


def test_nothing_wanted_asks_nothing(cp1: Charger, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert Lookup(Exchange, by=["charger_id"])([]) == []
        insert([])
        rewrite([], ("power_w",))
