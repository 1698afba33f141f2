"""What a form orders, each version of OCPP can say: the contract between the desk and the gateway."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from chargers.models import Command
from gateway import schemas
from gateway.registry import DIALECTS
from portal.forms.commands import FORMS
from sessions.models import IdToken, Reservation

PROFILE = {"evse_id": "0", "profile_id": "3", "stack_level": "1", "unit": "A", "schedule": "0 16\n3600 32"}
SETTING = {"ocpp1.6": "HeartbeatInterval", "ocpp2.0.1": "OCPPCommCtrlr.HeartbeatInterval"}
FILLED: dict[str, list[dict[str, str]]] = {
    "remote_start": [{"evse_id": "1", "token": "04A2B3"}],
    "remote_stop": [{"session_id": "SESSION"}],
    "unlock": [{"evse_id": "1"}],
    "reset": [{"kind": "soft"}, {"kind": "hard"}],
    "change_availability": [{"evse_id": "0", "operative": "yes"}, {"evse_id": "1", "operative": "no"}],
    "reserve": [{"evse_id": "1", "token": "04A2B3", "minutes": "30"}],
    "cancel_reservation": [{"reservation_id": "4"}],
    "trigger": [{"message": "MeterValues", "evse_id": "1"}, {"message": "Heartbeat", "evse_id": "0"}],
    "set_profile": [
        {**PROFILE, "purpose": "tx_default"},
        {**PROFILE, "purpose": "charger_max", "unit": "W"},
        {**PROFILE, "purpose": "tx", "evse_id": "1"},
    ],
    "clear_profiles": [{"evse_id": "0"}, {"profile_id": "3", "evse_id": "1"}],
    "composite_schedule": [{"evse_id": "0", "duration_s": "3600", "unit": "A"}],
    "read_settings": [{"names": ""}, {"names": "SETTING"}],
    "send_local_list": [{}],
    "local_list_version": [{}],
    "clear_cache": [{}],
    "update_firmware": [{"url": "https://example.com/fw.bin", "retrieve_at": "", "retries": "2"}],
    "fetch_logs": [{"kind": "diagnostics", "url": "ftp://example.com/in", "since": "2026-01-31T18:30", "until": ""}],
    "data_transfer": [{"vendor_id": "acme", "message_id": "", "text": "hello"}],
    "raw": [{"action": "ClearCache", "payload": "{}"}],
}


def test_every_form_is_tried_here():
    assert FILLED.keys() == FORMS.keys()


@pytest.mark.parametrize("version", DIALECTS)
@pytest.mark.parametrize("name", FORMS)
def test_what_a_form_orders_is_a_valid_message(name, version, make_charger, plug, start):
    charger = make_charger("CP-1", version)
    plug(charger)
    IdToken.objects.create(value="04A2B3", group="FLEET", expires_at=timezone.now())
    Reservation.objects.create(
        charger=charger, reservation_id=4, token_value="04A2B3", expires_at=timezone.now() + timedelta(hours=1)
    )
    session = start(charger, transaction_id="77")
    words = {"SESSION": str(session.pk), "SETTING": SETTING[version]}
    dialect = DIALECTS[version]
    for filled in FILLED[name]:
        data = {key: words.get(value, value) for key, value in filled.items()}
        form = FORMS[name](charger, data)
        assert form.is_valid(), form.errors
        action, payload = dialect.word(_command(charger, form))
        assert not schemas.load(dialect.schemas).objections(action, payload), (action, payload)


def _command(charger: Any, form: Any) -> Command:
    if form.verb:
        return Command(charger=charger, verb=form.verb, arguments=form.arguments())
    return Command(charger=charger, action=form.cleaned_data["action"], payload=form.cleaned_data["payload"])
