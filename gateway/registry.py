"""All OCPP versions we speak, by subprotocol.

To add one: a package like `gateway.ocpp201`, a line here and one in `gateway.handshake`.
"""

from __future__ import annotations

from gateway.dialect import Dialect

# Importing a module of a package runs the package first: its chapters fill the tables of its dialect.
from gateway.ocpp16.dialect import dialect as ocpp16
from gateway.ocpp21.dialect import dialect as ocpp21
from gateway.ocpp201.dialect import dialect as ocpp201

DIALECTS: dict[str, Dialect] = {dialect.subprotocol: dialect for dialect in (ocpp16, ocpp201, ocpp21)}
