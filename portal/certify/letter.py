"""The letter of the specification: the JSON schemas that the Open Charge Alliance publishes, formats included.

Not the yard's own reading of them (`gateway.schemas`): a judge does not ask the defendant.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema_rs import Draft4Validator

from portal.certify.expect import Failed

FOLDERS = {"1.6": "v16", "2.0.1": "v201", "2.1": "v21"}


@cache
def _validator(ocpp: str, name: str) -> Draft4Validator:
    schemas = files("ocpp") / FOLDERS[ocpp] / "schemas"
    try:
        text = (schemas / f"{name}.json").read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Failed(f"OCPP {ocpp} has no message {name!r}") from None
    return Draft4Validator(json.loads(text), validate_formats=True)


def check_request(ocpp: str, action: str, payload: Any) -> None:
    """Raises Failed if a CALL is not what the specification says."""
    _check(ocpp, action if ocpp == "1.6" else f"{action}Request", payload)


def check_answer(ocpp: str, action: str, payload: Any) -> None:
    """Raises Failed if a CALLRESULT is not what the specification says."""
    _check(ocpp, f"{action}Response", payload)


def _check(ocpp: str, name: str, payload: Any) -> None:
    for error in _validator(ocpp, name).iter_errors(payload):
        place = ".".join(str(step) for step in error.instance_path)
        raise Failed(f"{name} is not valid OCPP {ocpp}: {place + ': ' if place else ''}{error.message[:200]}")
