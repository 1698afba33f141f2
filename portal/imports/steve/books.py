"""Which of SteVe's tables and columns are read, and how they wait until somebody agrees. Holds no secret of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TextIO

from django.utils.translation import gettext

from portal import dumps
from portal.dumps import Dump
from portal.sheets import Unreadable

# Schemas from 0.9 to 1.2 of its database: what one of them has not got is missing in the rows.
WANTED = {
    "address": (
        "address_pk", "street", "house_number", "zip_code", "city", "country", "latitude", "longitude", "time_zone",
    ),
    "charge_box": (
        "charge_box_pk", "charge_box_id", "registration_status", "charge_point_serial_number",
        "charge_box_serial_number", "description", "address_pk", "location_latitude", "location_longitude",
        "security_profile", "auth_password",
    ),
    "connector": ("connector_pk", "charge_box_id", "connector_id"),
    "evse": ("evse_pk", "charge_box_id", "evse_id"),
    "ocpp_tag": (
        "ocpp_tag_pk", "id_tag", "parent_id_tag", "expiry_date", "max_active_transaction_count", "blocked", "note",
    ),
    "user": ("user_pk", "ocpp_tag_pk", "first_name", "last_name"),
    "user_ocpp_tag": ("user_pk", "ocpp_tag_pk"),
    "transaction_start": (
        "transaction_pk", "event_timestamp", "connector_pk", "evse_pk", "id_tag", "start_timestamp", "start_value",
    ),
    "transaction_stop": ("transaction_pk", "event_timestamp", "stop_timestamp", "stop_value", "stop_reason"),
}  # fmt: skip
SET = "set"  # in place of the hash of a password, which nobody needs
MOST_NAMES = 12


def read(stream: TextIO, *, most_rows: int | None = None) -> Dump:
    """Raises Unreadable for what is no dump of SteVe's database."""
    dump = dumps.read(stream, WANTED, most_rows=most_rows)
    if not dump.tables.keys() & {"charge_box", "ocpp_tag"}:
        found = ", ".join(sorted({*dump.tables, *dump.others})[:MOST_NAMES]) or gettext("no table at all")
        raise Unreadable(
            gettext(
                "There is neither charge_box nor ocpp_tag in it, but {found}. Make the dump of SteVe's database: "
                "mysqldump stevedb > steve.sql"
            ).format(found=found)
        )
    for row in dump.tables.get("charge_box", ()):
        row["auth_password"] = SET if row.get("auth_password") else None
    return dump


def kept(dump: Dump) -> str:
    return json.dumps(asdict(dump))


def of_kept(text: str) -> Dump:
    return Dump(**json.loads(text))
