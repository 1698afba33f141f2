from __future__ import annotations

from chargers.models import Connector, Setting


def problem(two, value, *, cleared=False):
    event = {
        "eventId": 1,
        "timestamp": two.clock(),
        "trigger": "Delta",
        "actualValue": value,
        "cleared": cleared,
        "techCode": "GroundFailure",
        "techInfo": "Residual current above 30 mA",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": {"id": 2, "connectorId": 1}},
        "variable": {"name": "Problem"},
    }
    assert two.call("NotifyEvent", generatedAt=two.clock(), seqNo=0, eventData=[event]) == {}


def fault(two, status="Faulted"):
    two.call("StatusNotification", evseId=2, connectorId=1, connectorStatus=status, timestamp=two.clock())


def test_a_problem_shows_on_its_connector_whichever_message_comes_first(two):
    problem(two, "true")
    fault(two)
    first = Connector.objects.values_list("status", "error_code", "info").get()
    Connector.objects.all().delete()
    fault(two)
    problem(two, "true")
    assert Connector.objects.values_list("status", "error_code", "info").get() == first
    assert first == ("faulted", "GroundFailure", "Residual current above 30 mA")


def test_a_problem_that_is_over_is_gone(two):
    fault(two)
    problem(two, "true")
    problem(two, "false", cleared=True)
    assert Connector.objects.get().error_code == ""


def test_the_value_of_the_variable_is_known(two):
    problem(two, "true")
    assert Setting.objects.get().path == "Connector:2:1.Problem"
    assert Setting.objects.get().value == "true"
