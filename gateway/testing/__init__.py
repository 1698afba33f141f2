"""What tests of Chargeyard talk with: a scripted charger, recorded frames, and a CSMS that is not ours."""

from gateway.testing.charger import CallFailed, FakeCharger

__all__ = ["CallFailed", "FakeCharger"]
