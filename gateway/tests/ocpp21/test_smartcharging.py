"""Dynamic profiles and priority. OCPP 2.1 part 2, K."""

from __future__ import annotations

from chargers.models import Notice
from gateway.testing import frames
from gateway.tests.ocpp21.test_commands import DYNAMIC
from smartcharging.models import InstalledProfile


def period():
    return InstalledProfile.objects.get().schedules[0]["periods"][0]


def test_new_powers_that_the_station_took_are_those_of_the_profile(three):
    three.answers("set_profile", {"status": "Accepted"}, evse_id=1, profile=DYNAMIC)
    assert (period()["limit"], period()["limit_l3"]) == (16.0, 6.0)
    three.answers("update_schedule", {"status": "Accepted"}, profile_id=7, limit=8)
    assert (period()["limit"], period()["limit_l2"], period()["operation_mode"]) == (8.0, 10.0, "ChargingOnly")


def test_new_powers_that_it_refused_change_nothing(three):
    three.answers("set_profile", {"status": "Accepted"}, evse_id=1, profile=DYNAMIC)
    three.answers("update_schedule", {"status": "Rejected"}, profile_id=7, limit=8)
    assert period()["limit"] == 16.0


def test_a_station_that_asks_gets_the_powers_of_now(three):
    three.answers("set_profile", {"status": "Accepted"}, evse_id=1, profile=DYNAMIC)
    three.answers("update_schedule", {"status": "Accepted"}, profile_id=7, limit=8)
    answer = three.call("PullDynamicScheduleUpdate", **frames.load("ocpp21/pull_schedule.json"))
    assert answer == {"status": "Accepted", "scheduleUpdate": {"limit": 8.0, "limit_L2": 10.0, "limit_L3": 6.0}}


def test_a_profile_that_is_not_dynamic_or_not_known_is_refused_with_the_reason(three):
    absolute = {**DYNAMIC, "id": 8, "kind": "absolute", "start_at": "2026-06-02T00:00:00Z"}
    three.answers("set_profile", {"status": "Accepted"}, evse_id=1, profile=absolute)
    for profile_id in (7, 8):
        answer = three.call("PullDynamicScheduleUpdate", chargingProfileId=profile_id)
        assert answer["status"] == "Rejected" and answer["statusInfo"]["reasonCode"] == "UnknownProfile"


def test_a_period_without_limit_is_read(three):
    three.call(
        "ReportChargingProfiles", requestId=1, chargingLimitSource="SO", evseId=1,
        chargingProfile=[{
            "id": 3, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Dynamic",
            "chargingSchedule": [{"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [
                {"startPeriod": 0, "setpoint": -5000, "operationMode": "CentralSetpoint"}]}],
        }],
    )  # fmt: skip
    assert period() == {"start_s": 0, "setpoint": -5000, "operation_mode": "CentralSetpoint"}


def test_a_time_without_a_link_that_is_negative_is_none(three):
    """The schema allows it, and no column takes it: its whole batch broke."""
    three.call(
        "ReportChargingProfiles", requestId=1, chargingLimitSource="SO", evseId=1,
        chargingProfile=[{
            "id": 3, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Absolute",
            "maxOfflineDuration": -1, "chargingSchedule": [{"id": 1, "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 11000}]}],
        }],
    )  # fmt: skip
    assert InstalledProfile.objects.get().max_offline_s is None


def test_priority_is_noted_each_time_it_changes(three):
    told = frames.load("ocpp21/priority_charging.json")
    for is_active in (True, False, True):
        assert three.call("NotifyPriorityCharging", **told | {"activated": is_active}) == {}
    noted = Notice.objects.filter(kind="priority_charging", key=told["transactionId"]).order_by("id")
    assert [notice.payload["activated"] for notice in noted] == [True, False, True]
