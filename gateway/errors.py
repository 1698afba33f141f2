"""What we answer when a CALL of a charger cannot be served.

    OcppError
    ├── FormationViolation             the frame or payload has the wrong shape (2.x spells it FormatViolation)
    ├── RpcFrameworkError              the frame is no OCPP-J array (2.x; 1.6 says FormationViolation)
    ├── MessageTypeNotSupported        first element unknown (2.x; 1.6 stays silent, see `gateway.dispatch`)
    ├── ProtocolError                  something required is missing
    ├── PropertyConstraintViolation    right type, value not allowed
    ├── OccurrenceConstraintViolation  too few or too many of something (1.6 spells it "Occurence")
    ├── TypeConstraintViolation        wrong type
    ├── NotImplementedAction           an action nobody knows
    ├── NotSupportedAction             an action of the specification that we do not serve
    ├── SecurityError                  not allowed in this state, e.g. before an accepted boot
    ├── InternalError                  our fault
    └── GenericError

Each knows its spelling on the wire in each version. OCPP-J 1.6 §4.2.3, OCPP-J 2.0.1 part 4 §4.3.
"""

from __future__ import annotations

from typing import Any, ClassVar


class OcppError(Exception):
    """A CALLERROR; the text is its description (the wire takes 255 characters of it)."""

    code: ClassVar[str]
    code_16: ClassVar[str] = ""  # where 1.6 differs

    def __init__(self, description: str = "", *, details: dict[str, Any] | None = None) -> None:
        super().__init__(description)
        self.description = description[:255]
        self.details = details or {}

    def wire_code(self, subprotocol: str) -> str:
        """Its name in one version; "ocpp1.6" keeps the two misspellings of the specification."""
        return self.code_16 or self.code if subprotocol == "ocpp1.6" else self.code


class FormationViolation(OcppError):
    code = "FormatViolation"
    code_16 = "FormationViolation"


class RpcFrameworkError(OcppError):
    code = "RpcFrameworkError"
    code_16 = "FormationViolation"


class MessageTypeNotSupported(OcppError):
    code = "MessageTypeNotSupported"
    code_16 = "FormationViolation"


class ProtocolError(OcppError):
    code = "ProtocolError"


class PropertyConstraintViolation(OcppError):
    code = "PropertyConstraintViolation"


class OccurrenceConstraintViolation(OcppError):
    code = "OccurrenceConstraintViolation"
    code_16 = "OccurenceConstraintViolation"


class TypeConstraintViolation(OcppError):
    code = "TypeConstraintViolation"


class NotImplementedAction(OcppError):
    code = "NotImplemented"


class NotSupportedAction(OcppError):
    code = "NotSupported"


class SecurityError(OcppError):
    code = "SecurityError"


class InternalError(OcppError):
    code = "InternalError"


class GenericError(OcppError):
    code = "GenericError"
