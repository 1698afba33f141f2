"""Is a payload what the specification says? The JSON schemas of the `ocpp` package, compiled once per process.

Three ways to ask:

- `Schemas.read_request`: a charger's CALL. What is unambiguous is put right ("5" → 5, "available" → "Available"); what
  carries money is never refused, what is left of a wrong field is removed.
- `Schemas.read_answer`: a charger's answer to us, put right likewise, refused if that does not help.
- `Schemas.objections`: what we are about to send, to the letter.

Unknown fields are tolerated in what comes in, and named in the findings.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema_rs import Draft4Validator, ValidationError

from gateway import mending
from gateway.errors import (
    FormationViolation,
    OccurrenceConstraintViolation,
    OcppError,
    PropertyConstraintViolation,
    ProtocolError,
    TypeConstraintViolation,
)

Payload = dict[str, Any]
FINDINGS_LIMIT = 20
# Values of a payload that is looked through for faults: each may be one, and costs some 20 µs and 3 KB. Half a million
# in a frame kept a worker for 45 s. A day of meter values, a minute and five measurands each, has 45,000.
MOST_VALUES = 60_000
ROUNDS = 4  # a repair can bring the next fault to light: null removed, then the field is missing

# Texts in these only describe: a longer one is clipped. Elsewhere a clipped text could become another token or key.
DESCRIPTIVE = frozenset({"BootNotification", "StatusNotification", "SecurityEventNotification"})
# These only tell, and are kept as told: (action, field) → the fault that does no harm. Firmware says words of a newer
# version, or its own; refused, its boot would never be accepted and its update look failed.
NEWS = {
    ("BootNotification", "reason"): "enum",
    ("FirmwareStatusNotification", "status"): "enum",
    ("SignedFirmwareStatusNotification", "status"): "enum",
    ("DiagnosticsStatusNotification", "status"): "enum",
    ("LogStatusNotification", "status"): "enum",
    ("DataTransfer", "data"): "type",  # text in 1.6; vendors send objects
}


class Schemas:
    """All messages of one version."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lenient: dict[str, Draft4Validator] = {}
        self._strict: dict[str, Draft4Validator] = {}
        for file in (files("ocpp") / folder / "schemas").iterdir():
            schema = json.loads(file.read_text(encoding="utf-8-sig"))
            name = file.name.removesuffix(".json")
            # 1.6 names its requests "Reset", 2.x "ResetRequest".
            name = name if name.endswith("Response") else name.removesuffix("Request")
            # A charger's bad timestamp is data (we have our own clock); one of ours would be a bug.
            self._lenient[name] = Draft4Validator(schema, validate_formats=False)
            self._strict[name] = Draft4Validator(schema, validate_formats=True)

    def knows(self, action: str) -> bool:
        return f"{action}Response" in self._lenient

    def actions(self) -> set[str]:
        """All messages of the version that are no answers."""
        return {name for name in self._lenient if not name.endswith("Response")}

    def is_unanswered(self, action: str) -> bool:
        """Whether it is a SEND (2.1): a message that has no answer."""
        return action in self._lenient and not action.endswith("Response") and not self.knows(action)

    def read_request(
        self, action: str, payload: Payload, *, is_money: bool, is_strict: bool = False
    ) -> tuple[Payload, list[str]]:
        """The payload put right, and what was tolerated. Raises OcppError, never when money is at stake.

        ``is_strict``: nothing is put right nor tolerated, where no money is at stake.
        """
        validator = self._lenient[action]
        if validator.is_valid(payload):
            return payload, []
        if mending.is_larger(payload, MOST_VALUES):
            if not is_money:
                raise self._refusal(_first_fault(validator, payload))
            payload, left_out = mending.without_lists(payload)
            payload, findings = self.read_request(action, payload, is_money=True)
            return payload, [f"Too large to be put right; left out: {', '.join(left_out)[:140]}.", *findings]
        if is_strict and not is_money:
            raise self._refusal(_first_fault(validator, payload))
        payload, findings, remaining = self._mend(validator, payload, clip=action in DESCRIPTIVE)
        findings += [_sentence(error) for error in remaining if _is_news(action, error)]
        remaining = [error for error in remaining if not _is_news(action, error)]
        if remaining and not is_money:
            raise self._refusal(remaining[0])
        if remaining:
            findings += [_sentence(error) for error in remaining]
            payload = mending.without_wrong_types(payload, remaining)
        return payload, findings[:FINDINGS_LIMIT]

    def read_answer(self, action: str, payload: Any) -> tuple[Payload, list[str]]:
        """A charger's answer put right, and what was tolerated. Raises OcppError if it makes no sense."""
        if not isinstance(payload, dict):
            raise FormationViolation(f"The answer is {json.dumps(payload)[:40]}, not a JSON object.")
        validator = self._lenient[f"{action}Response"]
        if validator.is_valid(payload):
            return payload, []
        if mending.is_larger(payload, MOST_VALUES):
            raise self._refusal(_first_fault(validator, payload))
        payload, findings, remaining = self._mend(validator, payload, clip=False)
        if remaining:
            raise self._refusal(remaining[0])
        return payload, findings[:FINDINGS_LIMIT]

    def objections(self, action: str, payload: Payload) -> list[str]:
        """What is wrong with a request of ours, in sentences that name the field; empty if nothing is."""
        return [_sentence(error) for error in self._strict[action].iter_errors(payload)]

    def is_valid_answer(self, action: str, payload: Payload) -> bool:
        """Whether our answer to a charger is what the specification says."""
        return self._strict[f"{action}Response"].is_valid(payload)

    def _mend(
        self, validator: Draft4Validator, payload: Payload, *, clip: bool
    ) -> tuple[Payload, list[str], list[ValidationError]]:
        payload = mending.copy(payload)
        findings: list[str] = []
        errors = list(validator.iter_errors(payload))
        for _ in range(ROUNDS):
            faults = [error for error in errors if error.kind.name != mending.UNKNOWN]
            mended = [said for error in faults if (said := mending.mend(payload, error, clip=clip))]
            if not mended:
                break
            findings += mended
            errors = list(validator.iter_errors(payload))
        findings += mending.unknown_fields(errors)
        return payload, findings, [error for error in errors if error.kind.name != mending.UNKNOWN]

    def _refusal(self, error: ValidationError) -> OcppError:
        """The right error for a fault: PROTOCOL of both versions, by the schema keyword that was broken."""
        sentence = _sentence(error)
        match error.kind.name:
            case "required":
                # 1.6 calls an incomplete payload a ProtocolError; 2.x counts occurrences.
                return ProtocolError(sentence) if self._folder == "v16" else OccurrenceConstraintViolation(sentence)
            case "type":
                return TypeConstraintViolation(sentence)
            case "minItems" | "maxItems":
                return OccurrenceConstraintViolation(sentence)
            case "additionalProperties":
                return FormationViolation(sentence)
        return PropertyConstraintViolation(sentence)


@cache
def load(folder: str) -> Schemas:
    """The schemas of a version by its folder in the `ocpp` package ("v16", "v201"); 10 ms, once per process."""
    return Schemas(folder)


def _first_fault(validator: Draft4Validator, payload: Payload) -> ValidationError:
    """Of a payload that has one."""
    try:
        validator.validate(payload)
    except ValidationError as error:
        return error
    raise AssertionError("The payload has no fault.")


def _is_news(action: str, error: ValidationError) -> bool:
    return NEWS.get((action, ".".join(map(str, error.instance_path)))) == error.kind.name


def _sentence(error: ValidationError) -> str:  # noqa: PLR0911 - a table
    """What is wrong, naming the field. Without the value where it may be long or a password."""
    path = mending.path_of(error)
    kind: Any = error.kind
    match kind.name:
        case "required":
            return f"{path + ': ' if path else ''}{kind.property!r} is missing."
        case "type":
            return f"{path or 'payload'}: is {mending.type_name(error.instance)}, must be {' or '.join(kind.types)}."
        case "maxLength":
            return f"{path}: has {len(str(error.instance))} characters, may have {kind.value}."
        case "enum":
            return f"{path}: {str(error.instance)[:40]!r} is not one of {', '.join(map(str, kind.options))[:140]}."
        case "additionalProperties":
            return f"{path + ': ' if path else ''}{', '.join(kind.unexpected)[:80]!r} is not a field of this message."
        case "format":
            return f"{path}: {str(error.instance)[:40]!r} is no {kind.format}."
    return f"{path}: {error.message[:160]}."
