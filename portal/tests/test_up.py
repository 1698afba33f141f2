"""`manage.py up` before it starts anything: whom it refuses, what it remembers, what of its parts' talk people see."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from portal.supervisor import lock, parts, ports
from portal.supervisor.console import Console
from portal.supervisor.home import Home, value_of
from portal.supervisor.loglines import RUN_BEGINS, SHOWN_PER_WINDOW, Filter, LogFile, tail

ROOT = Path(__file__).resolve().parents[2]
UP = "import sys; from portal.supervisor import up; sys.exit(up.main(sys.argv[1:]))"


def up(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `up` to its end (it must have a reason to end)."""
    return subprocess.run(
        [sys.executable, "-c", UP, *arguments],
        cwd=ROOT,
        env=os.environ | {"CHARGEYARD_HOME": str(home)} | environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_second_up_says_who_has_the_folder(tmp_path):
    with lock.held(tmp_path / "up.lock", address="http://127.0.0.1:8000/"):
        second = up(tmp_path)
    assert second.returncode == 1
    assert f"already runs on {tmp_path}: process {os.getpid()} since " in second.stdout
    assert "serving http://127.0.0.1:8000/" in second.stdout
    assert "CHARGEYARD_HOME=/some/folder python3 manage.py up --port N" in second.stdout


def test_the_lock_of_a_killed_holder_is_free(tmp_path):
    hold = "import sys, time, pathlib; from portal.supervisor import lock\n"
    hold += "with lock.held(pathlib.Path(sys.argv[1]), address='x'): print('held', flush=True); time.sleep(60)"
    command = [sys.executable, "-c", hold, str(tmp_path / "up.lock")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.raises(lock.Locked, match=f"process {holder.pid}"), lock.held(tmp_path / "up.lock", address="y"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with lock.held(tmp_path / "up.lock", address="y"):
        pass


def test_a_taken_port_is_named_with_a_free_one(tmp_path):
    with socket.create_server((ports.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        refused = up(tmp_path, "--port", str(port))
    assert refused.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in refused.stdout
    offered = int(refused.stdout.rpartition("--port ")[2])
    assert offered > port
    assert ports.is_free(ports.LOOPBACK, offered)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    refused = up(tmp_path / "file" / "var")
    assert refused.returncode == 1
    assert f"The state folder {tmp_path}/file/var cannot be made (Not a directory)" in refused.stdout


def test_an_address_of_another_machine_is_refused(tmp_path):
    refused = up(tmp_path, "--host", "192.0.2.1")
    assert refused.returncode == 1
    assert "192.0.2.1 is not an address of this machine" in refused.stdout


def test_a_port_out_of_range_is_refused(tmp_path):
    refused = up(tmp_path, "--port", "65536")
    assert refused.returncode == 2
    assert "65536 is not a TCP port; 1 to 65535 are" in refused.stderr


def test_a_wrong_setting_stops_the_start_with_its_sentence(tmp_path):
    """The first Django process says it; `up` passes it on and stops what it had started."""
    refused = up(
        tmp_path, "--port", str(ports.free()), UNKNOWN_CHARGERS="perhaps", REDIS_URL="redis://x", MQTT_URL="mqtt://x"
    )
    assert refused.returncode == 1
    assert "prepare failed (exit code 1)" in refused.stdout
    assert "UNKNOWN_CHARGERS is 'perhaps'" in refused.stdout
    assert "Valkey" not in refused.stdout  # the environment names servers: none of ours starts


def test_internal_ports_stay_the_same_unless_somebody_took_one(tmp_path):
    first = ports.remembered(tmp_path / "ports.json", "valkey", "nats")
    assert ports.remembered(tmp_path / "ports.json", "valkey", "nats") == first
    with socket.create_server((ports.LOOPBACK, first["nats"])):
        again = ports.remembered(tmp_path / "ports.json", "valkey", "nats")
    assert again["valkey"] == first["valkey"]
    assert again["nats"] != first["nats"]


def test_the_state_folder_is_for_its_owner_only(tmp_path):
    home = Home.named_by({"CHARGEYARD_HOME": str(tmp_path / "var")}, root=tmp_path)
    home.create()
    assert home.folder.stat().st_mode & 0o077 == 0
    assert Home.named_by({}, root=tmp_path).folder == tmp_path / "var"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("", "/home/chargeyard.sqlite3"),
        ("sqlite:////data/my%20yard.sqlite3", "/data/my yard.sqlite3"),
        ("sqlite:///yard.sqlite3", "/checkout/yard.sqlite3"),
        ("postgres://user@host/name", None),
    ],
)
def test_the_database_to_checkpoint_is_the_one_that_django_opens(url, path):
    found = Home(Path("/home")).sqlite_database({"DATABASE_URL": url}, root=Path("/checkout"))
    assert found == (Path(path) if path else None)


def test_a_setting_may_come_from_a_file(tmp_path):
    (tmp_path / "url").write_text("redis://elsewhere\n")
    assert value_of({"REDIS_URL_FILE": str(tmp_path / "url")}, "REDIS_URL") == "redis://elsewhere"
    assert value_of({"REDIS_URL": "redis://here"}, "REDIS_URL") == "redis://here"
    assert value_of({}, "REDIS_URL") == ""


def test_a_missing_server_program_is_named_with_the_way_out(monkeypatch):
    monkeypatch.setattr("portal.supervisor.parts.shutil.which", lambda _name: None)
    monkeypatch.setattr("portal.supervisor.parts.importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr("portal.supervisor.parts.sysconfig.get_path", lambda _name: "/nowhere")
    with pytest.raises(parts.PartMissing, match="set REDIS_URL"):
        parts.find_valkey()
    with pytest.raises(parts.PartMissing, match="set MQTT_URL"):
        parts.find_nats()


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "broken", "level": "warning"}',
        "[2026-11-20 15:45:18,000: ERROR/MainProcess] consumer: Cannot connect",
        "[7396] 2026/11/20 15:32:38.399601 [ERR] disk full",
        "11941:M 20 Nov 2026 15:44:26.178 # Can't save in background: fork: Cannot allocate memory",
        "Traceback (most recent call last):",
        "ValueError: no such thing",
    ],
)
def test_trouble_reaches_the_console(line):
    assert Filter().shown(line) == line


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("timestamp=2026-11-20T15:45:18Z level=error logger=gateway event=broken link=2", "error: broken link=2"),
        (
            'timestamp=2026-11-20T15:45:18Z level=warning logger=a.b event="MQTT \\"x\\" lost" why="went away"',
            'warning: MQTT \\"x\\" lost why="went away"',
        ),
    ],
)
def test_of_our_own_lines_people_see_how_bad_it_is_and_what(line, text):
    assert Filter().shown(line) == text


@pytest.mark.parametrize(
    "line",
    [
        "timestamp=2026-11-20T15:45:18Z level=info logger=gateway event=connected",
        'timestamp=2026-11-20T15:45:18Z level=info logger=gateway event=heard charger="level=error Traceback "',
        "11941:M 20 Nov 2026 15:44:26.178 # WARNING Memory overcommit must be enabled! Without it, …",
        "11941:M 20 Nov 2026 15:44:29.523 # Valkey is now ready to exit, bye bye...",
        "[15903] 2026/11/20 17:04:52.128613 [WRN] Filestore [$MQTT_sess] Stream state outdated, last block has …",
        "[2026-11-20: WARNING/MainProcess] SecurityWarning: You're running the worker with superuser privileges",
    ],
)
def test_everyday_talk_stays_in_the_log(line):
    assert Filter().shown(line) is None


def test_a_flood_of_trouble_is_cut_short_for_a_while():
    lines = Filter()
    shown = [lines.shown("ValueError: again", now_s=100.0) for _ in range(100)]
    assert [text for text in shown if text] == ["ValueError: again"] * SHOWN_PER_WINDOW + [
        "… more of this in the log file"
    ]
    assert lines.shown("ValueError: later", now_s=111.0) == "ValueError: later"


def test_a_log_line_cannot_steer_the_terminal():
    assert Filter().shown("ValueError: \x1b[2J\x07\n") == "ValueError: ·[2J·"


def test_a_log_keeps_its_size(tmp_path):
    log = LogFile(tmp_path / "worker.log", limit_bytes=100)
    for number in range(30):
        log.write(f"line {number:02}\n".encode())
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["worker.log", "worker.log.1"]
    assert all(path.stat().st_size <= 108 for path in tmp_path.iterdir())
    kept = (tmp_path / "worker.log.1").read_text() + (tmp_path / "worker.log").read_text()
    assert kept.endswith("line 28\nline 29\n")


def test_the_end_of_a_log_is_the_end_of_its_last_run(tmp_path):
    log = tmp_path / "worker.log"
    assert tail(log) == []
    log.write_text(f"{RUN_BEGINS}yesterday\nold\n{RUN_BEGINS}now\n" + "".join(f"new {n}\n" for n in range(20)))
    assert tail(log, lines=2) == ["new 18", "new 19"]
    assert "old" not in tail(log, lines=50)


def test_ctrl_c_while_the_yard_still_starts_is_no_error(tmp_path):
    environ = os.environ | {"CHARGEYARD_HOME": str(tmp_path), "MQTT_URL": "mqtt://127.0.0.1:1"}
    command = [sys.executable, "-c", UP, "--port", str(ports.free())]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as starting:
        assert starting.stdout
        assert "✓ Valkey on 127.0.0.1:" in starting.stdout.readline()
        starting.send_signal(signal.SIGINT)
        said, _ = starting.communicate(timeout=20)
    assert starting.returncode == 0
    assert said.splitlines()[-1].startswith("  ✓ stopped")
    assert not ports.accepts(ports.LOOPBACK, json.loads((tmp_path / "ports.json").read_text())["valkey"])


def test_a_console_that_went_away_does_not_end_the_yard():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1) as gone:
        console = Console(gone)
        console.say("to nobody")
        with console.step("a step"):
            pass


def test_a_step_that_fails_is_shown_as_failed():
    out = io.StringIO()
    with pytest.raises(ValueError), Console(out).step("database"):
        raise ValueError
    assert out.getvalue().startswith("  ✗ database ")
