"""News on its way to mailboxes and webhooks, through a real HTTP server."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest
from django.core import mail
from django.utils import timezone
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from chargers.models import Charger
from portal.issues import telling
from portal.issues.models import Channel, Telling


class Receiver(ThreadingHTTPServer):
    """Keeps what it is told; answers with ``status``."""

    status = 204

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def receiver(settings):
    settings.WEBHOOK_HOSTS = ["localhost"]
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def webhook(db, receiver):
    return Channel.objects.create(name="ops", kind="webhook", address=receiver.url)


@pytest.fixture
def lost(cp1, look):
    """Lets CP-1 be missed for an hour; call it to look."""

    def go() -> None:
        Charger.objects.update(is_online=False, disconnected_at=timezone.now() - timedelta(hours=1))
        look()

    return go


def test_a_webhook_is_signed_as_the_standard_says(webhook, receiver, lost):
    lost()
    telling.deliver(at=timezone.now())
    ((headers, body),) = receiver.heard
    told = Webhook(webhook.secret).verify(body, headers)
    assert (told["type"], told["data"]["charger"], told["data"]["severity"]) == ("issue.opened", "CP-1", "major")
    assert headers["Host"].startswith("localhost:")
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 44).verify(body, headers)
    assert Telling.objects.get().status == "sent"


def test_a_channel_that_fails_is_tried_again_later_and_then_given_up(webhook, receiver, lost):
    receiver.status = 500
    lost()
    now = timezone.now()
    for _ in range(12):
        telling.deliver(at=now)
        now += timedelta(hours=11)
    row = Telling.objects.get()
    assert (row.status, row.trouble, len(receiver.heard)) == ("failed", "It answered 500: ", 7)
    assert len({headers["webhook-id"] for headers, _ in receiver.heard}) == 1
    receiver.status = 200
    telling.again(row.pk)
    telling.deliver(at=now)
    assert Telling.objects.get().status == "sent"


def test_a_redirect_is_not_followed(webhook, receiver, lost):
    receiver.status = 302
    lost()
    telling.deliver(at=timezone.now())
    assert Telling.objects.get().trouble.startswith("It answered 302")
    assert len(receiver.heard) == 1


def test_a_host_that_is_not_allowed_is_not_called(webhook, receiver, lost, settings):
    settings.WEBHOOK_HOSTS = ["*"]
    lost()
    telling.deliver(at=timezone.now())
    assert "no public address" in Telling.objects.get().trouble or "not encrypted" in Telling.objects.get().trouble
    assert receiver.heard == []


def test_what_is_sent_is_not_sent_again(webhook, receiver, lost):
    lost()
    telling.deliver(at=timezone.now())
    telling.deliver(at=timezone.now() + timedelta(days=1))
    assert len(receiver.heard) == 1


def test_a_receiver_that_is_slow_holds_up_nobody_else(webhook, receiver, settings, monkeypatch):
    """A turn ends; what it did not come to waits for the next one, and is sent once."""
    settings.EMAIL_URL = "submission://x"
    for _ in range(3):
        telling.test(webhook)
    telling.test(Channel.objects.create(name="desk", kind="mail", address="desk@example.com"))
    monkeypatch.setattr(telling, "TURN_S", 0.0)  # as if each took that long
    at = timezone.now()
    assert [telling.deliver(at=at) for _ in range(5)] == [1, 1, 1, 1, 0]
    assert (len(receiver.heard), len(mail.outbox)) == (3, 1)
    assert {row.tries for row in Telling.objects.all()} == {1}


def test_a_mailbox_hears_of_all_before_a_slow_webhook_hears_twice(webhook, receiver, settings, monkeypatch):
    settings.EMAIL_URL = "submission://x"
    desk = Channel.objects.create(name="desk", kind="mail", address="desk@example.com")
    for channel in (webhook, webhook, desk, desk):
        telling.test(channel)
    clock = count(step=20)  # seconds, each time that somebody looks
    monkeypatch.setattr(telling, "monotonic", lambda: next(clock))
    assert telling.deliver(at=timezone.now()) == 3
    assert (len(receiver.heard), len(mail.outbox)) == (1, 1)


def test_a_mailbox_gets_one_mail_for_all_that_is_due(make_charger, look, settings):
    settings.EMAIL_URL, settings.PUBLIC_URL = "submission://x", "https://yard.example"
    Channel.objects.create(name="desk", kind="mail", address="desk@example.com")
    for number in range(3):
        make_charger(
            f"CP-{number}\r\nBcc: all@example.com",
            is_online=False,
            disconnected_at=timezone.now() - 2 * timedelta(hours=1),
        )
    look()
    telling.deliver(at=timezone.now())
    (sent,) = mail.outbox
    assert sent.subject == "[Chargeyard] 3 opened, 0 closed"
    assert sent.to == ["desk@example.com"]
    assert sent.body.count("https://yard.example/issues/") == 3


def test_a_mail_is_written_in_the_language_of_its_channel_and_a_webhook_in_english(webhook, receiver, lost, settings):
    settings.EMAIL_URL = "submission://x"
    Channel.objects.create(name="desk", kind="mail", address="desk@example.com", language="de")
    lost()
    telling.deliver(at=timezone.now())
    (sent,) = mail.outbox
    assert sent.subject.startswith("[Chargeyard] Schwer: CP-1 ist offline seit ")
    ((_, body),) = receiver.heard
    assert json.loads(body)["data"]["title"].startswith("CP-1 has been offline since ")


def test_line_ends_in_a_chargers_name_make_no_header(make_charger, look, settings):
    settings.EMAIL_URL = "submission://x"
    Channel.objects.create(name="desk", kind="mail", address="desk@example.com")
    make_charger("CP\r\nBcc: all@example.com", is_online=False, disconnected_at=timezone.now() - timedelta(hours=1))
    look()
    telling.deliver(at=timezone.now())
    (sent,) = mail.outbox
    assert "\n" not in sent.subject
    assert sent.message()["Bcc"] is None


def test_without_a_mail_server_the_channel_says_so(lost, settings):
    settings.EMAIL_URL = ""
    Channel.objects.create(name="desk", kind="mail", address="desk@example.com")
    lost()
    telling.deliver(at=timezone.now())
    assert Telling.objects.get().trouble == "There is no mail server: set EMAIL_URL."
    assert json.dumps(mail.outbox) == "[]"
