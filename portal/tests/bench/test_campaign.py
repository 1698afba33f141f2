"""`bench_campaign`: a whole campaign is played, and ends."""

from __future__ import annotations

import io

from django.core.management import call_command


def test_a_campaign_is_played_to_its_end():
    said = io.StringIO()
    call_command("bench_campaign", chargers=40, at_once=10, parts="embedded", stdout=said)
    assert "it ended      done; {'done': 40}" in said.getvalue()
    assert "ms of the processor" in said.getvalue()
