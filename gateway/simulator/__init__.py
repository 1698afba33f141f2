"""Simulated chargers that keep the specification's promises, thousands in one process.

Three layers, each usable and testable without the next:

* the charger itself, pure and on a clock that is passed in: `agenda` (time), `car`, `connector`, `charger`,
  `authorization`, `profiles`, `configuration`, `jobs`, and `street`, the drivers and mishaps around it;
* the dialects `ocpp16/`, `ocpp201/` and `ocpp21`, which translate its events into CALLs and the CSMS's CALLs into its
  verbs;
* the `link`, a WebSocket with one CALL in flight and a queue that outlives it; `agent` ties the three together.

Knows neither Django nor the CSMS it talks to: it shares no code with the gateway it exercises, so a
misreading of the specification on one side is not mirrored on the other.
"""
