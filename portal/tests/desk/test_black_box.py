from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chargers.models import Boot, Command, Connection, Exchange, StatusChange
from portal import case_file

TOKEN = "04A2C1F2B36E80"


@pytest.fixture
def story(cp1, start, alice):
    """A session in which the line broke, somebody reset it, and it came back."""
    began = timezone.now() - timedelta(hours=1)
    session = start(cp1, started_at=began, token_value=TOKEN)

    def after(minutes):
        return began + timedelta(minutes=minutes)

    told = {"charger": cp1, "epoch": 1, "origin": "charger", "outcome": "result"}
    request = json.dumps([2, "1", "StartTransaction", {"idTag": TOKEN, "timestamp": "2026-01-01T00:00:00Z"}])
    Exchange.objects.create(action="StartTransaction", request=request, requested_at=after(0), **told)
    Exchange.objects.create(action="MeterValues", request='[2,"2","MeterValues",{}]', requested_at=after(1), **told)
    Exchange.objects.create(action="MeterValues", request='[2,"3","MeterValues",{}]', requested_at=after(40), **told)
    Connection.objects.create(
        charger=cp1, epoch=1, gateway="g", subprotocol="ocpp1.6", connected_at=after(-9), disconnected_at=after(2),
        close_code=1006,
    )  # fmt: skip
    Boot.objects.create(charger=cp1, received_at=after(39), epoch=2, verdict="Accepted", interval_s=300)
    StatusChange.objects.create(
        charger=cp1, evse_id=1, status="faulted", error_code="=HYPERLINK(1)", received_at=after(30)
    )
    command = Command.objects.create(charger=cp1, verb="reset", requested_by=alice, expires_at=after(99))
    Command.objects.filter(pk=command.pk).update(created_at=after(35))
    return session


def test_everything_is_on_one_line_of_time_with_both_clocks(desk, story):
    page = desk.get(f"/sessions/{story.pk}/timeline/").content.decode()
    told = ["StartTransaction: result", "Connection ended: without a word (1006).", "Silence for 39 min.",
            "Connector 1: faulted", "alice ordered reset: waiting.", "Booted, firmware –: Accepted."]  # fmt: skip
    places = [page.index(text) for text in told]
    assert places[0] < places[1] < places[3] < places[4] < places[5]
    assert "2026-01-01T00:00:00Z" in page


@pytest.mark.parametrize(
    ("kind", "is_shown"), [("frame", True), ("socket", False), ("trouble", False), ("nonsense", False)]
)
def test_one_kind_can_be_looked_at_alone(desk, story, kind, is_shown):
    page = desk.get(f"/sessions/{story.pk}/timeline/?kind={kind}").content.decode()
    assert ("StartTransaction: result" in page) is is_shown


def test_the_case_file_holds_the_frames_and_no_token(desk, story):
    answer = desk.get(f"/sessions/{story.pk}/case.zip")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="chargeyard-session-{story.pk}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        texts = {name: file.read(name).decode() for name in file.namelist()}
    assert sorted(texts) == ["README.txt", "frames.jsonl", "meter-values.csv", "session.json", "timeline.csv"]
    assert not [name for name, text in texts.items() if TOKEN in text]
    first = json.loads(texts["frames.jsonl"].splitlines()[0])
    assert json.loads(first["request"])[3]["idTag"] == "04…80"
    assert len(list(csv.reader(io.StringIO(texts["timeline.csv"])))) == 9


def test_no_cell_is_a_formula(desk, story):
    for text in ("=1+1", "+cmd", "-2", "@x", "\tx", "\rx"):
        assert case_file.cell(text) == f"'{text}"
    assert case_file.cell(-2) == -2
    assert case_file.cell("plain") == "plain"


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_whatever_a_charger_says_the_table_reads_back(cells):
    text = case_file.table(["a"], [cells])
    (_, row) = list(csv.reader(io.StringIO(text, newline="")))
    assert [value.removeprefix("'") for value in row] == [value.removeprefix("'") for value in cells]


def test_the_page_takes_as_many_queries_for_many_frames_as_for_few(desk, story, django_assert_max_num_queries):
    at = story.started_at + timedelta(minutes=5)
    for number in range(200):
        Exchange.objects.create(
            charger=story.charger, epoch=1, origin="charger", outcome="result", action="Heartbeat",
            requested_at=at + timedelta(seconds=number),
        )  # fmt: skip
    with django_assert_max_num_queries(16):
        desk.get(f"/sessions/{story.pk}/timeline/")
