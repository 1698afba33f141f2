"""J: meter values by the clock and by the sample."""

from __future__ import annotations

from functools import partial
from typing import Any

from portal.certify.expect import expect
from portal.certify.registry import add, proves
from portal.certify.station201 import END_WH, Station201, register
from portal.certify.wire import Payload

CLOCK = "Sample.Clock"
SIGNED: Payload = {
    "signedMeterValue": {
        "signedMeterData": "T0NNRg==", "signingMethod": "ECDSA-secp256r1-SHA256", "encodingMethod": "OCMF",
        "publicKey": "MFkw",
    }
}  # fmt: skip


async def sees_values(s: Station201, *wanted: tuple[str, float]) -> None:
    """What the operator sees of the session's readings: their contexts and registers."""
    (session,) = await s.sessions()
    rows = (await s.desk.get(f"sessions/{session['id']}/meter-values/"))["results"]
    seen = [(row["context"], row["energy_wh"]) for row in rows]
    for one in wanted:
        expect(one in seen, f"The reading {one} is not among {seen}")


@proves("TC_J_01")
async def by_the_clock_without_session(s: Station201) -> None:
    for wh in (1000.0, 1000.0):
        await s.says("MeterValues", {"evseId": 1, "meterValue": [register(wh, CLOCK)]})
    await s.says("MeterValues", {"evseId": 0, "meterValue": [register(9000.0, CLOCK)]})
    expect(await s.sessions() == [], "A session came of it")


async def in_a_session(context: str, trigger: str, more: dict[str, Any], s: Station201) -> None:
    await s.charges()
    for wh in (1500.0, 2000.0):
        await s.tells(trigger, meter=[register(wh, context, **more)])
    await s.session(is_open=True, meter_last_wh=2000)
    await sees_values(s, (context, 1500.0), (context, 2000.0))


async def at_the_end(context: str, more: dict[str, Any], s: Station201) -> None:
    await s.charges()
    await s.is_told_to_stop()
    meter = [register(1900.0, context, **more), register(END_WH, "Transaction.End", **more)]
    await s.ends("EVCommunicationLost", "Local", state="Idle", meter=meter)
    await sees_values(s, (context, 1900.0), ("Transaction.End", END_WH))


add("TC_J_02", partial(in_a_session, CLOCK, "MeterValueClock", {}))
add("TC_J_03", partial(at_the_end, CLOCK, {}))
add("TC_J_04", partial(at_the_end, CLOCK, SIGNED))
add("TC_J_09", partial(in_a_session, "Sample.Periodic", "MeterValuePeriodic", {}))
add("TC_J_10", partial(at_the_end, "Sample.Periodic", {}))
add("TC_J_11", partial(at_the_end, "Sample.Periodic", SIGNED))


async def at_the_begin(evse: int | None, s: Station201) -> None:
    """The station may not know yet at which EVSE the car will stand."""
    await s.authorizes("accepted")
    await s.tells("Authorized", "Idle", name="accepted", evse=evse)
    await s.is_plugged_in()
    await s.tells("ChargingStateChanged", "Charging")
    await s.session(is_open=True, meter_start_wh=1000, evse_id=1)
    await sees_values(s, ("Transaction.Begin", 1000.0))


add("TC_J_07", partial(at_the_begin, 1))
add("TC_J_08", partial(at_the_begin, None))
