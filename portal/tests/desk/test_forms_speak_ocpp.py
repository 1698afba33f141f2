"""What a form orders, each version of OCPP can say: the contract between the desk and the gateway."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.utils import timezone

from chargers.authority import load
from chargers.models import Command
from gateway import schemas
from gateway.registry import DIALECTS
from portal.forms.commands import FORMS
from sessions.models import IdToken, Reservation

PROFILE = {"evse_id": "0", "profile_id": "3", "stack_level": "1", "unit": "A", "schedule": "0 16\n3600 32"}
SETTING = {"ocpp1.6": "HeartbeatInterval"} | dict.fromkeys(("ocpp2.0.1", "ocpp2.1"), "OCPPCommCtrlr.HeartbeatInterval")
SETTING["ocpp2.1"] = SETTING["ocpp2.0.1"]
SIGNED = {"url": "https://example.com/fw.bin", "certificate": "PEM", "signature": "c2ln"}
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
    "update_firmware": [{"url": "https://example.com/fw.bin", "retrieve_at": "", "retries": "2"}, SIGNED],
    "list_profiles": [{}],
    "list_certificates": [{"kind": "csms_root"}, {"kind": "manufacturer_root"}],
    "install_certificate": [{"kind": "csms_root", "certificate": "ROOT"}],
    "delete_certificate": [{"certificate": "CERTIFICATE"}],
    "set_monitors": [{"name": "EVSE:1.Power", "kind": "upper", "value": "70.5", "severity": "3"}],
    "clear_monitors": [{"monitor": "7"}],
    "monitoring_report": [{}],
    "set_monitoring_base": [{"base": "factory"}],
    "set_monitoring_level": [{"severity": "4"}],
    "show_message": [{"message_id": "1", "content": "Hello", "priority": "front", "state": "idle"}],
    "list_messages": [{}],
    "clear_message": [{"message_id": "1"}],
    "customer_information": [{"token": "04A2B3", "report": "on"}, {"customer": "Dana", "clear": "on"}],
    "fetch_logs": [{"kind": "diagnostics", "url": "ftp://example.com/in", "since": "2026-01-31T18:30", "until": ""}],
    "data_transfer": [{"vendor_id": "acme", "message_id": "", "text": "hello"}],
    "raw": [{"action": "ClearCache", "payload": "{}"}],
}


def test_every_form_is_tried_here():
    assert FILLED.keys() == FORMS.keys()


@pytest.mark.parametrize(
    ("name", "version"), [(name, version) for name, form in FORMS.items() for version in form.versions]
)
def test_what_a_form_orders_is_a_valid_message(name, version, make_charger, plug, start):
    charger = make_charger("CP-1", version)
    plug(charger)
    IdToken.objects.create(value="04A2B3", group="FLEET", expires_at=timezone.now())
    Reservation.objects.create(
        charger=charger, reservation_id=4, token_value="04A2B3", expires_at=timezone.now() + timedelta(hours=1)
    )
    session = start(charger, transaction_id="77")
    held = charger.certificates.create(
        kind="csms_root", hash_algorithm="SHA256", issuer_name_hash="aa", issuer_key_hash="bb", serial_number="c1",
        reported_at=timezone.now(),
    )  # fmt: skip
    charger.monitors.create(
        monitor_id=7, path="EVSE:1.Power", kind="upper", value=70, severity=3, reported_at=timezone.now()
    )
    words = {"SESSION": str(session.pk), "SETTING": SETTING[version], "CERTIFICATE": str(held.pk), "ROOT": root()}
    dialect = DIALECTS[version]
    for filled in FILLED[name]:
        data = {key: words.get(value, value) for key, value in filled.items()}
        form = FORMS[name](charger, data)
        assert form.is_valid(), form.errors
        action, payload = dialect.word(_command(charger, form))
        assert not schemas.load(dialect.schemas).objections(action, payload), (action, payload)


def root() -> str:
    """A root certificate in PEM."""
    return load(settings.CHARGER_CA_FILE).certificate.public_bytes(Encoding.PEM).decode()


def _command(charger: Any, form: Any) -> Command:
    if form.verb:
        return Command(charger=charger, verb=form.verb, arguments=form.arguments())
    return Command(charger=charger, action=form.cleaned_data["action"], payload=form.cleaned_data["payload"])
