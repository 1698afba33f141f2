"""Each rule: what it finds, what it leaves alone, and by what it knows that it is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone, translation

from chargers.models import REPLACED, Alert, Boot, CertificateRequest, Charger, Command, Connection, Site, Transfer
from chargers.rows import digest
from chargers.sentences import read
from portal.issues.models import Issue
from portal.issues.tests.conftest import NOON

AGO = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _what_rules_say_is_read_in_german(db):
    """Of whatever a test below brings about; `portal/issues/sentences.py` has to list it."""
    yield
    with translation.override("de"):
        for issue in Issue.objects.filter(is_dismissed=False):
            assert read(issue.title) != issue.title
            assert not issue.close_reason or read(issue.close_reason) != issue.close_reason
            for line in issue.evidence:
                assert read(line["text"]) != line["text"] or " = " in line["text"], line


def titles(issues: list[Issue]) -> list[str]:
    return [issue.title for issue in issues]


# -- who is there twice ----------------------------------------------------------------------------------------------


def evict(charger, addresses):
    """Connections that were replaced one after the other, the last one just now."""
    now = timezone.now()
    for number, address in enumerate(reversed(addresses)):
        at = now - timedelta(seconds=20 * number)
        Connection.objects.create(
            charger=charger, epoch=100 - number, gateway="gate-1", remote_address=address, close_reason=REPLACED,
            connected_at=at - timedelta(seconds=20), disconnected_at=at,
        )  # fmt: skip


def test_two_chargers_with_one_identity_are_an_issue_that_names_both_addresses(make_charger, look):
    twin = make_charger("CP-1", connected_at=timezone.now())
    evict(twin, ["10.0.0.1", "10.0.0.2"] * 3)
    (issue,) = look("evictions")
    assert issue.title == "Two chargers call themselves CP-1 and evict each other: 10.0.0.1 and 10.0.0.2."
    assert issue.charger == twin
    assert {"It connected from 10.0.0.1.", "It connected from 10.0.0.2."} <= {line["text"] for line in issue.evidence}
    later = timezone.now() + timedelta(minutes=20)
    Charger.objects.update(is_online=False)
    assert look("evictions", at=later) == [issue], "while nobody is there nothing is known"
    Charger.objects.update(is_online=True)
    assert look("evictions", at=later) == []
    issue.refresh_from_db()
    assert issue.close_reason.startswith("Its connection has held since")


def test_behind_one_address_serial_numbers_tell_them_apart(make_charger, look):
    twin = make_charger("CP-1")
    evict(twin, ["100.64.0.9"] * 6)
    assert look("evictions") == [], "half-open lines of one charger"
    for serial in ("SN-1", "SN-2"):
        Boot.objects.create(charger=twin, received_at=timezone.now(), epoch=1, serial_number=serial, interval_s=300)
    (issue,) = look("evictions")
    assert issue.title.endswith("100.64.0.9, serial numbers SN-1 and SN-2.")


def test_a_charger_that_moves_from_network_to_network_is_no_twin(make_charger, look):
    evict(make_charger("CP-1"), ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"])
    evict(make_charger("CP-2"), ["10.0.0.1", "10.0.0.2", "10.0.0.1"])
    assert look("evictions") == []


# -- who has gone ----------------------------------------------------------------------------------------------------


def test_a_charger_that_is_gone_longer_than_patience_is_an_issue_until_it_is_back(make_charger, look):
    now = timezone.now()
    gone = make_charger("CP-1", is_online=False, disconnected_at=now - timedelta(minutes=10))
    make_charger("CP-2", is_online=False, disconnected_at=now - timedelta(minutes=2))
    make_charger("CP-3", is_online=False, connected_at=None)
    make_charger("CP-4", is_online=False, disconnected_at=now - AGO, registration="rejected")
    (issue,) = look()
    assert (issue.rule, issue.charger) == ("charger_offline", gone)
    Charger.objects.filter(pk=gone.pk).update(is_online=True, connected_at=now)
    assert look() == []


def test_a_site_that_goes_as_a_whole_is_one_issue_not_eleven(make_charger, look):
    site = Site.objects.create(name="Depot Nord")
    now = timezone.now()
    for number in range(11):
        make_charger(f"CP-{number}", site=site, is_online=False, disconnected_at=now - AGO)
    for number in range(20, 40):
        make_charger(f"CP-{number}")
    (issue,) = look()
    assert issue.title.startswith("Whole site silent: Depot Nord, 11 chargers, all at once: router, SIM or grid?")
    Charger.objects.filter(identity="CP-0").update(is_online=True)
    rest = look()
    assert {each.rule for each in rest} == {"charger_offline"} and len(rest) == 10


def test_chargers_that_were_missed_alone_are_taken_into_the_issue_of_their_site(make_charger, look):
    site = Site.objects.create(name="Depot Nord")
    chargers = [make_charger(f"CP-{number}", site=site) for number in range(3)]
    gone = {"is_online": False, "disconnected_at": timezone.now() - AGO}
    Charger.objects.filter(pk=chargers[0].pk).update(**gone)
    assert [issue.rule for issue in look()] == ["charger_offline"]
    Charger.objects.update(**gone)
    assert [issue.rule for issue in look()] == ["site_lost"]
    assert Issue.objects.get(rule="charger_offline").close_reason.startswith("Part of a larger loss")


def test_when_half_the_yard_is_gone_it_is_us(make_charger, look):
    site = Site.objects.create(name="Depot Nord")
    for number in range(12):
        is_gone = number < 7
        make_charger(
            f"CP-{number}", site=site, is_online=not is_gone, disconnected_at=timezone.now() - AGO if is_gone else None
        )
    (issue,) = look()
    assert issue.title == "7 of 12 chargers are offline. Look at our own network and gateway first."
    Charger.objects.update(is_online=True)
    assert look() == []


# -- alerts, boots, clocks -------------------------------------------------------------------------------------------


def test_a_grave_alert_is_an_issue_until_the_charger_takes_it_back(cp2, look):
    fields = {"charger": cp2, "path": "Connector:1.Temperature", "value": "92", "received_at": timezone.now() - AGO}
    alert = Alert.objects.create(key=digest(1), severity=1, tech_code="CX019", **fields)
    Alert.objects.create(key=digest(2), severity=6, **{**fields, "path": "Fan.Speed"})
    (issue,) = look()
    assert issue.title == "CP-2: Connector:1.Temperature is 92. the cable is too hot."
    Alert.objects.filter(pk=alert.pk).update(cleared_at=timezone.now())
    assert look() == []


def test_three_boots_in_a_quarter_of_an_hour_are_a_loop_and_name_what_was_said_before(cp1, look):
    now = timezone.now()
    Command.objects.create(
        charger=cp1, verb="write_setting", action="ChangeConfiguration", status="accepted",
        sent_at=now - timedelta(minutes=13), expires_at=now,
    )  # fmt: skip
    Command.objects.update(created_at=now - timedelta(minutes=13))
    for minutes in (12, 8, 4):
        Boot.objects.create(
            charger=cp1, received_at=now - timedelta(minutes=minutes), epoch=1, verdict="Accepted", interval_s=300
        )
    Charger.objects.update(booted_at=now - timedelta(minutes=4))
    (issue,) = look()
    assert issue.title == "CP-1 has booted 3 times in 12 min, after ChangeConfiguration."
    assert "We sent ChangeConfiguration." in [line["text"] for line in issue.evidence]
    assert look("boot_loop", at=now + timedelta(minutes=30)) == [issue]
    assert look("boot_loop", at=now + timedelta(minutes=70)) == []


def test_a_clock_that_is_whole_hours_off_has_the_wrong_zone(make_charger, look):
    make_charger("CP-1", clock_offset_s=-7195)
    make_charger("CP-2", clock_offset_s=90)
    (issue,) = look()
    assert issue.title == "The clock of CP-1 is 119 min behind ours, whole hours: its time zone is wrong."
    Charger.objects.update(clock_offset_s=1)
    assert look() == []


# -- charging --------------------------------------------------------------------------------------------------------


def test_three_failed_starts_in_a_row_by_two_cards_are_an_issue_until_one_succeeds(cp1, look, session):
    for minutes, token in ((30, "A"), (20, "B"), (10, "A")):
        session(cp1, NOON - timedelta(minutes=minutes), minutes=1, energy_wh=0, token_value=token)
    (issue,) = look("failed_starts", at=NOON)
    assert issue.title == "CP-1, connector 1: the last 3 sessions ended at once and drew nothing."
    session(cp1, NOON + timedelta(minutes=5), minutes=40, energy_wh=7000, token_value="C")
    assert look("failed_starts", at=NOON + timedelta(hours=1)) == []


@pytest.mark.parametrize(
    "tokens", [("A", "A", "A"), ("A", "B")], ids=["one card, which may have a bad car", "only two"]
)
def test_too_few_failed_starts_are_no_issue(cp1, look, session, tokens):
    for minutes, token in enumerate(tokens):
        session(cp1, NOON - timedelta(minutes=30 - minutes), minutes=1, energy_wh=0, token_value=token)
    assert look("failed_starts", at=NOON) == []


def test_a_good_session_between_them_starts_the_count_anew(cp1, look, session):
    for minutes, energy_wh in ((40, 0), (30, 0), (20, 9000), (10, 0)):
        session(
            cp1, NOON - timedelta(minutes=minutes), minutes=2 if energy_wh == 0 else 9, energy_wh=energy_wh,
            token_value=str(minutes),
        )  # fmt: skip
    assert look("failed_starts", at=NOON) == []


def test_a_session_whose_connector_is_free_again_is_stuck(cp1, look, session):
    from chargers.models import Connector

    stuck = session(cp1, NOON - timedelta(hours=3), metered_at=NOON - timedelta(minutes=40))
    Connector.objects.create(charger=cp1, evse_id=1, status="available", status_at=NOON - timedelta(minutes=30))
    (issue,) = look("stuck_session", at=NOON)
    assert (issue.session, issue.severity) == (stuck, 3)
    assert "its connector has been free for 30 min" in issue.title
    stuck.stopped_at = NOON
    stuck.save()
    assert look("stuck_session", at=NOON) == []


def test_a_session_without_a_reading_for_hours_is_stuck_and_one_that_is_metered_is_not(cp1, cp2, look, session):
    session(cp1, NOON - timedelta(hours=9), metered_at=NOON - timedelta(hours=7))
    session(cp2, NOON - timedelta(hours=9), metered_at=NOON - timedelta(minutes=7))
    (issue,) = look("stuck_session", at=NOON)
    assert "nothing was metered for 7 h" in issue.title


def test_a_plug_that_falls_out_of_its_own_rhythm_is_noticed(cp1, cp2, look, session):
    for day in range(25):
        session(cp1, NOON - timedelta(days=27 - day), minutes=60, energy_wh=9000)
    for day in range(0, 25, 2):
        session(cp2, NOON - timedelta(days=27 - day), minutes=60, energy_wh=9000)
    (issue,) = look("silent_evse", at=NOON)
    assert issue.title == "CP-1, connector 1: no session for 3 days; usually one every 24 h."
    session(cp1, NOON + AGO)
    assert look("silent_evse", at=NOON + 2 * AGO) == []


def test_a_plug_that_has_paused_as_long_before_is_left_alone(cp1, look, session):
    for day in [*range(10), *range(13, 24)]:
        session(cp1, NOON - timedelta(days=27 - day), minutes=60, energy_wh=9000)
    assert look("silent_evse", at=NOON) == []


# -- firmware, certificates, newcomers -------------------------------------------------------------------------------


def test_a_failed_update_is_over_when_the_charger_comes_with_another_firmware(cp1, look):
    Charger.objects.update(firmware_status="InstallationFailed")
    Transfer.objects.create(charger=cp1, kind="firmware", status="InstallationFailed", received_at=timezone.now() - AGO)
    (issue,) = look()
    assert issue.title == "CP-1 did not take its firmware: InstallationFailed."
    Charger.objects.update(firmware_version="1.0.1")
    assert look() == [] or {i.rule for i in look()} == {"firmware_failed"}


def test_a_certificate_that_ends_soon_is_an_issue_until_a_new_one_is_installed(make_charger, look):
    charger = make_charger("CP-1", security_profile=3)
    now = timezone.now()

    def install(key: int, days: int) -> None:
        CertificateRequest.objects.create(
            charger=charger, digest=digest(key), chain="", fingerprint="", status="installed",
            expires_at=now + timedelta(days=days), received_at=now,
        )  # fmt: skip

    install(1, 20)
    (issue,) = look()
    assert (issue.rule, issue.get_severity_display()) == ("certificate_expires", "minor")
    install(2, 365)
    assert look() == []


def test_a_charger_in_quarantine_waits_for_a_decision(make_charger, look):
    make_charger("CP-1", registration="quarantined", remote_address="192.0.2.7")
    (issue,) = look()
    assert issue.title == "CP-1 waits in quarantine: accept or reject it."
    Charger.objects.update(registration="accepted")
    assert look() == []


def test_the_evidence_tells_what_happened_before(cp1, look):
    now = timezone.now()
    Connection.objects.create(
        charger=cp1, epoch=1, gateway="g", subprotocol="ocpp1.6", remote_address="192.0.2.9",
        connected_at=now - timedelta(minutes=20), disconnected_at=now - timedelta(minutes=10), close_code=1006,
    )  # fmt: skip
    Charger.objects.update(is_online=False, disconnected_at=now - timedelta(minutes=10))
    (issue,) = look()
    assert [line["text"] for line in issue.evidence] == [
        "It connected from 192.0.2.9.",
        "Its connection ended: without a word (1006).",
    ]
