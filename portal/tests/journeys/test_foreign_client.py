"""A charge by a client that we did not write, on the running stack, in all versions."""

from __future__ import annotations

import asyncio

from ocpp.v16 import call as call16
from ocpp.v21 import call as call21
from ocpp.v201 import call as call201

from portal.tests.journeys.foreign import foreign, now
from portal.tests.journeys.stack import Stack, until


async def test_a_foreign_1_6_charger_boots_charges_and_is_reset(stack: Stack) -> None:
    password = stack.register("FOREIGN-16")
    stack.rest.post("/api/v1/id-tokens/", json={"value": "FOREIGN-TAG"}).raise_for_status()
    async with foreign(stack.ocpp_url, "FOREIGN-16", password, "ocpp1.6") as charger:
        boot = await charger.call(call16.BootNotification(charge_point_vendor="Foreign", charge_point_model="F1"))
        assert boot.status == "Accepted" and boot.interval > 0 and boot.current_time.endswith("Z")
        await charger.call(call16.StatusNotification(connector_id=1, error_code="NoError", status="Available"))
        allowed = await charger.call(call16.Authorize(id_tag="foreign-tag"))
        assert allowed.id_tag_info["status"] == "Accepted"
        start = await charger.call(
            call16.StartTransaction(connector_id=1, id_tag="FOREIGN-TAG", meter_start=1000, timestamp=now())
        )
        sample = {
            "value": "1.5",
            "unit": "kWh",
            "measurand": "Energy.Active.Import.Register",
        }
        await charger.call(
            call16.MeterValues(
                connector_id=1,
                transaction_id=start.transaction_id,
                meter_value=[{"timestamp": now(), "sampled_value": [sample]}],
            )
        )
        await charger.call(
            call16.StopTransaction(
                transaction_id=start.transaction_id,
                meter_stop=2500,
                timestamp=now(),
                reason="EVDisconnected",
            )
        )
        [session] = (await asyncio.to_thread(stack.get, "sessions/", charger="FOREIGN-16"))["results"]
        command = await asyncio.to_thread(stack.command, "FOREIGN-16", "Reset", {"type": "Soft"})
        settled = await asyncio.to_thread(stack.settled, command["id"])
    assert (session["energy_wh"], session["stop_reason"]) == (1500, "EVDisconnected")
    assert (settled["status"], settled["answer"]) == (
        "accepted",
        {"status": "Accepted"},
    )
    assert charger.was_told == ("Reset", "Soft")
    values = stack.get(f"sessions/{session['id']}/meter-values/")["results"]
    assert 1500.0 in [value["energy_wh"] for value in values]
    seen = until(lambda: (c := stack.get("chargers/FOREIGN-16/"))["is_online"] is False and c)
    assert (seen["vendor"], seen["model"], seen["ocpp_version"]) == (
        "Foreign",
        "F1",
        "1.6",
    )


async def test_a_foreign_2_0_1_charger_boots_charges_and_is_reset(stack: Stack) -> None:
    password = stack.register("FOREIGN-201")
    stack.rest.post("/api/v1/id-tokens/", json={"value": "FOREIGN-RFID"}).raise_for_status()
    token = {"id_token": "FOREIGN-RFID", "type": "ISO14443"}
    place = {"id": 1, "connector_id": 1}

    def reading(wh: float, context: str) -> list[dict[str, object]]:
        value = {
            "value": wh,
            "context": context,
            "measurand": "Energy.Active.Import.Register",
        }
        return [{"timestamp": now(), "sampled_value": [value]}]

    async with foreign(stack.ocpp_url, "FOREIGN-201", password, "ocpp2.0.1") as charger:
        station = {"vendor_name": "Foreign", "model": "F2"}
        boot = await charger.call(call201.BootNotification(charging_station=station, reason="PowerUp"))
        assert boot.status == "Accepted"
        await charger.call(
            call201.StatusNotification(timestamp=now(), connector_status="Available", evse_id=1, connector_id=1)
        )
        for number, (kind, trigger, info, meter) in enumerate(
            [
                (
                    "Started",
                    "Authorized",
                    {"charging_state": "Charging"},
                    reading(500, "Transaction.Begin"),
                ),
                (
                    "Updated",
                    "MeterValuePeriodic",
                    {"charging_state": "Charging"},
                    reading(900, "Sample.Periodic"),
                ),
                (
                    "Ended",
                    "StopAuthorized",
                    {"stopped_reason": "Local"},
                    reading(1700, "Transaction.End"),
                ),
            ]
        ):
            answer = await charger.call(
                call201.TransactionEvent(
                    event_type=kind, timestamp=now(), trigger_reason=trigger, seq_no=number, evse=place, id_token=token,
                    transaction_info={"transaction_id": "foreign-tx-1", **info}, meter_value=meter,
                )
            )  # fmt: skip
            assert answer.id_token_info["status"] == "Accepted"
        [session] = (await asyncio.to_thread(stack.get, "sessions/", charger="FOREIGN-201"))["results"]
        command = await asyncio.to_thread(stack.command, "FOREIGN-201", "Reset", {"type": "OnIdle"})
        settled = await asyncio.to_thread(stack.settled, command["id"])
    assert (session["energy_wh"], session["stop_reason"]) == (1200, "Local")
    assert settled["status"] == "accepted"
    assert charger.was_told == ("Reset", "OnIdle")


async def test_a_foreign_2_1_charger_charges_for_money_and_is_steered_as_it_goes(stack: Stack) -> None:
    password = stack.register("FOREIGN-21")
    info = {"transaction_id": "foreign-tx-21", "tariff_id": "ADHOC"}

    def reading(wh: float, context: str) -> list[dict[str, object]]:
        value = {"value": wh, "context": context, "measurand": "Energy.Active.Import.Register"}
        return [{"timestamp": now(), "sampled_value": [value]}]

    async def command(**order: object) -> dict[str, object]:
        answer = await asyncio.to_thread(stack.rest.post, "/api/v1/chargers/FOREIGN-21/commands/", json=order)
        settled: dict[str, object] = await asyncio.to_thread(stack.settled, answer.json()["id"])
        return settled

    async with foreign(stack.ocpp_url, "FOREIGN-21", password, "ocpp2.1") as charger:
        station = {"vendor_name": "Foreign", "model": "F3"}
        boot = await charger.call(call21.BootNotification(charging_station=station, reason="PowerUp"))
        assert boot.status == "Accepted"
        await charger.call(
            call21.TransactionEvent(
                event_type="Started", timestamp=now(), trigger_reason="Authorized", seq_no=0, transaction_info=info,
                evse={"id": 1, "connector_id": 1}, id_token={"id_token": "PSP-1", "type": "DirectPayment"},
                meter_value=reading(500, "Transaction.Begin"),
            )
        )  # fmt: skip
        profile = {
            "id": 5, "stack_level": 0, "purpose": "tx_default", "kind": "dynamic", "unit": "A",
            "periods": [{"start_s": 0, "limit": 16}],
        }  # fmt: skip
        installed = await command(verb="set_profile", arguments={"evse_id": 1, "profile": profile})
        changed = await command(verb="update_schedule", arguments={"profile_id": 5, "limit": 8, "limit_l2": 0})
        pulled = await charger.call(call21.PullDynamicScheduleUpdate(charging_profile_id=5))
        await charger.send_unanswered(
            "NotifyPeriodicEventStream",
            {"id": 4, "pending": 0, "basetime": now(), "data": [{"t": 0, "v": "230.4"}]},
        )
        await charger.call(
            call21.TransactionEvent(
                event_type="Ended", timestamp=now(), trigger_reason="CostLimitReached", seq_no=1, transaction_info=info,
                meter_value=reading(1700, "Transaction.End"),
                cost_details={"total_cost": {"currency": "EUR", "type_of_cost": "MaxCost", "total": {"incl_tax": 4.2}},
                              "total_usage": {"energy": 1.2, "charging_time": 60, "idle_time": 0}},
            )
        )  # fmt: skip
        await charger.call(
            call21.NotifySettlement(psp_ref="psp-1", status="Settled", settlement_amount=4.2, settlement_time=now())
        )
        reset = await command(verb="reset", arguments={"kind": "resume"})
    [session] = stack.get("sessions/", charger="FOREIGN-21")["results"]
    assert (session["energy_wh"], session["transaction_id"]) == (1200, "foreign-tx-21")
    assert [installed["status"], changed["status"], reset["status"]] == ["accepted"] * 3
    assert pulled.status == "Accepted" and pulled.schedule_update["limit"] == 8.0
    assert charger.was_told == ("Reset", "ImmediateAndResume")
    kept = {row["kind"]: row["payload"] for row in stack.get("chargers/FOREIGN-21/notices/")["results"]}
    assert kept["settlement"]["settlementAmount"] == 4.2
    assert kept["session_cost"]["totalCost"]["total"] == {"inclTax": 4.2}
    assert kept["stream_values"]["data"] == [{"t": 0, "v": "230.4"}]
    assert stack.get("chargers/FOREIGN-21/")["ocpp_version"] == "2.1"
