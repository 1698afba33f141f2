"""OCPP 1.6 (with the security whitepaper's messages) as a simulated charger speaks it: tables and translations only."""

from gateway.simulator.dialect import Dialect
from gateway.simulator.ocpp16.commands import HANDLERS
from gateway.simulator.ocpp16.reports import boot, heartbeat, report, status

OCPP16 = Dialect(
    subprotocol="ocpp1.6",
    boot=boot,
    heartbeat=heartbeat,
    status_name=lambda state: state.value,
    status=status,
    report=report,
    handlers=HANDLERS,
    malformed="FormationViolation",
    tells_whole_charger=True,
)
