from __future__ import annotations

import pytest

from chargers import commands
from chargers.conflicts import conflict
from chargers.models import Command, CommandStatus

SOFT = {"kind": "soft"}


def test_the_same_order_twice_is_told_with_the_name_of_the_first(cp1, bob):
    assert conflict(cp1, "unlock", {"evse_id": 1}) == ""
    commands.request(cp1, "unlock", arguments={"evse_id": 1}, by=bob)
    assert conflict(cp1, "unlock", {"evse_id": 1}) == "bob ordered the same before; it has not been answered yet."
    assert conflict(cp1, "unlock", {"evse_id": 2}) == ""


def test_an_order_does_not_cross_itself(cp1):
    commands.request(cp1, "unlock", arguments={"evse_id": 1}, idempotency_key="desk-1")
    assert conflict(cp1, "unlock", {"evse_id": 1}, idempotency_key="desk-1") == ""


@pytest.mark.parametrize("status", [status for status in CommandStatus if status not in CommandStatus.open()])
def test_what_is_over_is_in_nobodys_way(cp1, status):
    commands.request(cp1, "reset", arguments=SOFT)
    Command.objects.update(status=status)
    assert conflict(cp1, "reset", SOFT) == ""


@pytest.mark.parametrize(
    ("first", "then", "says"),
    [
        (("reset", SOFT), ("remote_start", {"token": "A"}), "ordered a restart before"),
        (("reset", SOFT), ("trigger", {"message": "Heartbeat"}), ""),
        (("update_firmware", {"image": 1}), ("reset", SOFT), "is being installed"),
        (
            ("change_availability", {"evse_id": 0, "operative": False}),
            ("change_availability", {"evse_id": 0, "operative": True}),
            "ordered the opposite before",
        ),
        (
            ("change_availability", {"evse_id": 1, "operative": False}),
            ("change_availability", {"evse_id": 2, "operative": True}),
            "",
        ),
    ],
)
def test_what_crosses_an_open_order_is_told(cp1, bob, first, then, says):
    commands.request(cp1, first[0], arguments=first[1], by=bob)
    told = conflict(cp1, then[0], then[1])
    assert says in told if says else told == ""


def test_accepted_firmware_is_in_the_way_until_its_effect_is_known(cp1):
    commands.request(cp1, "update_firmware", arguments={"image": 1})
    Command.objects.update(status=CommandStatus.ACCEPTED)
    assert "is being installed" in conflict(cp1, "reset", SOFT)
    Command.objects.update(effect="seen")
    assert conflict(cp1, "reset", SOFT) == ""
