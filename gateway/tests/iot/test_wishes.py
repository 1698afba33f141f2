"""The shadow `configuration`, written by two sides: what they want becomes orders, what we want stands there."""

from __future__ import annotations

import json
from typing import Any

import botocore.client
import pytest
from django.utils import timezone

from chargers import configuration, twins
from chargers.configuration import Place
from chargers.desired import due, standings, templates
from chargers.models import Charger, Command, Setting, SettingTemplate, Standing, Twin
from gateway.iot import cloud, news, reconcile, teller

pytestmark = pytest.mark.django_db

INTERVAL = "HeartbeatInterval"


def hear(thing: str, current: dict[str, Any], token: str | None = None) -> None:
    topic = f"$aws/things/{thing}/shadow/name/configuration/update/documents"
    news.hear(topic, json.dumps({"current": current, "timestamp": 1, "clientToken": token}).encode())


class Shadow:
    """The shadow of one Thing as its console shows it, and what AWS tells of each change, ours included."""

    def __init__(self, thing: str) -> None:
        self.thing = thing
        self.untold: list[tuple[dict[str, Any], str | None]] = []
        self.ours = 0  # how often we wrote it

    def document(self) -> dict[str, Any]:
        answer = cloud.call("iot-data", "GetThingShadow", thingName=self.thing, shadowName="configuration")
        return dict(json.loads(answer["payload"].read()))

    @property
    def desired(self) -> Any:
        return self.document()["state"].get("desired", {})

    @property
    def reported(self) -> Any:
        return self.document()["state"].get("reported", {})

    def want(self, **desired: Any) -> None:
        """Somebody in AWS wants something; None: no more."""
        payload = json.dumps({"state": {"desired": desired}})
        cloud.call("iot-data", "UpdateThingShadow", thingName=self.thing, shadowName="configuration", payload=payload)

    def post(self) -> None:
        """What AWS has told arrives, each message twice."""
        while self.untold:
            message = self.untold.pop(0)
            hear(self.thing, *message)
            hear(self.thing, *message)

    def settle(self) -> None:
        """Until nobody has anything to say."""
        for _ in range(6):
            self.post()
            standings.look_due(at=timezone.now())
            if not teller.tell() and not self.untold:
                return
        raise AssertionError("they never come to rest")


@pytest.fixture
def shadow(cp1: Charger, aws: Any, monkeypatch: pytest.MonkeyPatch) -> Shadow:
    """CP-1's, with nothing in it."""
    found = Shadow("CP-1")
    real = botocore.client.BaseClient._make_api_call

    def call(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        answer = real(self, operation, arguments)
        if operation == "UpdateThingShadow" and arguments.get("shadowName") == "configuration":
            said = json.loads(arguments["payload"])
            found.ours += isinstance(arguments["payload"], bytes)
            found.untold.append((found.document(), said.get("clientToken")))
        return answer

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    teller.tell()
    return found


def template(name: str = "Street", **values: str) -> SettingTemplate:
    row = SettingTemplate.objects.filter(name=name).first() or SettingTemplate(name=name, is_for_all=True)
    saved = templates.save(row, values=[("key", path, value) for path, value in values.items()], by=None)
    due.note(Charger.objects.values_list("pk", flat=True))  # as the commit does
    return saved


def orders() -> list[tuple[str, str]]:
    told = [order.arguments["settings"][0] for order in Command.objects.order_by("created_at")]
    return sorted((one["name"], one["value"]) for one in told)


def tells(charger: Charger, **values: str) -> None:
    """The charger says what it is set to."""
    for name, value in values.items():
        configuration.written(charger, Place(name), value, needs_reboot=False, at=timezone.now())


# -- they want, we order -----------------------------------------------------------------------------------------------


def test_a_wish_is_an_order_once_and_one_for_each_setting(shadow):
    shadow.want(HeartbeatInterval=60, LocalPreAuthorize=True)
    shadow.settle()
    assert orders() == [(INTERVAL, "60"), ("LocalPreAuthorize", "true")]
    assert set(Command.objects.values_list("requested_via", flat=True)) == {"AWS IoT shadow"}
    assert shadow.desired == {INTERVAL: 60, "LocalPreAuthorize": True} and shadow.ours == 0


def test_a_wish_that_the_charger_did_not_take_is_not_ordered_again_by_itself(shadow):
    shadow.want(HeartbeatInterval=60)
    shadow.settle()
    shadow.want(ConnectionTimeOut=30)
    shadow.settle()
    assert len(orders()) == 2


def test_an_old_wish_that_comes_late_changes_nothing(shadow):
    shadow.want(HeartbeatInterval=90)
    shadow.want(HeartbeatInterval=60)
    shadow.untold.reverse()
    shadow.settle()
    assert orders() == [(INTERVAL, "60")]


def test_of_two_wishes_none_is_lost_with_its_message(shadow):
    shadow.want(HeartbeatInterval=60)
    shadow.untold.clear()
    shadow.want(ConnectionTimeOut=30)
    shadow.settle()
    assert orders() == [("ConnectionTimeOut", "30"), (INTERVAL, "60")]


def test_what_the_charger_has_already_is_not_ordered(shadow, cp1):
    shadow.want(HeartbeatInterval=60)
    shadow.settle()
    tells(cp1, HeartbeatInterval="60")
    shadow.settle()
    assert shadow.reported == {INTERVAL: "60"}
    shadow.want(HeartbeatInterval=None)
    shadow.settle()
    shadow.want(HeartbeatInterval="60")
    Twin.objects.update(told={"shadow configuration": {INTERVAL: "60"}})
    cloud.call(
        "iot-data", "UpdateThingShadow", thingName="CP-1", shadowName="configuration",
        payload=json.dumps({"state": {"reported": {INTERVAL: "60"}}}),
    )  # fmt: skip
    del shadow.untold[0]
    shadow.settle()
    assert len(orders()) == 1


def test_a_component_of_2_0_1_is_written_in_one_line(cp2):
    teller.tell()
    hear("CP-2", {"version": 1, "state": {"desired": {"OCPPCommCtrlr.HeartbeatInterval": "60"}}})
    (setting,) = Command.objects.get().arguments["settings"]
    assert (setting["component"], setting["name"]) == ("OCPPCommCtrlr", INTERVAL)


def test_a_secret_is_not_taken_from_a_shadow_and_stays_there_as_it_is(shadow):
    shadow.want(AuthorizationKey="00112233445566778899", nested={"a": 1})
    template(HeartbeatInterval="60")
    shadow.settle()
    assert not orders()
    assert shadow.desired == {"AuthorizationKey": "00112233445566778899", "nested": {"a": 1}, INTERVAL: "60"}


# -- we want, it stands there ------------------------------------------------------------------------------------------


def test_what_templates_want_is_desired_in_the_shadow_and_is_no_order(shadow):
    row = template(HeartbeatInterval="60", ConnectionTimeOut="30")
    shadow.settle()
    assert shadow.desired == {INTERVAL: "60", "ConnectionTimeOut": "30"} and shadow.ours == 1
    template(HeartbeatInterval="90")
    shadow.settle()
    assert shadow.desired == {INTERVAL: "90"} and shadow.ours == 2
    templates.delete(row)
    due.note(Charger.objects.values_list("pk", flat=True))
    shadow.settle()
    assert shadow.desired == {} and shadow.ours == 3
    assert not orders() and Twin.objects.get().desired == {}


def test_of_the_wanted_settings_their_values_are_reported_and_no_others(shadow, cp1):
    template(HeartbeatInterval="60")
    shadow.want(ConnectionTimeOut=30)
    tells(cp1, HeartbeatInterval="300", ConnectionTimeOut="60", NumberOfConnectors="2")
    shadow.settle()
    assert shadow.reported == {INTERVAL: "300", "ConnectionTimeOut": "60"}


def test_a_setting_that_the_charger_took_is_reported_by_itself(shadow, cp1):
    shadow.want(HeartbeatInterval="60")
    shadow.settle()
    tells(cp1, HeartbeatInterval="60")
    shadow.settle()
    assert shadow.reported == {INTERVAL: "60"} and "delta" not in shadow.document()["state"]


# -- both want ---------------------------------------------------------------------------------------------------------


def test_theirs_comes_before_ours_and_ours_comes_back_when_they_want_it_no_more(shadow):
    template(HeartbeatInterval="60")
    shadow.settle()
    shadow.want(HeartbeatInterval="30")
    shadow.settle()
    assert shadow.desired == {INTERVAL: "30"} and orders() == [(INTERVAL, "30")]
    assert Standing.objects.get().source == templates.SHADOW
    template(HeartbeatInterval="90")  # overruled, for as long as they want theirs
    shadow.settle()
    assert shadow.desired == {INTERVAL: "30"}
    shadow.want(HeartbeatInterval=None)
    shadow.settle()
    assert shadow.desired == {INTERVAL: "90"} and Standing.objects.get().source == "Street"


def test_whoever_takes_our_wish_out_finds_it_there_again(shadow):
    template(HeartbeatInterval="60")
    shadow.settle()
    shadow.want(HeartbeatInterval=None)
    shadow.settle()
    assert shadow.desired == {INTERVAL: "60"}


def test_what_was_wanted_while_nobody_listened_is_found_by_sync_things(shadow):
    template(HeartbeatInterval="60")
    shadow.settle()
    shadow.want(HeartbeatInterval="30", ConnectionTimeOut="30")
    shadow.untold.clear()
    reconcile.apply(reconcile.Difference())
    assert Twin.objects.get().desired == {INTERVAL: "30", "ConnectionTimeOut": "30"}
    shadow.settle()
    assert shadow.desired == {INTERVAL: "30", "ConnectionTimeOut": "30"} and shadow.ours == 1


def test_a_person_here_ends_their_wish(shadow, cp1):
    shadow.want(HeartbeatInterval=30, ConnectionTimeOut=20)
    shadow.settle()
    assert twins.renounce(cp1, INTERVAL, at=timezone.now())
    assert not twins.renounce(cp1, INTERVAL, at=timezone.now())
    shadow.settle()
    assert shadow.desired == {"ConnectionTimeOut": 20}


def test_a_wish_that_came_while_we_wrote_is_not_overwritten(shadow):
    template(HeartbeatInterval="60")
    shadow.settle()
    shadow.want(HeartbeatInterval="30")
    shadow.untold.clear()  # nobody told us
    template(HeartbeatInterval="90", ConnectionTimeOut="30")
    shadow.settle()
    assert shadow.desired == {INTERVAL: "30", "ConnectionTimeOut": "30"}
    assert orders() == [(INTERVAL, "30")]


def test_a_wish_that_is_heard_before_our_own_answer_is_theirs_and_ours_stays_ours(shadow, monkeypatch):
    template(HeartbeatInterval="60")
    close = teller._close

    def late(errand: teller.Errand) -> None:
        if shadow.untold and not Twin.objects.get().desired:
            shadow.want(ConnectionTimeOut=30)
            shadow.post()
        close(errand)

    monkeypatch.setattr(teller, "_close", late)
    shadow.settle()
    assert Twin.objects.get().desired == {"ConnectionTimeOut": "30"}
    template(HeartbeatInterval="90")
    shadow.settle()
    assert shadow.desired == {INTERVAL: "90", "ConnectionTimeOut": 30}


def test_a_shadow_that_somebody_deleted_holds_our_wishes_again(shadow, aws):
    template(HeartbeatInterval="60")
    shadow.want(ConnectionTimeOut=30)
    shadow.settle()
    aws("iot-data", "DeleteThingShadow", thingName="CP-1", shadowName="configuration")
    template(HeartbeatInterval="90")
    shadow.settle()
    assert shadow.desired == {INTERVAL: "90"}


def test_a_thing_that_is_made_again_begins_anew(shadow, aws, cp1):
    template(HeartbeatInterval="60")
    shadow.want(ConnectionTimeOut=30)
    shadow.settle()
    aws("iot", "DeleteThing", thingName="CP-1")
    template(HeartbeatInterval="90")
    shadow.settle()
    assert shadow.desired == {INTERVAL: "90"}
    shadow.want(HeartbeatInterval=10)  # of a version below the one that we knew
    shadow.settle()
    assert Twin.objects.get().desired == {INTERVAL: "10"}


# -- what does not fit -------------------------------------------------------------------------------------------------


def test_a_shadow_that_would_be_too_large_is_named_and_the_rest_is_told(shadow, cp1):
    Setting.objects.create(charger=cp1, name="Big", value="x" * 9000, reported_at=timezone.now())
    shadow.want(Big="y")
    shadow.settle()
    assert "'Big'" in Twin.objects.get().problem and "8192 bytes" in Twin.objects.get().problem


def test_where_not_all_fits_their_wishes_go_before_our_own(shadow, cp1):
    shadow.want(HeartbeatInterval=60)
    template(**{f"Key{number}": "x" * 1000 for number in range(9)})
    tells(cp1, HeartbeatInterval="60")
    shadow.settle()
    assert (shadow.desired, shadow.reported) == ({INTERVAL: 60}, {INTERVAL: "60"})
    assert "A shadow takes 8192 bytes" in Twin.objects.get().problem
    template(Key0="x")
    shadow.settle()
    assert shadow.desired == {INTERVAL: 60, "Key0": "x"} and Twin.objects.get().problem == ""
