from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chargers.models import Boot, Charger, Command, Connection, Exchange, Site, StatusChange
from portal import case_file, sheets
from sessions.models import IdToken

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


def test_a_black_box_tells_every_time_in_the_zone_of_the_site(desk, story, cp1):
    cp1.site = Site.objects.create(name="Depot", timezone="Asia/Kathmandu")  # 5 h 45 min before UTC, as nobody else
    cp1.save()
    page = desk.get(f"/sessions/{story.pk}/timeline/").content.decode()
    table = page[page.index("<tbody>") : page.index("</tbody>")]
    first = timezone.localtime(Exchange.objects.order_by("requested_at")[0].requested_at, ZoneInfo("Asia/Kathmandu"))
    assert "times in Asia/Kathmandu" in page
    assert f"{first:%H:%M:%S}" in table
    assert table.count("+0545, ") == table.count("<time ")


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


ESCAPE, CSI, TURNED = "\x1b[2J", "\x9b31m", "\u202egpj.exe"
NASTY = f"../../etc/passwd\n=HYPERLINK(1)\r@SUM(1){ESCAPE}{CSI}{TURNED}"
SECRETS = ("hunter2hunter2", "wifi-key-of-the-depot", "OtherDriver77", "04FFEE99", "pw-in-url", "4711-8822")


def test_whatever_a_charger_says_the_case_file_harms_nobody_and_tells_no_secret(desk, story):
    """Paths, formulas, signs that steer a terminal, 100 KB of one sign, passwords in custom keys, others' tokens."""
    charger, token = story.charger, '\\1(A.*Ä"…tok'
    Charger.objects.filter(pk=charger.pk).update(
        identity=f"=../{CSI}", vendor=NASTY[:60], model=TURNED, firmware_version="=1+1"
    )
    type(story).objects.filter(pk=story.pk).update(token_value=token, stop_reason="=cmd|' /C calc'!A0")
    payload = {
        "configurationKey": [
            {"key": "AuthorizationKey", "value": SECRETS[0]}, {"key": "Depot.WifiPassword", "value": SECRETS[1]},
        ],
        "idTag": token, "parentIdTag": SECRETS[2], "idToken": {"additionalInfo": [{"additionalIdToken": SECRETS[3]}]},
        "data": "\\" * 100_000, "more": '"' * 100_000, "url": f"ftp://me:{SECRETS[4]}@example.com/{NASTY}",
    }  # fmt: skip
    told = {"charger": charger, "epoch": 1, "origin": "charger", "outcome": "result", "action": "DataTransfer"}
    at = story.started_at + timedelta(minutes=2)
    Exchange.objects.create(request=json.dumps([2, "9", "DataTransfer", payload]), requested_at=at, **told)
    Exchange.objects.create(request=f'[2,"IdTag": "x", "idTag" : "{SECRETS[5]}", {ESCAPE}', requested_at=at, **told)
    StatusChange.objects.create(charger=charger, evse_id=1, status="faulted", error_code=NASTY[:50], received_at=at)
    answer = desk.get(f"/sessions/{story.pk}/case.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        assert file.testzip() is None
        texts = {name: file.read(name).decode() for name in file.namelist()}
    assert sorted(texts) == ["README.txt", "frames.jsonl", "meter-values.csv", "session.json", "timeline.csv"]
    whole = "".join(texts.values())
    assert [secret for secret in (*SECRETS, token, json.dumps(token)) if secret in whole] == []
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", whole)
    for name in ("timeline.csv", "meter-values.csv"):
        for row in csv.reader(io.StringIO(texts[name], newline="")):
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    frames = [json.loads(line) for line in texts["frames.jsonl"].splitlines()]
    assert [json.loads(frame["request"])[3]["data"] for frame in frames if "wifi" in frame["request"].lower()] == [
        "\\" * 100_000
    ]
    assert json.loads(texts["session.json"])["token_value"] == "\\1…ok"


def test_what_a_charger_is_called_is_no_formula_in_any_table(desk, story):
    """The lists as CSV: nothing that a spreadsheet works out, nothing that steers a terminal."""
    charger = story.charger
    named = {
        "name": "=1+1",
        "vendor": f"@SUM(1){ESCAPE}",
        "model": f"＝1{CSI}",
        "serial_number": "-2",
        "firmware_version": "+3",
    }
    Charger.objects.filter(pk=charger.pk).update(identity=f"=x{TURNED}", **named)
    type(story).objects.filter(pk=story.pk).update(token_value="\t=1", stop_reason="\r=2")
    IdToken.objects.create(value=f"@{TURNED}", holder="=3", group="-4")
    for table in ("chargers", "sessions", "tokens"):
        with pytest.warns(Warning, match="asynchronous iterators"):  # the test client is no ASGI server
            text = b"".join(desk.get(f"/{table}.csv")).decode().removeprefix("\ufeff")
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", text)
        for row in csv.reader(io.StringIO(text, newline="")):
            assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "＝", "\t", "\r", "\n"))]


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_whatever_a_charger_says_the_table_reads_back(cells):
    text = case_file.table(["a"], [cells])
    (_, row) = list(csv.reader(io.StringIO(text, newline="")))
    assert row == [sheets.text_of(cell) for cell in cells]


def test_the_page_takes_as_many_queries_for_many_frames_as_for_few(desk, story, django_assert_max_num_queries):
    at = story.started_at + timedelta(minutes=5)
    for number in range(200):
        Exchange.objects.create(
            charger=story.charger, epoch=1, origin="charger", outcome="result", action="Heartbeat",
            requested_at=at + timedelta(seconds=number),
        )  # fmt: skip
    with django_assert_max_num_queries(16):
        desk.get(f"/sessions/{story.pk}/timeline/")
