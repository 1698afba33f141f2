"""What chargers told of their certificates, monitors and alerts, on the pages where people look for it."""

from __future__ import annotations

from django.utils import timezone

from chargers import certificates, monitors
from chargers.certificates import Hashes, Kind
from chargers.configuration import Place
from chargers.models import Monitor
from chargers.monitors import Raised, Watch
from chargers.tests.test_authority import signing_request
from portal.tests.desk.conftest import part

PLACE = Place("Temperature", component="EVSE", evse_id=1)
SECURITY, CONFIGURATION = "/chargers/CP-2/security/", "/chargers/CP-2/configuration/"


def test_certificates_are_shown_with_the_one_that_we_signed(desk, cp2):
    assert "No certificate is known" in part(desk, SECURITY, "certificates")
    certificates.told(cp2, [(Kind.CSMS_ROOT, Hashes("SHA256", "aa", "bb", "C0DE"))], of_kinds=[], at=timezone.now())
    certificates.sign(cp2, signing_request("CP-2"), at=timezone.now())
    shown = part(desk, SECURITY, "certificates")
    assert "C0DE" in shown and "Its own, signed by us" in shown


def test_an_alert_is_open_until_it_is_over(desk, cp2):
    monitors.record_alerts(cp2, [Raised(1, PLACE, value="81", tech_code="Hot")], at=timezone.now())
    shown = part(desk, SECURITY, "alerts")
    assert "EVSE:1.Temperature" in shown and "Hot" in shown and "open" in shown
    monitors.record_alerts(cp2, [Raised(2, PLACE, is_over=True)], at=timezone.now())
    assert "over since" in part(desk, SECURITY, "alerts")


def test_monitors_are_shown_where_they_are(desk, cp2):
    assert "watches" not in part(desk, CONFIGURATION, "monitors")
    monitors.record(cp2, [Watch(7, PLACE, Monitor.Kind.UPPER, 70, 3)], at=timezone.now())
    assert "above 70" in part(desk, CONFIGURATION, "monitors")
