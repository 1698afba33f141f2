from __future__ import annotations

import pytest

from chargers import credentials
from chargers.models import Setting
from gateway.dialect import Unspeakable

INTERVAL = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
STATE = {
    "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 2}},
    "variable": {"name": "AvailabilityState"},
}


def report(two, *data, seq=0):
    return two.call("NotifyReport", requestId=1, generatedAt=two.clock(), seqNo=seq, reportData=list(data))


def test_a_report_fills_the_settings(two):
    interval = {
        **INTERVAL,
        "variableAttribute": [{"value": "300", "mutability": "ReadWrite"}],
        "variableCharacteristics": {"dataType": "integer", "unit": "s", "supportsMonitoring": False},
    }
    state = {**STATE, "variableAttribute": [{"value": "Available", "mutability": "ReadOnly"}]}
    assert report(two, interval, state) == {}
    paths = {setting.path: setting for setting in Setting.objects.all()}
    assert set(paths) == {"OCPPCommCtrlr.HeartbeatInterval", "Connector:1:2.AvailabilityState"}
    assert (paths["OCPPCommCtrlr.HeartbeatInterval"].unit, paths["OCPPCommCtrlr.HeartbeatInterval"].data_type) == (
        "s",
        "integer",
    )
    assert paths["Connector:1:2.AvailabilityState"].is_readonly


def test_a_part_of_a_report_that_comes_again_changes_nothing(two):
    for _ in range(2):
        report(two, {**INTERVAL, "variableAttribute": [{"value": "300"}]})
    assert Setting.objects.count() == 1


def test_attributes_of_one_variable_are_settings_of_their_own(two):
    attributes = [{"type": "Actual", "value": "16"}, {"type": "MaxSet", "value": "32"}]
    report(two, {**INTERVAL, "variableAttribute": attributes})
    assert set(Setting.objects.values_list("attribute", "value")) == {("Actual", "16"), ("MaxSet", "32")}


def test_settings_are_read_by_the_path_that_the_page_shows(two):
    report(two, {**STATE, "variableAttribute": [{"value": "Available"}]})
    path = Setting.objects.get().path
    assert two.told("read_settings", names=[path]) == ("GetVariables", {"getVariableData": [STATE]})


def test_values_told_are_kept_and_unknown_ones_marked(two):
    colour = {"component": {"name": "Case"}, "variable": {"name": "Colour"}}
    results = [
        {**INTERVAL, "attributeStatus": "Accepted", "attributeValue": "60"},
        {**colour, "attributeStatus": "UnknownComponent"},
    ]
    names = ["OCPPCommCtrlr.HeartbeatInterval", "Case.Colour"]
    two.answers("read_settings", {"getVariableResult": results}, names=names)
    assert set(Setting.objects.values_list("name", "value", "is_known")) == {
        ("HeartbeatInterval", "60", True),
        ("Colour", "", False),
    }


def test_each_written_setting_has_its_own_outcome(two):
    settings = [
        {"component": "OCPPCommCtrlr", "name": "HeartbeatInterval", "value": 60},
        {"component": "Connector", "evse_id": 1, "connector_id": 2, "name": "AvailabilityState", "value": "x"},
    ]
    results = [{**INTERVAL, "attributeStatus": "RebootRequired"}, {**STATE, "attributeStatus": "Rejected"}]
    two.answers("write_settings", {"setVariableResult": results}, settings=settings)
    setting = Setting.objects.get()
    assert (setting.path, setting.value, setting.needs_reboot) == ("OCPPCommCtrlr.HeartbeatInterval", "60", True)


def test_a_boolean_is_written_as_the_device_model_writes_it(two):
    setting = {"component": "AuthCtrlr", "name": "Enabled", "value": True}
    assert two.told("write_settings", settings=[setting])[1]["setVariableData"][0]["attributeValue"] == "true"


def test_a_new_password_holds_once_the_station_has_taken_it(two):
    place = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    setting = {"component": "SecurityCtrlr", "name": "BasicAuthPassword", "value": "a-new-password-0815"}
    answer = {"setVariableResult": [{**place, "attributeStatus": "Accepted"}]}
    command = two.answers("write_settings", answer, settings=[setting])
    two.charger.refresh_from_db()
    command.refresh_from_db()
    assert "a-new-password-0815" not in f"{command.payload} {command.arguments}"
    assert credentials.matches(two.charger.password_hash, b"a-new-password-0815")
    assert Setting.objects.get().value == ""


@pytest.mark.parametrize("name", ["HeartbeatInterval", "", "A.B.C"])
def test_a_name_that_is_no_variable_is_told_to_the_operator(two, name):
    with pytest.raises(Unspeakable):
        two.told("read_settings", names=[name])


@pytest.mark.parametrize(
    ("report", "base"),
    [("full", "FullInventory"), ("configuration", "ConfigurationInventory"), ("summary", "SummaryInventory")],
)
def test_all_settings_come_by_the_report_that_was_asked_for(two, report, base):
    assert two.told("read_settings", report=report)[1]["reportBase"] == base


def test_a_report_that_there_is_not_is_refused_in_words(two):
    with pytest.raises(Unspeakable, match="'weekly'"):
        two.told("read_settings", report="weekly")
