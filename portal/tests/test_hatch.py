"""Files through the hatch as chargers use it: they resume, leave once, post forms, lie about names and sizes."""

from __future__ import annotations

import asyncio
import os
import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from chargers import commands, storage, uploads
from chargers.models import Command, CommandStatus, Upload
from chargers.signals import files_changed
from portal.hatch import Hatch

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.MEDIA_ROOT, settings.FILES_BUCKET, settings.PUBLIC_URL = tmp_path, "", ""


class Answer:
    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status = messages[0]["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])


def ask(method: str, link: str, *chunks: bytes, **headers: str) -> Answer:
    """One request, as the server hands it over."""
    told = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": link, "headers": told}
    inbox = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    inbox.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return inbox.pop(0) if inbox else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(Hatch()(scope, receive, send))
    return Answer(sent)


@pytest.fixture
def asked(cp1):
    """A log that CP-1 was asked for, and the link that it was given."""

    def ask_for() -> tuple[Upload, str]:
        command = commands.request(cp1, "fetch_logs")
        upload = uploads.expect(command, kind="diagnostics", at=timezone.now())
        return upload, storage.charger_link(upload.name, "put", base_url="http://yard").removeprefix("http://yard")

    return ask_for


def firmware(content: bytes = b"0123456789") -> str:
    storage.storage().keep("firmware/ab.bin", [content])
    return storage.own_link("firmware/ab.bin", "get", called="wallbox 2.0.bin")


def test_logs_that_come_slowly_leave_the_threads_of_the_loop_to_others(asked):
    """The gateway's dialling of its broker needs one too."""
    links = [asked()[1] for _ in range(min(32, (os.cpu_count() or 1) + 4))]  # as many as the loop has

    async def send(_: dict[str, Any]) -> None:
        pass

    async def come() -> None:
        coming = []
        for link in links:
            over, begun = asyncio.Event(), asyncio.Event()

            async def receive(over: asyncio.Event = over, begun: asyncio.Event = begun) -> dict[str, Any]:
                begun.set()
                await over.wait()
                return {"type": "http.disconnect"}

            scope = {"type": "http", "method": "PUT", "path": link, "headers": []}
            coming.append((over, asyncio.create_task(Hatch()(scope, receive, send))))
            await asyncio.wait_for(begun.wait(), 20)
        try:
            assert await asyncio.wait_for(asyncio.to_thread(lambda: "done"), 20) == "done"
        finally:
            for over, task in coming:
                over.set()
                await task

    asyncio.run(come())
    assert set(Upload.objects.values_list("state", flat=True)) == {Upload.State.WAITING}


class TestFetching:
    def test_the_whole_file_comes_with_its_length(self):
        answer = ask("GET", firmware())
        assert (answer.status, answer.body) == (200, b"0123456789")
        assert answer.headers["content-length"] == "10" and answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["content-type"] == "application/octet-stream"

    @pytest.mark.parametrize(
        ("asked_for", "got", "told"),
        [
            ("bytes=4-", b"456789", "bytes 4-9/10"),
            ("bytes=0-3", b"0123", "bytes 0-3/10"),
            ("bytes=8-99", b"89", "bytes 8-9/10"),
            ("bytes=-3", b"789", "bytes 7-9/10"),
        ],
    )
    def test_a_charger_that_lost_its_line_resumes(self, asked_for, got, told):
        answer = ask("GET", firmware(), range=asked_for)
        assert (answer.status, answer.body, answer.headers["content-range"]) == (206, got, told)

    def test_a_range_beyond_the_end_is_refused_with_the_size(self):
        answer = ask("GET", firmware(), range="bytes=10-")
        assert (answer.status, answer.headers["content-range"]) == (416, "bytes */10")

    @pytest.mark.parametrize("asked_for", ["bytes=0-1,4-5", "pages=1-2", "bytes=a-b"])
    def test_a_range_that_we_do_not_do_gets_the_whole_file(self, asked_for):
        assert ask("GET", firmware(), range=asked_for).status == 200

    def test_what_is_resumed_must_be_the_same_file(self):
        link = firmware()
        etag = ask("HEAD", link).headers["etag"]
        assert ask("GET", link, range="bytes=4-", if_range=etag).status == 206
        assert ask("GET", link, range="bytes=4-", if_range='"another"').status == 200

    def test_a_head_tells_the_size_and_sends_nothing(self):
        answer = ask("HEAD", firmware())
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "10")

    def test_a_link_is_good_for_its_direction_and_its_time(self):
        link = firmware()
        assert ask("PUT", link, b"evil").status == 403
        with time_machine.travel(timezone.now() + timedelta(hours=2)):
            assert ask("GET", link).status == 403

    @pytest.mark.parametrize("token", ["x", "WyJnZXQi:a:b", "a" * 500, ""])
    def test_a_link_that_we_did_not_make_opens_nothing(self, token):
        assert ask("GET", f"/files/{token}/x.bin").status == 403

    def test_no_name_leads_out_of_the_folder(self):
        assert ask("GET", storage.own_link("../../etc/passwd", "get")).status == 404

    def test_other_methods_are_refused(self):
        assert ask("DELETE", firmware()).status == 405


class TestLeaving:
    def test_a_log_is_received_with_its_size_and_kind(self, asked):
        upload, link = asked()
        assert ask("PUT", link, b"line 1\n", b"line 2\n").status == 201
        upload.refresh_from_db()
        assert (upload.state, upload.size_bytes, upload.content) == ("received", 14, "text")
        with storage.storage().open(upload.name) as file:
            assert file.read() == b"line 1\nline 2\n"

    def test_a_link_is_good_once(self, asked):
        upload, link = asked()
        ask("PUT", link, b"first")
        assert ask("PUT", link, b"second").status == 403
        with storage.storage().open(upload.name) as file:
            assert file.read() == b"first"

    def test_a_charger_that_hangs_a_name_behind_the_link_or_a_path_is_understood(self, asked):
        upload, link = asked()
        assert ask("PUT", f"{link}/../../diag <b>.log", b"x").status == 201
        upload.refresh_from_db()
        assert upload.told_name == "diag <b>.log"
        assert upload.name.startswith("diagnostics/") and ".." not in upload.name

    def test_a_form_as_a_browser_posts_it_is_understood(self, asked):
        upload, link = asked()
        body = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="../evil.zip"\r\n'
            b"Content-Type: text/plain\r\n\r\nlog text\r\n--b--\r\n"
        )
        kind = "multipart/form-data; boundary=b"
        assert ask("POST", link, body, content_type=kind, content_length=str(len(body))).status == 201
        upload.refresh_from_db()
        assert (upload.size_bytes, upload.content) == (8, "text")

    def test_one_that_is_too_large_leaves_nothing_and_may_come_again_smaller(self, asked, settings):
        settings.UPLOAD_LIMIT_BYTES = 10
        upload, link = asked()
        assert ask("PUT", link, b"x" * 6, b"x" * 6).status == 413
        upload.refresh_from_db()
        assert upload.state == "waiting" and "UPLOAD_LIMIT_BYTES" in upload.problem
        assert not list(Path(settings.MEDIA_ROOT).rglob("*.*"))
        assert ask("PUT", link, b"x" * 6).status == 201

    def test_no_link_writes_where_no_log_is_expected(self, asked):
        asked()
        assert ask("PUT", storage.own_link("firmware/ab.bin", "put"), b"evil").status == 403

    def test_a_late_log_of_a_deleted_request_is_refused(self, asked):
        upload, link = asked()
        uploads.delete(upload)
        assert ask("PUT", link, b"x").status == 403


class TestFollowing:
    def test_the_steps_that_a_charger_tells_are_followed(self, asked, cp1):
        upload, _ = asked()
        uploads.follow(cp1, "Uploading")
        upload.refresh_from_db()
        assert upload.state == "uploading"
        uploads.follow(cp1, "UploadFailed")
        upload.refresh_from_db()
        assert (upload.state, upload.problem) == ("failed", "The charger could not upload it. (UploadFailed)")

    def test_what_was_refused_or_never_came_fails_and_says_why(self, asked):
        (first, _), (second, _) = asked(), asked()
        Command.objects.filter(upload=first).update(status=CommandStatus.REJECTED)
        uploads.look(at=timezone.now() + timedelta(hours=2))
        first.refresh_from_db()
        second.refresh_from_db()
        assert first.problem == "The charger refused."
        assert second.problem == "Nothing arrived within 60 minutes."

    def test_old_logs_are_forgotten_with_their_files(self, asked, settings):
        upload, link = asked()
        ask("PUT", link, b"old")
        assert uploads.forget(before=timezone.now() + timedelta(days=1)) == 1
        assert not Upload.objects.exists()
        assert not Path(settings.MEDIA_ROOT, upload.name).exists()


def packed() -> bytes:
    memory = BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../<script>alert(1)</script>.txt", "x")
        archive.writestr("zeros", bytes(20_000_000))  # a small bomb
    return memory.getvalue()


class TestReading:
    @pytest.fixture(autouse=True)
    def plain(self, settings):
        settings.STORAGES = {
            **settings.STORAGES,
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        }

    def test_text_is_shown_escaped_and_cut(self, asked, client, alice):
        client.force_login(alice)
        upload, link = asked()
        ask("PUT", link, b"<img src=x onerror=alert(1)>\n" + b"y" * 300_000 + b"the end")
        page = client.get(f"/firmware/logs/{upload.pk}/").content.decode()
        assert "&lt;img src=x onerror=alert(1)&gt;" in page and "<img src=x" not in page
        assert "the end" not in page and "of 293.0" in page

    def test_an_archive_is_listed_and_not_unpacked(self, asked, client, alice):
        client.force_login(alice)
        upload, link = asked()
        ask("PUT", link, packed())
        page = client.get(f"/firmware/logs/{upload.pk}/").content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;.txt" in page and "19.1" in page

    @pytest.mark.parametrize("head", [b"PK\x03\x04 broken", b"\x1f\x8b packed", bytes(300)])
    def test_what_cannot_be_read_can_still_be_downloaded(self, asked, client, alice, head):
        client.force_login(alice)
        upload, link = asked()
        ask("PUT", link, head)
        assert client.get(f"/firmware/logs/{upload.pk}/").status_code == 200
        found = client.get(f"/firmware/logs/{upload.pk}/download/")
        assert found.status_code == 302
        assert ask("GET", found["Location"].removeprefix("http://testserver")).body == head

    def test_bob_may_read_and_not_delete(self, asked, client, bob):
        client.force_login(bob)
        upload, link = asked()
        ask("PUT", link, b"x")
        assert client.get(f"/firmware/logs/{upload.pk}/").status_code == 200
        assert client.post(f"/firmware/logs/{upload.pk}/delete/").status_code == 403
        assert Upload.objects.exists()


def test_people_see_how_much_of_a_log_has_come_and_nothing_of_a_try_that_broke_off(asked, monkeypatch):
    monkeypatch.setattr("portal.hatch.TOLD_EVERY_S", 0)
    upload, link = asked()
    told: list[tuple[int | None, int | None]] = []

    def note(**kwargs: Any) -> None:
        told.append(Upload.objects.values_list("done_bytes", "announced_bytes").get(pk=upload.pk))

    files_changed.connect(note)
    try:
        assert ask("PUT", link, b"12345", b"6789", content_length="9").status == 201
    finally:
        files_changed.disconnect(note)
    assert told[0] == (0, 9)
    assert (5, 9) in told and (9, 9) in told


@pytest.mark.parametrize("length", ["", "a lot", "-1", "9" * 40])
def test_a_length_that_means_nothing_is_no_length(asked, length):
    upload, link = asked()
    assert ask("PUT", link, b"12345", content_length=length).status == 201
    upload.refresh_from_db()
    assert (upload.announced_bytes, upload.size_bytes) == (None, 5)
