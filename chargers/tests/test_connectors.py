from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from chargers import connectors
from chargers.connectors import IN_USE, StatusBook, StatusReport
from chargers.models import Charger, Connector, ConnectorStatus, StatusChange


def report(charger, status, **more):
    return StatusReport(charger_id=charger.pk, evse_id=1, status=status, at=timezone.now(), **more)


def write(*reports):
    book = StatusBook()
    for each in reports:
        book.add(each)
    book.write()


def test_a_batch_costs_the_same_for_one_charger_and_for_twenty(make_charger, django_assert_max_num_queries):
    chargers = [make_charger(f"CP-{n}") for n in range(20)]
    with django_assert_max_num_queries(8):
        write(*(report(charger, ConnectorStatus.AVAILABLE) for charger in chargers))
    assert Connector.objects.filter(status="available").count() == StatusChange.objects.count() == 20


def test_changes_within_a_batch_are_all_remembered(cp1):
    write(report(cp1, ConnectorStatus.PREPARING), report(cp1, ConnectorStatus.CHARGING))
    assert Connector.objects.get().status == "charging"
    assert list(StatusChange.objects.order_by("pk").values_list("status", flat=True)) == ["preparing", "charging"]


def test_a_report_for_certain_states_leaves_the_others_alone(cp1):
    write(report(cp1, ConnectorStatus.AVAILABLE))
    write(report(cp1, ConnectorStatus.FINISHING, only_from=IN_USE))
    assert Connector.objects.get().status == "available"


def test_a_report_that_was_overtaken_by_a_newer_one_changes_nothing(cp1):
    now = timezone.now()
    write(replace(report(cp1, ConnectorStatus.CHARGING), at=now))
    write(replace(report(cp1, ConnectorStatus.PREPARING), at=now - timedelta(seconds=40)))
    assert Connector.objects.get().status == "charging"


def test_two_workers_clocks_may_differ_a_little(cp1):
    now = timezone.now()
    write(replace(report(cp1, ConnectorStatus.PREPARING), at=now))
    write(replace(report(cp1, ConnectorStatus.CHARGING), at=now - timedelta(seconds=2)))
    assert Connector.objects.get().status == "charging"


def test_texts_too_long_for_their_columns_are_cut(cp1):
    write(report(cp1, ConnectorStatus.FAULTED, error_code="E" * 500, info="i" * 5000))
    connector = Connector.objects.get()
    assert (len(connector.error_code), len(connector.info)) == (64, 255)


def test_nothing_reported_costs_nothing(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        StatusBook().write()


def test_a_charger_is_led_by_what_needs_a_person_first(make_charger):
    chargers = [make_charger(f"CP-{n}") for n in range(3)]

    def leading() -> list[str]:
        return list(Charger.objects.order_by("pk").values_list("leading_status", flat=True))

    assert leading() == ["unknown"] * 3
    write(*(report(charger, ConnectorStatus.AVAILABLE) for charger in chargers))
    assert leading() == ["available"] * 3
    two, three = chargers[1:]
    write(
        replace(report(two, ConnectorStatus.CHARGING), evse_id=2),
        replace(report(three, ConnectorStatus.FAULTED), evse_id=2),
        replace(report(three, ConnectorStatus.CHARGING), evse_id=3),
    )
    assert leading() == ["available", "charging", "faulted"]
    write(replace(report(three, ConnectorStatus.AVAILABLE), evse_id=2))
    assert leading() == ["available", "charging", "charging"]


def test_a_charger_that_makes_up_connectors_is_believed_only_so_many(cp1, cp2, monkeypatch):
    monkeypatch.setattr(connectors, "MOST", 2)
    write(*(report(cp1, ConnectorStatus.AVAILABLE, connector_id=n) for n in (1, 2, 3)))
    write(report(cp1, ConnectorStatus.FAULTED, connector_id=4), report(cp1, ConnectorStatus.CHARGING, connector_id=2))
    write(report(cp2, ConnectorStatus.AVAILABLE))
    told = Connector.objects.order_by("pk").values_list("charger__identity", "connector_id", "status")
    assert list(told) == [("CP-1", 1, "available"), ("CP-1", 2, "charging"), ("CP-2", 1, "available")]
