"""How many frames stand in line, from what the processes themselves tell."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from portal.bench import account, depth


@pytest.fixture
def figures(monkeypatch):
    """One address with everybody's figures; a list of (published, finished, waiting), told one after the other."""
    monkeypatch.setattr(depth, "EVERY_S", 0.05)
    told: list[tuple[int, int, int]] = []

    class Teller(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            published, finished, waiting = told.pop(0) if len(told) > 1 else told[0]
            text = (
                f"# TYPE chargeyard_frames_up counter\nchargeyard_frames_up_total {published}\n"
                f"# TYPE chargeyard_batch_frames histogram\nchargeyard_batch_frames_sum {finished}\n"
                f"# TYPE chargeyard_frames_waiting gauge\nchargeyard_frames_waiting {waiting}\n"
            )
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Teller) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", told
        server.shutdown()


def test_what_is_published_and_not_done_is_with_the_worker_or_on_its_way(figures):
    url, told = figures
    told += [(1000, 900, 0), (1250, 1050, 60)]  # what stood there before is not of this phase
    with depth.watched([], url) as seen:
        threading.Event().wait(0.4)
    assert seen == {"worker": {"max": 60, "mean": 60.0}, "broker_or_hand": {"max": 40, "mean": 40.0}}


def test_a_process_that_came_meanwhile_has_used_all_that_it_used():
    worker, old, new = (account.Member(part, pid) for part, pid in (("worker", 1), ("gateway", 2), ("gateway", 3)))
    assert account.spent({worker: 2.0, old: 9.0}, {worker: 2.5, new: 1.25}) == {"worker": 0.5, "gateway": 1.25}
