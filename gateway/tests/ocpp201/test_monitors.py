from __future__ import annotations

import pytest

from chargers.models import Alert, Charger, CommandStatus, Monitor, Setting
from gateway.dialect import Unspeakable

PLACE = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Temperature"}}
HOT = {"name": "EVSE:1.Temperature", "kind": "upper", "value": 70, "severity": 3}


def open_alerts(charger: Charger) -> list[Alert]:
    """What a charger raised and has not taken back."""
    return list(charger.alerts.filter(cleared_at=None))


def report(two, *monitors, seq=0):
    told = [{**PLACE, "variableMonitoring": list(monitors)}]
    assert two.call("NotifyMonitoringReport", requestId=1, seqNo=seq, generatedAt=two.clock(), monitor=told) == {}


def monitor(number, severity=3, kind="UpperThreshold"):
    return {"id": number, "transaction": False, "value": 70, "type": kind, "severity": severity}


def event(two, event_id=1, value="81", cleared=False, trigger="Alerting", **more):
    return {
        **PLACE,
        "eventId": event_id,
        "timestamp": two.clock(),
        "trigger": trigger,
        "actualValue": value,
        "eventNotificationType": "CustomMonitor",
        "cleared": cleared,
        **more,
    }


def raise_events(two, *events):
    assert two.call("NotifyEvent", generatedAt=two.clock(), seqNo=0, eventData=list(events)) == {}


def raise_event(two, *args, **more):
    raise_events(two, event(two, *args, **more))


def test_a_monitoring_report_may_come_in_parts_and_twice(two):
    report(two, monitor(1), monitor(2, kind="Delta"))
    report(two, monitor(3, kind="PeriodicClockAligned"), seq=1)
    report(two, monitor(1, severity=5))
    assert list(Monitor.objects.values_list("monitor_id", "path", "kind", "severity")) == [
        (1, "EVSE:1.Temperature", "upper", 5),
        (2, "EVSE:1.Temperature", "delta", 3),
        (3, "EVSE:1.Temperature", "clock", 3),
    ]


def test_a_monitor_that_was_taken_is_known_with_what_we_sent(two):
    result = {**PLACE, "id": 9, "status": "Accepted", "type": "UpperThreshold", "severity": 3}
    command = two.answers(
        "set_monitors", {"setMonitoringResult": [result]}, monitors=[{**HOT, "only_in_session": True}]
    )
    assert command.payload["setMonitoringData"][0]["value"] == 70
    found = Monitor.objects.get()
    assert (found.monitor_id, found.value, found.only_in_session) == (9, 70, True)


@pytest.mark.parametrize("status", ["Rejected", "UnknownVariable", "Duplicate"])
def test_a_monitor_that_was_not_taken_makes_the_order_refused(two, status):
    result = {**PLACE, "status": status, "type": "UpperThreshold", "severity": 3}
    order = two.answers("set_monitors", {"setMonitoringResult": [result]}, monitors=[HOT])
    assert verdict_of(two, order, {"setMonitoringResult": [result]}) == CommandStatus.REJECTED
    assert not Monitor.objects.exists()


def test_a_cleared_monitor_is_forgotten_unless_the_station_keeps_it(two):
    report(two, monitor(1), monitor(2), monitor(3))
    told = [("Accepted", 1), ("NotFound", 2), ("Rejected", 3)]
    answer = {"clearMonitoringResult": [{"status": status, "id": number} for status, number in told]}
    order = two.answers("clear_monitors", answer, ids=[1, 2, "3"])
    assert Monitor.objects.get().monitor_id == 3
    assert verdict_of(two, order, answer) == CommandStatus.REJECTED


def verdict_of(two, order, answer):
    from gateway.call import Books, Call

    heard = Call(two.charger, str(order.pk), order.action, answer, two.at, Books(two.at))
    return two.dialect.readings[order.action](order, answer, heard)


@pytest.mark.parametrize(("base", "left"), [("all", 1), ("factory", 0), ("hardwired", 0)])
def test_a_new_base_takes_the_monitors_away_that_it_replaces(two, base, left):
    report(two, monitor(1))
    two.answers("set_monitoring_base", {"status": "Rejected"}, base=base)
    assert Monitor.objects.count() == 1
    two.answers("set_monitoring_base", {"status": "Accepted"}, base=base)
    assert Monitor.objects.count() == left


def test_an_alert_is_open_until_the_station_takes_it_back(two):
    report(two, monitor(7, severity=2))
    raise_event(two, variableMonitoringId=7, techCode="OverTemperature")
    raise_event(two, variableMonitoringId=7, techCode="OverTemperature")  # sent again
    (alert,) = open_alerts(two.charger)
    assert (alert.path, alert.severity, alert.tech_code) == ("EVSE:1.Temperature", 2, "OverTemperature")
    assert Setting.objects.get(name="Temperature").value == "81"
    two.later(minutes=5)
    raise_event(two, event_id=2, value="65", variableMonitoringId=7, cleared=True)
    assert open_alerts(two.charger) == []
    assert Alert.objects.get().cleared_at == two.at


def test_an_alert_that_is_over_is_not_opened_by_its_repeat(two):
    raise_event(two)
    first = two.clock()
    raise_event(two, event_id=2, cleared=True)
    two.later(seconds=30)
    event_time = {"timestamp": first}
    raise_event(two, **event_time)
    assert open_alerts(two.charger) == []


def test_the_end_of_one_monitors_alert_leaves_that_of_another(two):
    raise_event(two, event_id=1, variableMonitoringId=1)
    raise_event(two, event_id=2, variableMonitoringId=2)
    raise_event(two, event_id=3, variableMonitoringId=1, cleared=True)
    assert [alert.monitor_id for alert in open_alerts(two.charger)] == [2]


def test_many_ends_in_a_message_cost_no_more_than_one(two, django_assert_max_num_queries):
    raise_events(two, *(event(two, number, variableMonitoringId=number) for number in range(50)))
    assert len(open_alerts(two.charger)) == 50
    with django_assert_max_num_queries(40):
        raise_events(two, *(event(two, 50 + number, cleared=True, variableMonitoringId=number) for number in range(49)))
    assert [alert.monitor_id for alert in open_alerts(two.charger)] == [49]


def test_a_periodic_value_raises_nothing(two):
    raise_event(two, trigger="Periodic")
    assert not Alert.objects.exists()
    assert Setting.objects.get(name="Temperature").value == "81"


SPOKEN = [
    ("monitoring_report", {}, "GetMonitoringReport", set()),
    ("monitoring_report", {"criteria": ["threshold"], "names": ["EVSE:1.Temperature"]}, "GetMonitoringReport",
     {"monitoringCriteria", "componentVariable"}),
    ("read_settings", {"criteria": ["problem"]}, "GetReport", {"componentCriteria"}),
    ("read_settings", {"criteria": ["active"], "names": ["EVSE:1.Power"]}, "GetReport",
     {"componentCriteria", "componentVariable"}),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "arguments", "action", "fields"), SPOKEN)
def test_a_report_is_asked_for(two, verb, arguments, action, fields):
    said, payload = two.told(verb, **arguments)
    assert (said, set(payload) - {"requestId"}) == (action, fields)


def test_a_level_is_set(two):
    assert two.told("set_monitoring_level", severity=4) == ("SetMonitoringLevel", {"severity": 4})


UNSPEAKABLE = [
    ("set_monitors", {"monitors": [{**HOT, "value": "hot"}]}, "hot"),
    ("set_monitors", {"monitors": [{**HOT, "kind": "sideways"}]}, "sideways"),
    ("set_monitors", {"monitors": [{**HOT, "name": "Temperature"}]}, "Component.Temperature"),
    ("clear_monitors", {"ids": ["x"]}, "whole numbers"),
    ("set_monitoring_base", {"base": "none"}, "none"),
]


@pytest.mark.parametrize(("verb", "arguments", "why"), UNSPEAKABLE)
def test_what_cannot_be_said_is_told_to_the_operator(two, verb, arguments, why):
    with pytest.raises(Unspeakable, match=why):
        two.told(verb, **arguments)
