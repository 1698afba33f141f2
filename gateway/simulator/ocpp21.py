"""OCPP 2.1 as a simulated charger speaks it: what it says and is told is in both versions the same as in 2.0.1."""

from dataclasses import replace

from gateway.simulator.ocpp201 import OCPP201

OCPP21 = replace(OCPP201, subprotocol="ocpp2.1")
