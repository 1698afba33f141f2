"""Files: kept whole or not at all, reached by links that are good for one thing and a while. In a folder and in S3."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client
from moto import mock_aws

from chargers import storage
from chargers.storage import BadLink, LocalFiles, NoSuchFile, S3Files, TooLarge, new_name, opened


@pytest.fixture(params=["folder", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param == "folder":
        yield LocalFiles(tmp_path / "files")
        return
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    storage._s3.cache_clear()
    with mock_aws():
        storage._s3().create_bucket(Bucket="yard", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield S3Files("yard")
    storage._s3.cache_clear()


def test_what_is_kept_can_be_read_and_deleted(files):
    name = new_name("firmware", "v2.bin")
    assert files.keep(name, [b"abc", b"def"]) == 6
    with files.open(name) as file:
        assert file.read() == b"abcdef"
    files.delete(name)
    files.delete(name)
    with pytest.raises(NoSuchFile):
        files.open(name)


def test_too_large_a_file_leaves_nothing_behind(files, settings):
    settings.UPLOAD_LIMIT_BYTES = 5
    with pytest.raises(TooLarge, match="UPLOAD_LIMIT_BYTES"):
        files.keep("diagnostics/x", [b"abc", b"def"])
    with pytest.raises(NoSuchFile):
        files.open("diagnostics/x")


@pytest.mark.parametrize(
    ("given", "suffix"),
    [("log.zip", ".zip"), ("../../x", ""), ("a.tar.gz", ".gz"), ("x.<script>", ""), ("", "")],
)
def test_a_name_is_ours_whatever_the_charger_calls_its_file(given, suffix):
    name = new_name("diagnostics", given)
    assert name.startswith("diagnostics/") and name.endswith(suffix) and ".." not in name and len(name) < 60
    assert new_name("diagnostics", given) != name


def test_a_link_to_s3_is_regional_signed_and_over_after_a_while(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    storage._s3.cache_clear()
    with mock_aws():
        link = urlsplit(S3Files("yard").link("firmware/1.bin", "get", for_s=600))
    storage._s3.cache_clear()
    assert link.netloc == "yard.s3.eu-central-1.amazonaws.com" and link.path == "/firmware/1.bin"
    assert "X-Amz-Expires=600" in link.query and "X-Amz-Signature=" in link.query


class TestLocalLinks:
    @pytest.fixture(autouse=True)
    def folder(self, settings: Any, tmp_path: Path) -> None:
        settings.MEDIA_ROOT, settings.FILES_BUCKET, settings.PUBLIC_URL = tmp_path, "", ""

    def test_a_charger_leaves_a_file_and_staff_fetches_it(self, client: Client) -> None:
        files = storage.storage()
        name = new_name("diagnostics", "log.txt")
        answer = client.put(files.link(name, "put"), data=b"<b>log</b>", content_type="text/html")
        assert answer.status_code == 201
        answer = client.get(files.link(name, "get"))
        assert b"".join(answer.streaming_content) == b"<b>log</b>"  # type: ignore[attr-defined]
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment")

    def test_a_link_is_good_for_its_direction_only(self, client: Client) -> None:
        link = storage.storage().link("firmware/x.bin", "get")
        assert client.put(link, data=b"evil").status_code == 403

    def test_a_link_is_over_after_its_time(self) -> None:
        token = storage.storage().link("firmware/x.bin", "get", for_s=60).split("/")[2]
        assert opened(token, "get") == "firmware/x.bin"
        with time_machine.travel("2099-01-01"), pytest.raises(BadLink, match="over"):
            opened(token, "get")

    @pytest.mark.parametrize("token", ["x", "WyJnZXQi:a:b", "a" * 500])
    def test_a_link_that_we_did_not_make_opens_nothing(self, client: Client, token: str) -> None:
        assert client.get(f"/files/{token}/x.bin").status_code == 403

    def test_no_name_leads_out_of_the_folder(self, client: Client) -> None:
        assert client.get(storage.storage().link("../../etc/passwd", "get")).status_code == 404

    def test_an_upload_that_is_too_large_is_refused(self, client: Client, settings: Any) -> None:
        settings.UPLOAD_LIMIT_BYTES = 10
        assert client.put(storage.storage().link("diagnostics/x", "put"), data=b"x" * 11).status_code == 413
