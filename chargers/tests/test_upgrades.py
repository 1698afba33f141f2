from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from chargers import authority, certificates, commands, credentials, security, upgrades
from chargers.models import Command, CommandStatus, ProfileUpgrade, SecurityProfile
from chargers.tests.test_authority import signing_request

AT = timezone.now()
URL = "wss://csms.example/ocpp"


@pytest.fixture
def root() -> str:
    return authority.load(settings.CHARGER_CA_FILE).pem


@pytest.fixture
def begin(alice, root):
    def begin(charger, to_profile: int, **more) -> ProfileUpgrade:
        credentials.issue_password(charger)
        values = {"url": URL, "slot": 2, "root": root, **more}
        return upgrades.start(charger, to_profile=to_profile, by=alice, at=AT, **values)

    return begin


def told(charger) -> tuple[str, dict]:
    """The order that waits for the charger; there is one at a time."""
    order = Command.objects.get(charger=charger, status=CommandStatus.PENDING)
    return order.verb, order.arguments


def answers(charger, status: CommandStatus = CommandStatus.ACCEPTED) -> None:
    order = Command.objects.filter(charger=charger, status=CommandStatus.PENDING).earliest("created_at")
    Command.objects.filter(pk=order.pk).update(status=CommandStatus.SENT)
    commands.settle(order.pk, status=status, answer={"status": status.label.capitalize()}, at=AT)
    upgrades.advance_all(at=AT)


def test_a_charger_of_2_0_1_is_led_to_tls_step_by_step(cp2, begin, root):
    upgrade = begin(cp2, 2)
    assert told(cp2) == ("install_certificate", {"kind": "csms_root", "certificate": root})
    answers(cp2)
    assert told(cp2) == ("set_network_profile", {"slot": 2, "url": URL, "security_profile": 2})
    answers(cp2)
    setting = {"component": "OCPPCommCtrlr", "name": "NetworkConfigurationPriority", "value": "2"}
    assert told(cp2) == ("write_settings", {"settings": [setting]})
    answers(cp2)
    assert told(cp2) == ("reset", {"kind": "soft"})
    answers(cp2)
    upgrade.refresh_from_db()
    assert (upgrade.status, upgrade.step) == ("running", "arrival")
    security.raise_profile(cp2, SecurityProfile.TLS, at=AT)
    upgrade.refresh_from_db()
    assert upgrade.status == "done"


def test_the_profile_of_before_stays_behind_the_new_one_as_the_way_back(cp2, begin):
    from chargers.configuration import Place, Reported, record

    place = Place("NetworkConfigurationPriority", component="OCPPCommCtrlr")
    record(cp2, [Reported(place, value="1, 3")], at=AT)
    begin(cp2, 2, root="")
    answers(cp2)
    assert told(cp2)[1]["settings"][0]["value"] == "2,1,3"


def test_a_charger_of_1_6_is_told_by_its_configuration_key(cp1, begin):
    begin(cp1, 2, root="")
    assert told(cp1) == ("write_settings", {"settings": [{"name": "SecurityProfile", "value": "2"}]})
    answers(cp1)
    assert told(cp1)[0] == "reset"


def test_profile_3_waits_for_the_charger_to_have_its_certificate(cp2, begin):
    begin(cp2, 3, root="")
    assert told(cp2) == ("trigger", {"message": "SignCertificate"})
    answers(cp2)
    assert not Command.objects.filter(status=CommandStatus.PENDING).exists()
    certificates.sign(cp2, signing_request("CP-2"), at=AT)
    order = Command.objects.get(verb="certificate_signed")
    certificates.answered(order, is_taken=True)
    answers(cp2)
    assert told(cp2)[0] == "set_network_profile"


def test_a_step_that_is_refused_ends_it_with_the_reason(cp2, begin):
    upgrade = begin(cp2, 2)
    answers(cp2, CommandStatus.REJECTED)
    upgrade.refresh_from_db()
    assert upgrade.status == "failed" and "did not trust the root of our certificate" in upgrade.explanation
    assert not Command.objects.filter(status=CommandStatus.PENDING).exists()
    cp2.refresh_from_db()
    assert cp2.security_profile == 1


def test_a_charger_that_restarts_without_an_answer_has_restarted(cp1, begin):
    begin(cp1, 2, root="")
    answers(cp1)
    answers(cp1, CommandStatus.TIMEOUT)
    assert ProfileUpgrade.objects.get().step == "arrival"


def test_one_that_does_not_come_back_within_a_day_has_not_made_it(cp1, begin):
    begin(cp1, 2, root="")
    upgrades.advance_all(at=AT + timedelta(days=1, seconds=1))
    assert ProfileUpgrade.objects.get().status == "failed"


def test_a_stop_withdraws_what_was_not_sent_yet(cp1, begin):
    upgrade = begin(cp1, 2)
    upgrades.stop(upgrade, at=AT)
    assert Command.objects.get().status == CommandStatus.CANCELLED
    assert upgrades.advance_all(at=AT) == 0


def test_there_is_one_at_a_time(cp1, begin):
    begin(cp1, 2)
    with pytest.raises(ValidationError, match="already"):
        begin(cp1, 3)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"url": "ws://csms.example"}, "wss://"), ({"root": "rubbish"}, "no root certificate")],
)
def test_what_cannot_work_is_refused_before_anything_is_sent(cp1, begin, wrong, why):
    with pytest.raises(ValidationError, match=why):
        begin(cp1, 2, **wrong)
    assert not Command.objects.exists()


@pytest.mark.parametrize(("now", "to"), [(2, 2), (3, 2), (0, 1), (1, 4)])
def test_the_way_leads_up_only(cp1, begin, now, to):
    cp1.security_profile = now
    with pytest.raises(ValidationError):
        begin(cp1, to)
