"""Whatever happens to the supervisor or to a child, nothing is left running and nothing is silently dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.supervisor.children import Backoff, how_it_ended

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [sys.executable, "-S", "-c"]
SLEEP = ["sleep", "60"]
# Notes its name in the file "stopped" when it is asked to stop.
POLITE = """
import signal, sys, time
def stop(*_):
    print(sys.argv[1], file=open("stopped", "a")); sys.exit()
signal.signal(signal.SIGTERM, stop)
open(sys.argv[1] + ".up", "w").close()
time.sleep(60)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('stubborn.up', 'w'); time.sleep(60)"
)
# Ends at once and leaves a child of its own behind.
CRASHING = "import subprocess; print('stray', subprocess.Popen(['sleep', '60']).pid, flush=True); raise SystemExit(3)"
# Like a Celery worker: forks a process of its pool, which asks to die with it.
POOL = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from portal.supervisor.children import die_with_parent
if (pid := os.fork()) == 0:
    die_with_parent()
    open("pool.pid", "w").write(str(os.getpid()))
time.sleep(60)
"""


class Supervisor:
    """A supervisor over stand-ins, as a process of its own."""

    def __init__(self, folder: Path, programs: dict[str, list[str]], through: list[str]) -> None:
        self.folder = folder
        command = [*through, sys.executable, "-m", "portal.tests.standin", str(folder), json.dumps(programs)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.process.stdout
        self.lines = self.process.stdout
        self.pids = dict(self._name_and_pid() for _ in programs)

    def _name_and_pid(self) -> tuple[str, int]:
        name, pid = self.lines.readline().split()
        return name, int(pid)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_for_file(self, name: str) -> str:
        wait_until((self.folder / name).exists)
        return (self.folder / name).read_text()


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervisor]]:
    started: list[Supervisor] = []

    def start(through: list[str] | None = None, **programs: list[str]) -> Supervisor:
        started.append(Supervisor(tmp_path, programs, through or []))
        return started[-1]

    yield start
    for supervisor in started:
        supervisor.process.kill()
        supervisor.process.wait()
        supervisor.lines.close()


def wait_until(is_so: Callable[[], bool], limit_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """A zombie counts as dead: its parent was killed, and init may take its time to bury it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_the_last_started_first_and_leaves_nothing(supervise, number):
    supervisor = supervise(broker=[*PYTHON, POLITE, "broker"], worker=[*PYTHON, POLITE, "worker"])
    supervisor.wait_for_file("broker.up")
    supervisor.wait_for_file("worker.up")

    supervisor.send(number)

    assert supervisor.process.wait(timeout=10) == 0
    assert (supervisor.folder / "stopped").read_text().split() == ["worker", "broker"]
    assert not any(map(is_alive, supervisor.pids.values()))


def test_a_supervisor_that_a_script_started_in_the_background_can_be_interrupted(supervise):
    """A shell without job control gives background jobs an ignored SIGINT."""
    supervisor = supervise(through=["sh", "-c", 'trap "" INT; exec "$@"', "sh"], worker=SLEEP)

    supervisor.send(signal.SIGINT)

    assert supervisor.process.wait(timeout=10) == 0
    assert not is_alive(supervisor.pids["worker"])


def test_ctrl_c_in_the_terminal_reaches_the_supervisor_alone(supervise):
    """A terminal signals its whole foreground group; children of another session are not in it."""
    supervisor = supervise(worker=SLEEP)
    assert os.getsid(supervisor.pids["worker"]) == supervisor.pids["worker"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
def test_a_killed_supervisor_leaves_no_orphan(supervise):
    supervisor = supervise(valkey=SLEEP, worker=[*PYTHON, POOL, str(ROOT)])
    in_pool = int(supervisor.wait_for_file("pool.pid"))

    supervisor.send(signal.SIGKILL)

    wait_until(lambda: not any(map(is_alive, [*supervisor.pids.values(), in_pool])))


def test_a_second_ctrl_c_does_not_wait_for_a_stubborn_child(supervise):
    supervisor = supervise(stubborn=[*PYTHON, STUBBORN])
    supervisor.wait_for_file("stubborn.up")

    supervisor.send(signal.SIGINT)
    time.sleep(0.3)
    assert supervisor.process.poll() is None
    supervisor.send(signal.SIGINT)

    assert supervisor.process.wait(timeout=5) == 0
    assert not is_alive(supervisor.pids["stubborn"])


def test_a_crashed_child_is_started_again_and_its_stray_children_are_not_left(supervise):
    supervisor = supervise(worker=[*PYTHON, CRASHING])

    assert "worker ended (exit code 3); again in 1 s. See " in supervisor.lines.readline()
    assert supervisor.lines.readline().strip() == "worker started again"
    assert "again in 2 s" in supervisor.lines.readline()

    def strays() -> list[int]:  # of both lives; what they said reaches the log a moment after their end is told
        log = supervisor.wait_for_file("worker.log")
        return [int(line.split()[1]) for line in log.splitlines() if line.startswith("stray")]

    wait_until(lambda: len(strays()) == 2)
    wait_until(lambda: not any(map(is_alive, strays())))


def test_a_killed_child_is_named_with_its_signal(supervise):
    supervisor = supervise(worker=SLEEP)
    os.kill(supervisor.pids["worker"], signal.SIGKILL)
    assert "worker ended (SIGKILL)" in supervisor.lines.readline()
    assert how_it_ended(-64) == "SIGRTMAX"
    assert how_it_ended(-63) == "signal 63"


def test_the_pause_before_a_restart_doubles_up_to_half_a_minute_and_forgets_after_a_steady_one():
    backoff = Backoff()
    assert [backoff.after(uptime_s=0.1) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert backoff.after(uptime_s=61) == 1
