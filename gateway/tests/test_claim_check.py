"""Frames that are too large for the broker go by the database, and are digested like all others."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from chargers import large_frames
from chargers.models import Exchange, LargeFrame
from chargers.registration import register
from gateway import claim_check
from gateway.ingest import batch
from gateway.tests.post import frame, inbound, post
from gateway.tests.test_consumer import PASSWORD, connected, gateway, make_gateway, switch, until  # noqa: F401

LARGE = frame("DataTransfer", {"vendorId": "com.acme", "data": "é" * 70_000})


@pytest.fixture
def laboratory(transactional_db):
    """CP-1, as `connected` dials in."""
    return register("CP-1", password=PASSWORD)[0]


def kept(charger, text: str = LARGE) -> str:
    """A frame at the claim check; the reference to it."""
    return claim_check.reference(large_frames.keep(charger.pk, text.encode(), at=timezone.now()))


def test_size_is_counted_in_bytes(settings):
    settings.MQTT_PAYLOAD_LIMIT_BYTES = 100
    assert not claim_check.is_too_large("x" * 100)
    assert claim_check.is_too_large("x" * 101)
    assert claim_check.is_too_large("é" * 51)


@pytest.mark.parametrize("text", ['[2,"1","Heartbeat",{}]', '["chargeyard:frame","no-id"]', "[]", ""])
def test_a_frame_is_no_reference(text):
    assert claim_check.referred(text.encode()) is None


@pytest.mark.django_db(transaction=True)
async def test_a_large_frame_leaves_the_gateway_as_a_reference(gateway, switch, laboratory):  # noqa: F811
    door = await connected(gateway)
    door.says(LARGE)
    await until(lambda: switch.frames)
    ((key, text),) = switch.frames
    frame_id = claim_check.referred(text.encode())
    assert key == "CP-1" and frame_id is not None
    stored = await asyncio.to_thread(lambda: bytes(LargeFrame.objects.get(pk=frame_id).content))
    assert stored.decode() == LARGE


@pytest.mark.django_db(transaction=True)
async def test_a_frame_within_the_limit_goes_as_it_is(gateway, switch, laboratory):  # noqa: F811
    door = await connected(gateway)
    door.says(text := frame("DataTransfer", {"vendorId": "com.acme", "data": "x" * 100_000}))
    await until(lambda: switch.frames)
    assert switch.frames == [("CP-1", text)]


def test_a_reference_is_digested_as_its_frame_and_the_row_is_gone(cp1):
    sent = post(cp1, kept(cp1))
    assert [answer[:2] for answer in sent.answers] == [[3, "1"]]
    assert Exchange.objects.get().action == "DataTransfer"
    assert not LargeFrame.objects.exists()


def test_the_same_reference_again_is_done_already(cp1):
    text = kept(cp1)
    post(cp1, text)
    assert post(cp1, text).answers == []
    assert Exchange.objects.count() == 1


def test_a_frame_that_is_stored_again_is_answered_from_memory(cp1):
    first, again = post(cp1, kept(cp1)), post(cp1, kept(cp1))
    assert again.answers == first.answers
    assert Exchange.objects.count() == 1


def test_a_charger_cannot_claim_the_frame_of_another(cp1, cp2):
    batch.process([inbound(cp2, kept(cp1))])
    assert LargeFrame.objects.exists()
    assert not Exchange.objects.exists()


def test_a_reference_to_nothing_is_dropped(cp1):
    assert post(cp1, claim_check.reference(uuid4())).answers == []


def test_what_nobody_took_is_swept_after_a_day(cp1):
    kept(cp1)
    assert large_frames.sweep(at=timezone.now()) == 0
    assert large_frames.sweep(at=timezone.now() + timedelta(days=2)) == 1


def test_a_large_answer_leaves_the_worker_as_a_reference(cp1, settings):
    settings.MQTT_PAYLOAD_LIMIT_BYTES = 20
    (publication,) = batch.process([inbound(cp1, frame("Heartbeat"))]).publications
    frame_id = claim_check.referred(publication.payload)
    assert frame_id is not None
    assert large_frames.take({frame_id: cp1.pk})[frame_id].startswith(b'[3,"1",{"currentTime"')


@pytest.mark.django_db(transaction=True)
async def test_a_large_frame_to_a_charger_is_fetched_and_handed_over(gateway, switch, laboratory):  # noqa: F811
    door = await connected(gateway)
    order = '[2,"an-order","DataTransfer",{"vendorId":"com.acme"}]'
    switch.send("CP-1", await asyncio.to_thread(kept, laboratory, order))
    assert (await door.next("websocket.send"))["text"] == order
    assert not await asyncio.to_thread(LargeFrame.objects.exists)
