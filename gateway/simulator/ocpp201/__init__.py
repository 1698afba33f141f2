"""OCPP 2.0.1 as a simulated charger speaks it: tables and translations only.

Each connector is an EVSE of its own, with one connector.
"""

from gateway.simulator.dialect import Dialect
from gateway.simulator.ocpp201.commands import HANDLERS
from gateway.simulator.ocpp201.reports import boot, heartbeat, report, status, status_name

OCPP201 = Dialect(
    subprotocol="ocpp2.0.1",
    boot=boot,
    heartbeat=heartbeat,
    status_name=status_name,
    status=status,
    report=report,
    handlers=HANDLERS,
    malformed="FormatViolation",
    tells_whole_charger=False,
)
