from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from chargers.models import Notice


def test_what_a_charger_told_is_listed_newest_first_and_filtered(api, make_charger):
    charger, other = make_charger("CP-3", "ocpp2.1"), make_charger("CP-4", "ocpp2.1")
    for n, (kind, key) in enumerate([("settlement", "psp-1"), ("der_alarm", "VoltVar"), ("settlement", "psp-2")]):
        at = timezone.now() + timedelta(seconds=n)
        Notice.objects.create(charger=charger, kind=kind, key=key, payload={"limit_L2": n}, received_at=at)
    Notice.objects.create(charger=other, kind="settlement", payload={}, received_at=timezone.now())
    rows = api.get("/api/v1/chargers/cp-3/notices/").json()["results"]
    assert [row["key"] for row in rows] == ["psp-2", "VoltVar", "psp-1"]
    assert rows[0]["payload"] == {"limit_L2": 2}
    rows = api.get("/api/v1/chargers/CP-3/notices/?kind=settlement&key=psp-1").json()["results"]
    assert [row["key"] for row in rows] == ["psp-1"]


def test_notices_of_an_unknown_charger_are_not_found(api):
    assert api.get("/api/v1/chargers/CP-0/notices/").status_code == 404
