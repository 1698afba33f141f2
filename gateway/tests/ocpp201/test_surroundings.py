from __future__ import annotations

import pytest

from chargers.models import Transfer
from sessions.models import ChargingSession
from smartcharging.models import ChargingNeeds, ExternalLimit

SCHEDULE = {"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}
AC = {"energyAmount": 22000, "evMinCurrent": 6, "evMaxCurrent": 32, "evMaxVoltage": 400}


def limit(two, source="SO", **more):
    told = {"chargingLimit": {"chargingLimitSource": source, "isGridCritical": True}, **more}
    assert two.call("NotifyChargingLimit", **told) == {}


def start(two):
    token = {"idToken": "04A2B3C4", "type": "ISO14443"}
    two.call(
        "TransactionEvent",
        eventType="Started",
        timestamp=two.clock(),
        triggerReason="CablePluggedIn",
        seqNo=0,
        transactionInfo={"transactionId": "b7f1", "chargingState": "Charging"},
        evse={"id": 1, "connectorId": 1},
        idToken=token,
    )
    return ChargingSession.objects.get()


def test_a_limit_of_the_grid_stands_until_it_is_lifted(two):
    limit(two, chargingSchedule=[SCHEDULE], evseId=1)
    limit(two, chargingSchedule=[SCHEDULE], evseId=1)
    limit(two, source="EMS")
    told = ExternalLimit.objects.get(source="SO")
    assert (told.evse_id, told.is_grid_critical, told.schedules[0]["unit"]) == (1, True, "A")
    assert two.call("ClearedChargingLimit", chargingLimitSource="SO", evseId=1) == {}
    assert ExternalLimit.objects.get().source == "EMS"


def test_a_limit_lifted_on_one_evse_stays_on_another(two):
    limit(two, evseId=1)
    limit(two, evseId=2)
    two.call("ClearedChargingLimit", chargingLimitSource="SO", evseId=2)
    assert ExternalLimit.objects.get().evse_id == 1


def test_the_needs_of_a_car_belong_to_its_session(two, card):
    session = start(two)
    needs = {"requestedEnergyTransfer": "AC_three_phase", "acChargingParameters": AC}
    departure = {"departureTime": two.clock(hours=3)}
    answer = two.call("NotifyEVChargingNeeds", evseId=1, chargingNeeds={**needs, **departure})
    assert answer == {"status": "Processing"}
    told = ChargingNeeds.objects.get()
    assert (told.session, told.energy_wh, told.parameters["current_max_a"]) == (session, 22000, 32)
    assert (told.departs_at - two.at).total_seconds() == 3 * 3600


def test_needs_without_a_session_are_kept_and_refused(two):
    needs = {"requestedEnergyTransfer": "DC", "dcChargingParameters": {"evMaxCurrent": 200, "evMaxVoltage": 800}}
    assert two.call("NotifyEVChargingNeeds", evseId=1, chargingNeeds=needs) == {"status": "Rejected"}
    assert ChargingNeeds.objects.get().session is None


def test_a_cars_schedule_stands_beside_its_needs_until_it_needs_something_else(two, card):
    start(two)
    needs = {"requestedEnergyTransfer": "AC_three_phase", "acChargingParameters": AC}
    two.call("NotifyEVChargingNeeds", evseId=1, chargingNeeds=needs)
    told = {"evseId": 1, "timeBase": two.clock(), "chargingSchedule": SCHEDULE}
    assert two.call("NotifyEVChargingSchedule", **told) == {"status": "Accepted"}
    found = ChargingNeeds.objects.get()
    assert (found.energy_wh, found.schedule and found.schedule["start_at"]) == (22000, two.clock())
    two.call("NotifyEVChargingNeeds", evseId=1, chargingNeeds=needs)
    assert ChargingNeeds.objects.get().schedule is None


def test_a_session_that_is_over_for_the_station_alone_is_shown_for_review(two, card):
    session = start(two)
    two.answers("session_status", {"ongoingIndicator": False, "messagesInQueue": True}, session_id=session.pk)
    session.refresh_from_db()
    assert not session.needs_review
    two.answers("session_status", {"ongoingIndicator": False, "messagesInQueue": False}, session_id=session.pk)
    session.refresh_from_db()
    assert (session.needs_review, len(session.review_reasons)) == (True, 1)
    two.call(
        "TransactionEvent",
        eventType="Ended",
        timestamp=two.later(minutes=1),
        triggerReason="EVDeparted",
        seqNo=1,
        transactionInfo={"transactionId": "b7f1"},
    )
    session.refresh_from_db()
    assert session.review_reasons == []


def test_a_local_controllers_publication_is_followed(two):
    for status in ("Downloading", "Downloading", "Published"):
        told = {"status": status, "requestId": 3, "location": ["https://lc/fw"] if status == "Published" else None}
        two.call("PublishFirmwareStatusNotification", **{name: value for name, value in told.items() if value})
    assert list(Transfer.objects.values_list("kind", "status")) == [
        ("publication", "Published"),
        ("publication", "Downloading"),
    ]


SUM = "0123456789abcdef0123456789abcdef"
SPOKEN = [
    ("publish_firmware", {"url": "https://x/fw", "checksum": SUM, "retries": 1}, "PublishFirmware",
     {"location": "https://x/fw", "checksum": SUM, "retries": 1}),
    ("unpublish_firmware", {"checksum": SUM}, "UnpublishFirmware", {"checksum": SUM}),
    ("list_profiles", {}, "GetChargingProfiles", {"chargingProfile": {}}),
    ("list_profiles", {"evse_id": 1, "purpose": "tx", "stack_level": 2, "profile_id": 7}, "GetChargingProfiles",
     {"evseId": 1, "chargingProfile": {"chargingProfilePurpose": "TxProfile", "stackLevel": 2,
                                       "chargingProfileId": [7]}}),
    ("set_network_profile", {"slot": 1, "url": "wss://x/ocpp", "security_profile": 2}, "SetNetworkProfile",
     {"configurationSlot": 1, "connectionData": {"ocppVersion": "OCPP20", "ocppTransport": "JSON",
      "ocppCsmsUrl": "wss://x/ocpp", "messageTimeout": 30, "securityProfile": 2, "ocppInterface": "Wired0"}}),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "arguments", "action", "payload"), SPOKEN)
def test_a_verb_in_the_words_of_2_0_1(two, verb, arguments, action, payload):
    said, told = two.told(verb, **arguments)
    told.pop("requestId", None)
    assert (said, told) == (action, payload)


def test_a_signed_update_carries_certificate_and_signature(two):
    order = {"url": "https://x/fw", "retrieve_at": "2026-03-01T00:00:00Z", "certificate": "PEM", "signature": "c2ln"}
    firmware = two.told("update_firmware", **order, install_at="2026-03-02T00:00:00Z")[1]["firmware"]
    assert (firmware["signingCertificate"], firmware["signature"]) == ("PEM", "c2ln")
    assert firmware["installDateTime"] == "2026-03-02T00:00:00.000Z"


def test_a_station_without_profiles_makes_us_forget_all_we_knew(two):
    profile = {"id": 7, "stack_level": 1, "purpose": "tx_default", "unit": "W", "periods": [{"start_s": 0, "limit": 1}]}
    two.answers("set_profile", {"status": "Accepted"}, evse_id=1, profile=profile)
    two.answers("list_profiles", {"status": "NoProfiles"}, evse_id=1)
    assert two.charger.installed_profiles.count() == 1
    two.answers("list_profiles", {"status": "NoProfiles"})
    assert two.charger.installed_profiles.count() == 0
