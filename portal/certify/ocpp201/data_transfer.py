"""P: vendor messages and custom data."""

from __future__ import annotations

from portal.certify.expect import expect
from portal.certify.registry import proves
from portal.certify.station201 import Station201


@proves("TC_P_02")
async def a_vendor_message(s: Station201) -> None:
    for told in ({"vendorId": "nobody.knows"}, {"vendorId": "nobody.knows", "messageId": "hello", "data": {"a": [1]}}):
        await s.says("DataTransfer", told, {"status": {"Rejected", "UnknownVendorId", "UnknownMessageId"}})


@proves("TC_P_03")
async def custom_data(s: Station201) -> None:
    """Wherever it may stand, it is no fault, and it is kept with the message."""
    custom = {"customData": {"vendorId": "acme.example", "colour": "green", "deep": {"list": [1, 2]}}}
    station = {**s.BOOT["chargingStation"], **custom}
    await s.boots(chargingStation=station, **custom)
    await s.says("Heartbeat", custom, {"currentTime": lambda text: text.endswith("Z")})
    rows = (await s.desk.get(f"chargers/{s.identity}/messages/"))["results"]
    kept = [row for row in rows if "acme.example" in row["request"]]
    expect(len(kept) == 2, f"The log shows custom data in {len(kept)} messages, wanted 2")
