"""What a charger told, by REST: each list its own rows only, in two queries, by pages."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from chargers.models import Alert, CustomerRecord, DisplayMessage, InstalledCertificate, Monitor
from sessions.models import Reservation
from smartcharging.models import ChargingNeeds, ExternalLimit, InstalledProfile

NOW = timezone.now()
HASHES = {"hash_algorithm": "SHA256", "issuer_name_hash": "aa", "issuer_key_hash": "bb", "reported_at": NOW}
ROWS = {
    "monitors": lambda charger, n: Monitor(
        charger=charger, monitor_id=n, path=f"Connector/Temp{n:02}", kind="upper", value=70, severity=2, reported_at=NOW
    ),
    "alerts": lambda charger, n: Alert(
        charger=charger, key=uuid4(), path="Connector/Temp", value=str(n), received_at=NOW - timedelta(seconds=n)
    ),
    "display-messages": lambda charger, n: DisplayMessage(
        charger=charger, message_id=n, priority="cycle", format="UTF8", content="Welcome", reported_at=NOW
    ),
    "certificates": lambda charger, n: InstalledCertificate(
        charger=charger, kind="csms_root", serial_number=f"{n:x}", **HASHES
    ),
    "customer-records": lambda charger, n: CustomerRecord(
        charger=charger, request_id=7, seq_no=n, data="Dora", received_at=NOW - timedelta(seconds=n)
    ),
    "profiles": lambda charger, n: InstalledProfile(
        charger=charger, evse_id=1, profile_id=n, stack_level=n, purpose="tx_default", kind="absolute",
        schedules=[{"unit": "A", "periods": [{"start_s": 0, "limit": 16.0}]}], installed_at=NOW,
    ),
    "external-limits": lambda charger, n: ExternalLimit(charger=charger, evse_id=n, source="EMS", told_at=NOW),
    "charging-needs": lambda charger, n: ChargingNeeds(
        charger=charger, evse_id=n, energy_transfer="DC", parameters={"ev_max_w": 50_000}, told_at=NOW
    ),
    "reservations": lambda charger, n: Reservation(
        charger=charger, reservation_id=n, token_value="04A2", expires_at=NOW - timedelta(seconds=n)
    ),
}  # fmt: skip


@pytest.fixture
def told(make_charger):
    mine, other = make_charger("CP-2", "ocpp2.0.1"), make_charger("CP-9", "ocpp2.0.1")
    for make in ROWS.values():
        for charger, count in ((mine, 5), (other, 1)):
            rows = [make(charger, n) for n in range(count)]
            type(rows[0])._default_manager.bulk_create(rows)


@pytest.mark.parametrize("what", ROWS)
def test_each_list_shows_its_charger_only_by_pages_and_in_few_queries(api, told, what, django_assert_max_num_queries):
    url = f"/api/v1/chargers/cp-2/{what}/"
    with django_assert_max_num_queries(4):  # two of them are the key's
        first = api.get(f"{url}?page_size=3").json()
    second = api.get(first["next"]).json()
    rows = first["results"] + second["results"]
    assert (len(first["results"]), len(second["results"]), second["next"]) == (3, 2, None)
    assert len({str(row) for row in rows}) == 5
    assert api.get(f"/api/v1/chargers/CP-0/{what}/").status_code == 404


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("monitors/?path=temp03", 1), ("monitors/?kind=lower", 0), ("alerts/?open=true", 5), ("alerts/?open=false", 0),
        ("certificates/?kind=csms_root", 5), ("customer-records/?request_id=7", 5), ("profiles/?evse_id=2", 0),
        ("profiles/?purpose=tx_default", 5), ("reservations/?status=used", 0), ("reservations/?token=04a2", 5),
    ],
)  # fmt: skip
def test_lists_are_filtered(api, told, query, count):
    assert len(api.get(f"/api/v1/chargers/CP-2/{query}").json()["results"]) == count


def test_what_chargers_know_of_people_is_not_for_everybody(as_user, alice, bob, told):
    url = "/api/v1/chargers/CP-2/customer-records/"
    assert (as_user(alice).get(url).status_code, as_user(bob).get(url).status_code) == (200, 403)
    assert as_user(bob).get("/api/v1/chargers/CP-2/monitors/").status_code == 200


def test_a_profile_is_read_with_its_schedules(api, told):
    row = api.get("/api/v1/chargers/CP-2/profiles/").json()["results"][0]
    assert row["schedules"] == [{"unit": "A", "periods": [{"start_s": 0, "limit": 16.0}]}]
    assert (row["purpose"], row["command"]) == ("tx_default", None)
