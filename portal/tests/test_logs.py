"""One line per event, whatever chargers put into their strings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from portal import logs

ROOT = Path(__file__).resolve().parents[2]
# A charger's text and a traceback, from our own logger and from the standard library's.
SAY = """
import django, logging, structlog
django.setup()
text = "\\x1b[31mred\\r\\nlevel=info forged \\x9b \\u2028 {jndi:x}"
structlog.get_logger("ours").warning("heard", charger=text)
logging.getLogger("theirs").warning("heard %s", text)
structlog.get_logger("ours").debug("not at this level")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("ours").exception("failed")
"""


@pytest.fixture(params=["console", "json"])
def lines(request, tmp_path) -> tuple[str, list[str]]:
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "CHARGEYARD_HOME": str(tmp_path),
        "LOG_FORMAT": request.param,
        "LOG_LEVEL": "INFO",
    }
    said = subprocess.run([sys.executable, "-c", SAY], cwd=ROOT, env=env, capture_output=True, check=True)
    return request.param, said.stderr.decode().split("\n")[:-1]


def test_each_event_is_one_line_without_control_characters(lines):
    assert len(lines[1]) == 3, lines[1]
    assert not [line for line in lines[1] if any(ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 for char in line)]


def test_each_line_tells_level_logger_and_event(lines):
    form, (ours, theirs, failed) = lines
    if form == "json":
        assert [json.loads(line)["level"] for line in (ours, theirs, failed)] == ["warning", "warning", "error"]
        assert json.loads(failed)["logger"] == "ours"
    else:
        assert "level=warning logger=ours event=heard" in ours
        assert "level=warning logger=theirs event=" in theirs
    assert "ZeroDivisionError" in failed


VALUES = st.none() | st.booleans() | st.integers() | st.text(alphabet=st.sampled_from('ab =\\"\n\té'))


@given(st.dictionaries(st.sampled_from([*logs.ORDER, "charger", "action", "id"]), VALUES))
def test_a_line_is_what_structlog_would_write(event):
    theirs = structlog.processors.LogfmtRenderer(key_order=logs.ORDER, bool_as_flag=False)
    assert logs.logfmt(None, "info", dict(event)) == theirs(None, "info", dict(event))
