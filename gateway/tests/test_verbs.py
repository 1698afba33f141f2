"""Every verb in every version: what it says is valid to the letter, or it is refused in words. One row per verb."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.dialect import Unspeakable
from gateway.registry import DIALECTS
from gateway.tests.talk import Talk

AT = "2026-06-02T18:00:00Z"
PROFILE = {"id": 7, "stack_level": 1, "purpose": "tx_default", "unit": "A", "periods": [{"start_s": 0, "limit": 16}]}
HASHES = {"issuer_name_hash": "a1", "issuer_key_hash": "b2", "serial_number": "0c"}
TARIFF = {"tariffId": "NIGHT", "currency": "EUR"}
SETTING = {"component": "OCPPCommCtrlr", "name": "HeartbeatInterval", "value": "60"}
SESSION = {"transaction_id": "77"}
FIXED_VAR = {"priority": 1, "setpoint": 5.0, "unit": "PctMaxVar"}
VERBS: dict[str, dict[str, Any]] = {
    "adjust_stream": {"stream_id": 4, "values": 10},
    "allow_energy_transfer": {**SESSION, "transfers": ["DC"]},
    "cancel_reservation": {"reservation_id": 4},
    "certificate_signed": {"chain": "PEM"},
    "change_availability": {"evse_id": 1, "operative": False},
    "change_tariff": {**SESSION, "tariff": TARIFF},
    "clear_cache": {},
    "clear_der_controls": {},
    "clear_message": {"message_id": 3},
    "clear_monitors": {"ids": [1, 2]},
    "clear_profiles": {"purpose": "tx_default"},
    "clear_tariffs": {},
    "composite_schedule": {"evse_id": 1, "duration_s": 600, "unit": "A"},
    "customer_information": {"customer": "C-1", "report": True},
    "data_transfer": {"vendor_id": "acme", "message_id": "a", "data": "b"},
    "delete_certificate": HASHES,
    "fetch_logs": {"url": "https://x.example/up", "kind": "security", "since": AT},
    "install_certificate": {"kind": "csms_root", "certificate": "PEM"},
    "list_certificates": {"kind": "csms_root"},
    "list_messages": {},
    "list_profiles": {"evse_id": 1},
    "local_list_version": {},
    "monitoring_report": {},
    "publish_firmware": {"url": "https://x.example/fw", "checksum": "d41d8cd98f00b204e9800998ecf8427e"},
    "read_der_controls": {"kind": "VoltVar"},
    "read_settings": {},
    "read_streams": {},
    "read_tariffs": {"evse_id": 1},
    "remote_start": {"token": "04A2B3C4", "evse_id": 1, "profile": {**PROFILE, "purpose": "tx"}},
    "remote_stop": SESSION,
    "request_battery_swap": {"token": "04A2B3C4"},
    "reserve": {"evse_id": 1, "token": "04A2B3C4", "expires_at": AT, "reservation_id": 4},
    "reset": {"kind": "hard"},
    "rotate_password": {},
    "send_local_list": {"version": 2, "mode": "full", "tokens": [{"value": "04A2B3C4", "status": "accepted"}]},
    "session_status": SESSION,
    "set_default_tariff": {"evse_id": 0, "tariff": TARIFF},
    "set_der_control": {"control_id": "D-1", "kind": "FixedVar", "control": {"fixedVar": FIXED_VAR}},
    "set_monitoring_base": {"base": "all"},
    "set_monitoring_level": {"severity": 5},
    "set_monitors": {"monitors": [{"name": "EVSE.Power", "kind": "upper", "value": 9000}]},
    "set_network_profile": {"slot": 1, "url": "wss://csms.example/ocpp", "security_profile": 2},
    "set_profile": {"evse_id": 1, "profile": PROFILE},
    "show_message": {"message_id": 3, "content": "Welcome"},
    "signal_afrr": {"at": AT, "signal": 40},
    "trigger": {"message": "Heartbeat"},
    "unlock": {"evse_id": 1},
    "unpublish_firmware": {"checksum": "d41d8cd98f00b204e9800998ecf8427e"},
    "update_cost": {**SESSION, "total_cost": 4.2},
    "update_firmware": {"url": "https://x.example/fw", "retrieve_at": AT},
    "update_schedule": {"profile_id": 7, "limit": 8},
    "use_priority": {**SESSION, "is_active": True},
    "web_payment_started": {"evse_id": 1, "timeout_s": 60},
    "write_settings": {"settings": [SETTING]},
}


def test_every_verb_is_tried_here() -> None:
    assert VERBS.keys() == {verb for dialect in DIALECTS.values() for verb in dialect.wordings}


@pytest.mark.parametrize("subprotocol", DIALECTS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_a_valid_message_or_refused_in_words(make_charger: Any, verb: str, subprotocol: str) -> None:
    talk, arguments = Talk(make_charger("CP-1", subprotocol)), VERBS[verb]
    if verb == "write_settings" and subprotocol == "ocpp1.6":
        arguments = {"settings": [{"name": "HeartbeatInterval", "value": "60"}]}
    if verb in talk.dialect.wordings:
        action, _ = talk.told(verb, **arguments)  # asserts that the schema has no objections
        assert talk.messages.knows(action)
    else:
        with pytest.raises(Unspeakable, match=f"OCPP {subprotocol[4:]} has no message for '{verb}'"):
            talk.told(verb, **arguments)


@pytest.mark.parametrize("subprotocol", DIALECTS)
@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "x", "http://", "http://169.254.169.254/", "https://u:p@169.254.1.1/", "http://[FE80::1]/"],
)
def test_a_file_lies_on_a_server_or_nowhere(make_charger: Any, subprotocol: str, url: str) -> None:
    talk = Talk(make_charger("CP-1", subprotocol))
    for verb in ("update_firmware", "fetch_logs", "publish_firmware"):
        if verb in talk.dialect.wordings:
            with pytest.raises(Unspeakable, match="'url'"):
                talk.told(verb, **{**VERBS[verb], "url": url})


@pytest.mark.parametrize("subprotocol", DIALECTS)
def test_a_reservation_may_be_for_a_group(make_charger: Any, subprotocol: str) -> None:
    talk = Talk(make_charger("CP-1", subprotocol))
    _, payload = talk.told("reserve", **VERBS["reserve"], group="fleet-7")
    assert "fleet-7" in (payload.get("parentIdTag"), payload.get("groupIdToken", {}).get("idToken"))
