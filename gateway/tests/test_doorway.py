"""How many come in at once, who comes first, and what the others hear."""

from __future__ import annotations

import asyncio

import pytest
from django.utils import timezone

from gateway import doorway
from gateway.admission import are_charging
from gateway.doorway import Doorway
from gateway.handshake import Refusal
from sessions.models import ChargingSession


async def idle() -> bool:
    return False


async def charging() -> bool:
    return True


async def enter(door: Doorway, is_charging=idle) -> None:
    async with door.passage(is_charging):
        pass


async def test_a_seconds_worth_comes_in_at_once_and_nobody_is_asked_for_sessions():
    async def asked() -> bool:
        raise AssertionError("a look-up without need")

    door = Doorway(20)
    for _ in range(20):
        await enter(door, asked)


async def test_the_rest_comes_in_at_the_rate():
    door = Doorway(50)
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(enter(door) for _ in range(60)))
    assert 0.15 <= asyncio.get_running_loop().time() - began < 1.5


async def test_chargers_that_charge_a_car_come_in_before_all_others():
    door, order = Doorway(100), []
    door.empty()

    async def come(name: str) -> None:
        await enter(door, charging if name == "charging" else idle)
        order.append(name)

    await asyncio.gather(*(come(name) for name in ["idle"] * 5 + ["charging"] * 5))
    assert order == ["charging"] * 5 + ["idle"] * 5


async def test_who_would_wait_too_long_is_told_when_to_come_again(monkeypatch):
    monkeypatch.setattr(doorway, "PATIENCE_S", 0.1)
    door = Doorway(20)
    door.empty()
    answers = await asyncio.gather(*(enter(door) for _ in range(6)), return_exceptions=True)
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    assert 3 <= len(refusals) < 6
    assert {refusal.status for refusal in refusals} == {503}
    assert all(1 <= int(dict(refusal.headers)["Retry-After"]) <= 5 for refusal in refusals)


async def test_no_limit_lets_everybody_in():
    door = Doorway(0)
    async with asyncio.timeout(1):
        await asyncio.gather(*(enter(door) for _ in range(5000)))


async def test_a_caller_that_went_away_takes_nobodys_turn():
    door = Doorway(20)
    door.empty()
    gone = asyncio.ensure_future(enter(door))
    await asyncio.sleep(0)
    gone.cancel()
    async with asyncio.timeout(1):
        await enter(door)
    with pytest.raises(asyncio.CancelledError):
        await gone


@pytest.mark.django_db
def test_who_charges_a_car_is_found_for_many_at_once(make_charger, django_assert_num_queries):
    idle_one, busy, done = (make_charger(identity) for identity in ("CP-1", "CP-2", "CP-3"))
    for charger, stopped_at in ((busy, None), (done, timezone.now())):
        ChargingSession.objects.create(
            charger=charger,
            evse_id=1,
            transaction_id="1",
            started_at=timezone.now(),
            started_received_at=timezone.now(),
            stopped_at=stopped_at,
        )
    with django_assert_num_queries(1):
        assert are_charging([idle_one.pk, busy.pk, done.pk, busy.pk]) == [False, True, False, True]
